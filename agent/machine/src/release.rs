//! A release as decisions need it: its services on this host, each with the fingerprint that its container must have.
//! Not here: checking a release before it is accepted (`offer`).

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::manifest::IfOrphaned;
use evenkeel_model::{Content, Digest, Manifest, ReleaseNumber, Service, ServiceName};

/// One service and what identifies its container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) service: Service,
    pub(crate) fingerprint: Digest,
}

impl Wanted {
    /// Whether the host's proxy owns a port of it.
    pub(crate) fn is_routed(&self) -> bool {
        self.service.spec.routed_ports().next().is_some()
    }
}

/// A manifest that was read once, with all fingerprints worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    if_orphaned: IfOrphaned,
    keep: u32,
    services: BTreeMap<ServiceName, Wanted>,
}

impl Reading {
    /// None if the bytes are no manifest for this version of the agent.
    pub(crate) fn of(content: &Content) -> Option<Self> {
        let manifest = Manifest::decode(&content.manifest).ok()?;
        let wanted = |service: Service| Wanted { fingerprint: service.fingerprint(), service };
        let services = manifest.services.into_iter().map(|(name, service)| (name, wanted(service))).collect();
        Some(Self { if_orphaned: manifest.if_orphaned, keep: manifest.keep, services })
    }
}

/// A release that can be read, narrowed to the services of this host.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    content: &'a Content,
    reading: Arc<Reading>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(content: &'a Content, reading: Arc<Reading>) -> Self {
        Self { content, reading }
    }

    /// This host's services, by name.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&ServiceName, &Wanted)> {
        self.reading.services.iter().filter(|(name, _)| self.content.services.contains(*name))
    }

    /// One service, if this host runs it.
    pub(crate) fn get(&self, name: &ServiceName) -> Option<&Wanted> {
        self.reading.services.get(name).filter(|_| self.content.services.contains(name))
    }

    pub(crate) fn number(&self) -> ReleaseNumber {
        self.content.release
    }

    pub(crate) fn if_orphaned(&self) -> IfOrphaned {
        self.reading.if_orphaned
    }

    /// How many releases a host keeps the images of.
    pub(crate) fn keep(&self) -> u32 {
        self.reading.keep
    }
}

/// What should run, as far as it can be known.
#[derive(Debug, Clone)]
pub(crate) enum Goal<'a> {
    /// Nothing.
    Nothing,
    /// A release whose manifest this version can't read: nothing may be concluded from it.
    Unreadable,
    /// A release.
    Release(Target<'a>),
}

impl<'a> Goal<'a> {
    pub(crate) fn target(&self) -> Option<&Target<'a>> {
        match self {
            Self::Release(target) => Some(target),
            Self::Nothing | Self::Unreadable => None,
        }
    }

    /// One service, if there is a release and this host runs it.
    pub(crate) fn get(&self, name: &ServiceName) -> Option<&Wanted> {
        self.target()?.get(name)
    }
}
