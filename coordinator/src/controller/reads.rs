//! What is asked without changing anything, answered from what is durable. Not here: the look of each view (`view.rs`).

use std::sync::Arc;

use evenkeel_model::{AppKey, EnvironmentName, HostId, UnixMillis};
use evenkeel_proto::v1;
use evenkeel_rollout::Rollout;

use super::event::{AppFilter, Read};
use super::refusal::MemberError;
use super::state::State;
use crate::store::Host;
use crate::view;

impl State {
    /// Answers. Who asked may be gone; nobody minds.
    pub(super) fn answer(&mut self, read: Read, now: UnixMillis) {
        match read {
            Read::Identify { subject, not_after, reply } => drop(reply.send(self.identify(subject, not_after))),
            Read::Subscribe(host, reply) => drop(reply.send(self.subscribe(&host))),
            Read::Hosts(environment, reply) => drop(reply.send(self.host_views(environment.as_ref()))),
            Read::Host(host, reply) => drop(reply.send(self.host_view(&host))),
            Read::Operators(reply) => drop(reply.send(self.stored.operators.values().cloned().collect())),
            Read::Rollouts { filter, limit, reply } => drop(reply.send(self.rollout_views(&filter, limit, now))),
            Read::Rollout(pick, reply) => {
                let rollout = self.pick(&pick).cloned();
                drop(reply.send(rollout.map(|rollout| self.snapshot(rollout))));
            }
            Read::Watch(pick, reply) => drop(reply.send(self.watch(&pick))),
            Read::Releases(filter, reply) => drop(reply.send(self.release_views(&filter))),
            Read::Status(filter, reply) => drop(reply.send(self.status_views(&filter))),
            Read::Preview(deploy, reply) => drop(reply.send(self.preview(*deploy, now))),
            Read::Freezes(reply) => drop(reply.send(self.freezes_in_force(now).cloned().collect())),
        }
    }

    pub(super) fn host_view(&self, host: &HostId) -> Result<v1::HostView, MemberError> {
        self.known_host(host).map(|host| self.view_of(host))
    }

    fn host_views(&self, environment: Option<&EnvironmentName>) -> Vec<v1::HostView> {
        let is_meant = |host: &&Arc<Host>| environment.is_none_or(|environment| host.environment == *environment);
        self.stored.hosts.values().filter(is_meant).map(|host| self.view_of(host)).collect()
    }

    fn view_of(&self, host: &Host) -> v1::HostView {
        let live = self.live.hosts.get(&host.host);
        let contact = live.map_or_else(|| self.live.never_heard(), super::live::LiveHost::contact);
        let is_in_conflict = live.is_some_and(|live| live.highest_epoch > self.epoch());
        let apps = self.apps.iter().filter(|(key, _)| key.environment == host.environment);
        v1::HostView {
            host: host.host.to_string(),
            environment: host.environment.to_string(),
            labels: host.labels.clone().into_iter().collect(),
            contact: view::contact(contact, is_in_conflict).to_owned(),
            last_heard: live.and_then(super::live::LiveHost::last_heard).map(|at| at.0),
            joined: host.joined.0,
            certificate_expires: host.certificate_expires.0,
            duty: host.duty().as_str().to_owned(),
            duty_act: host.relieved.as_ref().map(view::relieved),
            facts: live.and_then(|live| live.facts.as_ref()).map(Into::into),
            stats: live.and_then(|live| live.stats.as_ref()).map(Into::into),
            apps: apps.filter_map(|(key, app)| view::host_app(key, app.host(&host.host)?)).collect(),
        }
    }

    fn rollout_views(&self, filter: &AppFilter, limit: usize, now: UnixMillis) -> Vec<v1::RolloutView> {
        let is_meant = |rollout: &&Arc<Rollout>| filter.admits(&rollout.key);
        let newest_first = self.stored.rollouts.values().rev().filter(is_meant).take(limit);
        newest_first.map(|rollout| view::rollout_without_hosts(rollout, self.waiting(rollout), now)).collect()
    }

    fn release_views(&self, filter: &AppFilter) -> Vec<v1::ReleaseView> {
        let mut releases = Vec::new();
        for (key, app) in self.apps.iter().filter(|(key, _)| filter.admits(key)) {
            let current = self.stored.current.get(key).map(|current| current.release);
            for (number, manifest) in &app.manifests {
                let Some(release) = self.stored.release(key, *number) else { continue };
                releases.push((release.made, view::release(key, release, manifest, current == Some(*number))));
            }
        }
        releases.sort_by_key(|(made, view)| std::cmp::Reverse((*made, view.release)));
        releases.into_iter().map(|(_, view)| view).collect()
    }

    fn status_views(&self, filter: &AppFilter) -> Vec<v1::AppStatusView> {
        // An app without a release is what is left of one that could not be stored.
        let apps = self.apps.iter().filter(|(key, app)| filter.admits(key) && !app.manifests.is_empty());
        apps.map(|(key, app)| self.status_view(key, app)).collect()
    }

    fn status_view(&self, key: &AppKey, app: &super::app::App) -> v1::AppStatusView {
        v1::AppStatusView {
            environment: key.environment.to_string(),
            app: key.app.to_string(),
            current_release: self.stored.current.get(key).map(|current| current.release.0),
            rollout: self.going_rollout(key).map(|rollout| rollout.id.0),
            hosts: app.hosts.iter().filter_map(|host| view::app_host(key, host)).collect(),
        }
    }
}
