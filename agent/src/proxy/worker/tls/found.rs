//! What was found in a folder of certificates: in memory alone, so that nobody who asks waits for a disk. Not here: reading (`folder`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use evenkeel_certs::PublicCertificate;
use evenkeel_model::UnixMillis;

use super::Known;
use super::expiry::expiry;

/// Certificates by name of file.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) directory: PathBuf,
    pub(super) pairs: BTreeMap<String, Pair>,
    /// Why it can't be listed.
    pub(super) trouble: Option<String>,
}

/// What is known of a certificate's files.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair {
    /// The file with the chain.
    pub(super) source: PathBuf,
    pub(super) serving: Option<Arc<PublicCertificate>>,
    pub(super) trouble: Option<String>,
}

impl Found {
    /// Those that can be used, by the names of their files.
    pub(super) fn serving(&self) -> impl Iterator<Item = &Arc<PublicCertificate>> {
        self.pairs.values().filter_map(|pair| pair.serving.as_ref())
    }

    /// The one in the file of this name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<PublicCertificate>> {
        self.pairs.get(name).and_then(|pair| pair.serving.clone())
    }

    /// Whether one that is valid is for this host.
    pub(super) fn has_valid(&self, host: &str, now: UnixMillis) -> bool {
        self.serving().any(|certificate| certificate.covers(host) && certificate.is_valid(now))
    }

    /// The first thing that is wrong with the files.
    pub(super) fn trouble(&self) -> Option<&str> {
        let of_pairs = || self.pairs.values().find_map(|pair| pair.trouble.as_deref());
        self.trouble.as_deref().or_else(of_pairs)
    }

    /// All of them, and what is wrong with each.
    pub(super) fn known(&self, now: UnixMillis) -> Vec<Known> {
        let known = self.pairs.values().map(|pair| Known {
            names: pair.serving.as_ref().map_or_else(Vec::new, |serving| serving.names().to_vec()),
            source: pair.source.display().to_string(),
            not_after: pair.serving.as_ref().map(|serving| serving.not_after()),
            trouble: pair.trouble.clone().or_else(|| expiry(pair.serving.as_ref()?, now)),
        });
        let whole = self.trouble.clone().map(|trouble| Known {
            names: vec![],
            source: self.directory.display().to_string(),
            not_after: None,
            trouble: Some(trouble),
        });
        whole.into_iter().chain(known).collect()
    }
}
