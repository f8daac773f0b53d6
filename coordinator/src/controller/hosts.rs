//! What agents tell: streams, reports, silence. Not here: what is known of a stream (`live.rs`), and what follows (the plan).

use tokio::time::Instant;

use evenkeel_model::{HostId, UnixMillis};

use super::event::{ConnectionId, Hello, Reported};
use super::live::Taken;
use super::refusal::ConnectError;
use super::state::State;

impl State {
    pub(super) fn connect(&mut self, hello: &Hello, now: UnixMillis) -> Result<Taken, ConnectError> {
        self.known_host(&hello.host)?;
        let taken = self.live.connect(hello, now).ok_or_else(|| ConnectError::Superseded(hello.host.clone()))?;
        if hello.highest_epoch > self.epoch() {
            tracing::warn!(
                host = %hello.host,
                heard = %hello.highest_epoch,
                ours = %self.epoch(),
                "a host has heard a newer coordinator: it is left alone"
            );
        }
        self.contact_changed(&hello.host);
        Ok(taken)
    }

    pub(super) fn gone(&mut self, host: &HostId, connection: ConnectionId) {
        if self.live.gone(host, connection) {
            self.contact_changed(host);
        }
    }

    pub(super) fn expire_leases(&mut self, instant: Instant) {
        for host in self.live.expire(instant) {
            tracing::warn!(%host, "a host is not heard any more");
            self.contact_changed(&host);
        }
    }

    /// A report replaces the one before, in every app of the host's environment; what it says of others is not its business.
    pub(super) fn reported(&mut self, id: &HostId, connection: ConnectionId, reported: Reported) {
        let Some(host) = self.stored.hosts.get(id) else { return };
        let Some(live) = self.live.hear(id, connection) else { return };
        let mut reports: std::collections::BTreeMap<_, _> = reported
            .apps
            .into_iter()
            .filter(|report| report.key.environment == host.environment)
            .map(|report| (report.key.clone(), report))
            .collect();
        for (key, app) in self.apps.iter_mut().filter(|(key, _)| key.environment == host.environment) {
            let refused = reported.refused.iter().find(|refused| refused.key == *key).cloned();
            let prefetch = reported.prefetch.iter().find(|prefetch| prefetch.key == *key).cloned();
            let (says_more, has_fetched) =
                (app.hear(id, reports.remove(key), refused), app.hear_prefetch(id, prefetch));
            if says_more || has_fetched {
                self.dirty.insert(key.clone());
            }
        }
        live.strays = reports;
        live.refused = reported.refused;
    }
}
