//! The releases: an image of its own for each rollout, so that none is a no-op, and every host has to pull it whole. Not here: who pulls.

use std::cell::Cell;

use anyhow::Result;

use crate::hosts::{Fleet, Image, Published};

/// How good a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It serves.
    Good,
    /// It ends at its start.
    Crash,
    /// It serves, and says of itself that it is not well, from its start on.
    Unhealthy,
}

/// Makes releases, all of the same program.
#[derive(Debug)]
pub(super) struct Releases<'a> {
    pub(super) fleet: &'a Fleet,
    made: Cell<u32>,
}

impl<'a> Releases<'a> {
    pub(super) fn new(fleet: &'a Fleet) -> Self {
        Self { fleet, made: Cell::new(0) }
    }

    /// Puts the next one into the registry. It answers with its tag.
    pub(super) fn publish(&self, kind: Kind, healthcheck: bool) -> Result<Published> {
        self.made.set(self.made.get() + 1);
        let tag = format!("r{}", self.made.get());
        let mode = match kind {
            Kind::Good => "graceful",
            Kind::Crash => "crash",
            Kind::Unhealthy => "unready",
        };
        let environment = [("VERSION", tag.as_str()), ("MODE", mode)];
        let image = Image { repository: "app", tag: &tag, environment: &environment, healthcheck, own_layer: true };
        self.fleet.publish_image(image)
    }
}
