//! Which certificate a client is shown: that for exactly the name it asks for, else a wildcard's, else the first of all; none while one
//! for that name is awaited, because a certificate of another name would be a lie. Not here: the handshake (`accept`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

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
    /// Of two for one name the one that lasts longer is shown.
    pub(super) fn new(certificates: &[Arc<PublicCertificate>], awaited: BTreeSet<String>) -> Self {
        let mut by_name: HashMap<String, Arc<PublicCertificate>> = HashMap::new();
        for certificate in certificates {
            for name in certificate.names() {
                let lasts_longer = |other: &Arc<PublicCertificate>| other.not_after() >= certificate.not_after();
                if !by_name.get(name).is_some_and(lasts_longer) {
                    by_name.insert(name.clone(), Arc::clone(certificate));
                }
            }
        }
        Self { first: certificates.first().cloned(), by_name, awaited }
    }

    fn choose(&self, name: Option<&str>) -> Choice {
        let named = name.and_then(|name| {
            let wild = || wildcard_of(name).and_then(|wild| self.by_name.get(&wild));
            self.by_name.get(name).or_else(wild)
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
