//! When a host begins to fetch, and tries again: spread, so that many hosts that hear of a release at once do not ask its registry at once. Pure, of
//! who asks for what alone: the simulation repeats itself by it. Not here: how many hosts are told at once (the coordinator bounds that).

use evenkeel_model::{HostId, Millis, Prefetch};

/// The hosts that are told at once begin inside this window. No more is needed, because the coordinator bounds how many those are; and a wave of
/// a small fleet is done with it long before a usual bake has passed.
pub(super) const WINDOW: Millis = Millis::seconds(3);
/// The first wait after an attempt that failed; it doubles with each further one.
const FIRST_WAIT: Millis = Millis::seconds(5);
/// The longest, before it is spread by up to a quarter.
const LONGEST_WAIT: Millis = Millis::minutes(1);

/// From the announcement to the first attempt.
pub(super) fn jitter(host: &HostId, wanted: &Prefetch) -> Millis {
    Millis(hash(host, wanted, 0) % WINDOW.0)
}

/// From an attempt that failed, counted from 1, to the next.
pub(super) fn backoff(host: &HostId, wanted: &Prefetch, attempt: u32) -> Millis {
    let wait = (FIRST_WAIT.0 << attempt.saturating_sub(1).min(10)).min(LONGEST_WAIT.0);
    Millis(wait + hash(host, wanted, attempt) % (wait / 4))
}

/// FNV-1a over who asks for what, finished as `SplitMix64` does, so that names that differ in their last letter lie far apart.
fn hash(host: &HostId, wanted: &Prefetch, attempt: u32) -> u64 {
    let text = format!("{host} {} {} {attempt}", wanted.key, wanted.release);
    let folded = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (folded ^ (folded >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use evenkeel_model::{AppKey, ReleaseNumber};

    use super::*;

    fn wanted(release: u64) -> Prefetch {
        Prefetch {
            key: AppKey { environment: "default".parse().unwrap(), app: "shop".parse().unwrap() },
            release: ReleaseNumber(release),
            images: Vec::new(),
            pull_deadline: Millis::minutes(1),
        }
    }

    #[test]
    fn hosts_begin_apart_and_each_always_at_its_own_moment() {
        let begins = |number: u32| jitter(&format!("web-{number}").parse().unwrap(), &wanted(2));
        let all: Vec<Millis> = (1..=20).map(begins).collect();
        assert!(all.iter().all(|at| *at < WINDOW));
        let tenths: BTreeSet<u64> = all.iter().map(|at| at.0 * 10 / WINDOW.0).collect();
        assert!(tenths.len() >= 6, "spread over the window: {all:?}");
        assert_eq!(all, (1..=20).map(begins).collect::<Vec<_>>());
        let host = "web-1".parse().unwrap();
        assert_ne!(jitter(&host, &wanted(2)), jitter(&host, &wanted(3)));
    }

    #[test]
    fn waits_double_up_to_a_longest() {
        let host = "web-1".parse().unwrap();
        let waits: Vec<u64> = (1..=20).map(|attempt| backoff(&host, &wanted(2), attempt).0).collect();
        for (attempt, wait) in waits.iter().enumerate() {
            let least = (5_000_u64 << attempt.min(10)).min(60_000);
            assert!((least..least + least / 4).contains(wait), "{waits:?}");
        }
    }
}
