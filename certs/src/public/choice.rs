//! Which certificate a client is shown: that for exactly the name it asks for, else a wildcard's, else the first of all; none while one
//! for that name is awaited, because a certificate of another name would be a lie. One that is valid comes before each that is not, as
//! clients refuse those. Not here: the handshake (`accept`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use evenkeel_model::UnixMillis;

use super::certificate::{PublicCertificate, wildcard_of};

/// What is shown, replaced as a whole: handshakes that begin later see the new one, open connections go on.
#[derive(Debug, Default)]
pub(super) struct Shown {
    current: ArcSwap<Selection>,
}

/// All certificates, by their names.
#[derive(Debug, Default)]
pub(super) struct Selection {
    first: Option<Arc<PublicCertificate>>,
    by_name: HashMap<String, Arc<PublicCertificate>>,
    /// When it was made.
    now: UnixMillis,
    awaited: BTreeSet<String>,
}

/// What is there for one client.
#[derive(Debug)]
pub(super) enum Choice {
    /// This one is shown.
    Show(Arc<PublicCertificate>),
    /// There is none for its name yet.
    Awaited,
    /// There is none at all.
    Nothing,
}

impl Selection {
    /// Of two for one name the one that is valid now is shown; of two such the one that lasts longer.
    pub(super) fn new(certificates: &[Arc<PublicCertificate>], awaited: BTreeSet<String>, now: UnixMillis) -> Self {
        let rank = |certificate: &PublicCertificate| (certificate.is_valid(now), certificate.not_after());
        let mut by_name: HashMap<String, Arc<PublicCertificate>> = HashMap::new();
        for certificate in certificates {
            for name in certificate.names() {
                let is_better = |other: &Arc<PublicCertificate>| rank(other) >= rank(certificate);
                if !by_name.get(name).is_some_and(is_better) {
                    by_name.insert(name.clone(), Arc::clone(certificate));
                }
            }
        }
        let first = certificates.iter().find(|certificate| certificate.is_valid(now)).or(certificates.first());
        Self { first: first.cloned(), by_name, now, awaited }
    }

    pub(super) fn choose(&self, name: Option<&str>) -> Choice {
        let named = name.and_then(|name| {
            let wild = wildcard_of(name).and_then(|wild| self.by_name.get(&wild));
            let found = [self.by_name.get(name), wild].into_iter().flatten();
            found.clone().find(|certificate| certificate.is_valid(self.now)).or_else(|| found.clone().next())
        });
        match (named, name) {
            (Some(certificate), _) => Choice::Show(Arc::clone(certificate)),
            (None, Some(name)) if self.awaited.contains(name) => Choice::Awaited,
            (None, _) => self.first.clone().map_or(Choice::Nothing, Choice::Show),
        }
    }
}

impl Shown {
    pub(super) fn replace(&self, selection: Selection) {
        self.current.store(Arc::new(selection));
    }

    /// For a client that asks for this name, in lower case, or for none.
    pub(super) fn choose(&self, name: Option<&str>) -> Choice {
        self.current.load().choose(name)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        match self.choose(name.as_deref()) {
            Choice::Show(certificate) => Some(Arc::clone(&certificate.certified)),
            Choice::Awaited | Choice::Nothing => None,
        }
    }
}
