//! Requests that come to the hosts' proxies and end after a while, all by the seed. Not here: what the agents may do meanwhile (`watch.rs`).

use std::time::Duration;

use evenkeel_agent::router::Request;

use super::fleet::key;
use super::release::service;
use super::{Fleet, HostNumber, Random};

/// How likely it is that a request comes to a host in one step, in percent.
const RATE: u64 = 2;
/// How many of a hundred requests last longer than any drain.
const LONG: u64 = 5;

/// What is under way.
#[derive(Debug)]
pub(super) struct Traffic {
    random: Random,
    under_way: Vec<(HostNumber, Request, Duration)>,
}

impl Traffic {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed ^ 0x7_2a_ff_1c), under_way: Vec::new() }
    }

    /// Ends what has had its time, or whose container has ended; lets new ones come.
    pub(super) fn step(&mut self, fleet: &Fleet) {
        let now = fleet.elapsed();
        let runs = |host: HostNumber, request: &Request| fleet.world(host).engine.is_running(&request.container);
        let ended = self.under_way.extract_if(.., |(host, request, until)| now >= *until || !runs(*host, request));
        for (host, request, _) in ended {
            fleet.world(host).router.finish(&request);
        }
        for host in 0..fleet.hosts() {
            if !self.random.chance(RATE) {
                continue;
            }
            let longest = if self.random.chance(LONG) { 60_000 } else { 3_000 };
            let lasts = Duration::from_millis(self.random.between(10, longest));
            if let Some(request) = fleet.world(host).router.begin(&key(), &service()) {
                self.under_way.push((host, request, now + lasts));
            }
        }
    }
}
