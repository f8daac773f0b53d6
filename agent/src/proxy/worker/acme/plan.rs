//! For which host a certificate is asked next, and when. Pure: what is held, what was tried and the time are arguments.

use std::collections::BTreeMap;

use evenkeel_model::{Millis, UnixMillis};
use serde::{Deserialize, Serialize};

/// After the first failure, if the server was not asked for anything.
const FIRST_WAIT: Millis = Millis::minutes(1);
/// After the first failure of an order: public servers allow five for a name in an hour, and with these waits there are no more.
const FIRST_WAIT_OF_ORDER: Millis = Millis::minutes(5);
/// However often it failed.
const LONGEST_WAIT: Millis = Millis::minutes(6 * 60);
/// After the server has said that it is asked too often.
const LIMIT_WAIT: Millis = Millis::minutes(60);
/// Orders of all hosts within [`WINDOW`]: far below what public servers allow (300 in three hours), and more than a host needs.
const MOST_ORDERS: usize = 30;
/// In which orders are counted.
pub(super) const WINDOW: Millis = Millis::minutes(60);
/// Renewals are put off by up to this part of a certificate's life, so that those that were issued together are not renewed together.
const SPREAD: u64 = 20;

/// The life of a certificate that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Its first moment.
    pub(super) not_before: UnixMillis,
    /// Its last.
    pub(super) not_after: UnixMillis,
}

/// Tries for one host since the last that was crowned with success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tries {
    /// How many failed, or did not end.
    pub(super) failures: u32,
    /// Not before this.
    pub(super) next: UnixMillis,
    /// What went wrong, for people.
    pub(super) problem: String,
}

/// All that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tried {
    /// By host.
    pub(super) hosts: BTreeMap<String, Tries>,
    /// When something was ordered, the oldest first.
    pub(super) orders: Vec<UnixMillis>,
}

/// How a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing was ordered.
    BeforeOrder,
    /// An order was made, or may have been.
    Ordered,
    /// The server is asked too often.
    Limit,
}

impl Tried {
    /// Without what only a clock that was ahead can have written: else nothing would be asked for until that time has come. Says whether
    /// there was such a thing.
    pub(super) fn correct(&mut self, now: UnixMillis) -> bool {
        let (latest, orders) = (now + LONGEST_WAIT, self.orders.len());
        self.orders.retain(|order| *order <= now);
        let mut is_other = self.orders.len() != orders;
        for tries in self.hosts.values_mut().filter(|tries| tries.next > latest) {
            tries.next = latest;
            is_other = true;
        }
        is_other
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask for this host's.
    Order(String),
    /// Look again at that moment.
    Wait(UnixMillis),
    /// There is no host.
    Nothing,
}

/// The host whose turn it is; those that have no certificate come first.
pub(super) fn next(hosts: &[(String, Option<Held>)], tried: &Tried, now: UnixMillis) -> Next {
    let due = |(host, held): &(String, Option<Held>)| {
        let wanted = held.map_or(UnixMillis(0), |held| renewal(host, held));
        let allowed = tried.hosts.get(host).map_or(UnixMillis(0), |tries| tries.next);
        (wanted.max(allowed), held.is_some(), host.clone())
    };
    let mut all: Vec<_> = hosts.iter().map(due).collect();
    all.sort();
    let Some((soonest, ..)) = all.first() else { return Next::Nothing };
    let soonest = *soonest;
    if soonest > now {
        return Next::Wait(soonest);
    }
    let recent: Vec<_> = tried.orders.iter().filter(|order| now.since(**order) < WINDOW).collect();
    if recent.len() >= MOST_ORDERS {
        return Next::Wait(*recent[0] + WINDOW);
    }
    let ready = all.into_iter().filter(|(due, ..)| *due <= now);
    ready.min_by_key(|(due, has_one, _)| (*has_one, *due)).map_or(Next::Nothing, |(.., host)| Next::Order(host))
}

/// When a certificate is to be replaced: at two thirds of its life and a little, always the same for one certificate.
pub(super) fn renewal(host: &str, held: Held) -> UnixMillis {
    let life = held.not_after.since(held.not_before).0;
    let spread = life / SPREAD;
    let late = if spread == 0 { 0 } else { scattered(host, held.not_after.0) % spread };
    held.not_before + Millis(life / 3 * 2 + late)
}

/// How long to wait after so many failures in a row: doubling, and shortened by up to a quarter so that hosts do not ask in step.
pub(super) fn wait(host: &str, failures: u32, failure: Failure) -> Millis {
    let first = if failure == Failure::BeforeOrder { FIRST_WAIT } else { FIRST_WAIT_OF_ORDER };
    let doubled = first.0 << failures.saturating_sub(1).min(16);
    let wait = doubled.min(LONGEST_WAIT.0);
    let wait = wait - scattered(host, u64::from(failures)) % (wait / 4);
    Millis(if failure == Failure::Limit { wait.max(LIMIT_WAIT.0) } else { wait })
}

/// FNV-1a (Fowler, Noll, Vo): enough for spreading, the same in every process.
fn scattered(host: &str, number: u64) -> u64 {
    let bytes = host.bytes().chain(number.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;
    const NOW: UnixMillis = UnixMillis(1_000 * DAY);

    fn held(age_days: u64, life_days: u64) -> Held {
        let not_before = UnixMillis(NOW.0 - age_days * DAY);
        Held { not_before, not_after: not_before + Millis(life_days * DAY) }
    }

    fn check(hosts: &[(&str, Option<Held>)], tried: &Tried, expected: &Next) {
        let hosts: Vec<_> = hosts.iter().map(|(host, held)| ((*host).to_owned(), *held)).collect();
        assert_eq!(next(&hosts, tried, NOW), *expected);
    }

    fn failed(host: &str, next: UnixMillis) -> Tried {
        let tries = Tries { failures: 1, next, problem: String::new() };
        Tried { hosts: [(host.to_owned(), tries)].into(), orders: vec![] }
    }

    #[test]
    fn what_is_missing_is_asked_for_before_what_is_old_and_what_is_young_waits() {
        let none = Tried::default();
        check(&[], &none, &Next::Nothing);
        check(&[("a", Some(held(80, 90))), ("b", None)], &none, &Next::Order("b".into()));
        check(&[("a", Some(held(80, 90))), ("b", Some(held(1, 90)))], &none, &Next::Order("a".into()));
        let young = held(1, 90);
        check(&[("a", Some(young))], &none, &Next::Wait(renewal("a", young)));
    }

    #[test]
    fn a_host_that_failed_waits_and_is_in_nobodys_way() {
        let later = NOW + Millis(5);
        check(&[("a", None)], &failed("a", later), &Next::Wait(later));
        check(&[("a", None), ("b", None)], &failed("a", later), &Next::Order("b".into()));
        check(&[("a", None)], &failed("a", NOW), &Next::Order("a".into()));
    }

    #[test]
    fn orders_of_an_hour_are_bounded() {
        let orders = vec![UnixMillis(NOW.0 - 60_000); MOST_ORDERS];
        let until = orders[0] + WINDOW;
        check(&[("a", None)], &Tried { orders, ..Tried::default() }, &Next::Wait(until));
        let old = vec![UnixMillis(NOW.0 - WINDOW.0); MOST_ORDERS];
        check(&[("a", None)], &Tried { orders: old, ..Tried::default() }, &Next::Order("a".into()));
    }

    #[test]
    fn renewal_is_after_two_thirds_of_the_life_and_not_much_later() {
        for host in ["a", "shop.example", "www.shop.example"] {
            let held = held(0, 90);
            let after = renewal(host, held).since(NOW).0;
            assert!((60 * DAY..=60 * DAY + 9 * DAY / 2).contains(&after), "{after}");
        }
        assert_ne!(renewal("a", held(0, 90)), renewal("b", held(0, 90)));
        let empty = Held { not_before: NOW, not_after: NOW };
        assert_eq!(renewal("a", empty), NOW);
    }

    #[test]
    fn waits_double_from_one_or_five_minutes_to_six_hours() {
        for (failure, first) in [(Failure::BeforeOrder, 60_000), (Failure::Ordered, 300_000)] {
            let mut ceiling: u64 = first;
            for failures in 1..40 {
                let waited = wait("a", failures, failure).0;
                assert!(waited <= ceiling && waited >= ceiling / 4 * 3, "{failures}: {waited}");
                ceiling = (ceiling * 2).min(LONGEST_WAIT.0);
            }
        }
        assert!(wait("a", 1, Failure::Limit) >= LIMIT_WAIT);
    }

    #[test]
    fn orders_that_fail_are_at_most_five_in_an_hour() {
        for host in ["a", "b", "shop.example", "www.shop.example"] {
            let until_the_sixth: u64 = (1..=5).map(|failures| wait(host, failures, Failure::Ordered).0).sum();
            assert!(until_the_sixth > 3_600_000, "{host}: {until_the_sixth}");
        }
    }

    #[test]
    fn what_a_clock_that_was_ahead_has_left_is_corrected() {
        let ahead = NOW + Millis(400 * DAY);
        let mut tried = failed("a", ahead);
        tried.orders = vec![UnixMillis(NOW.0 - 1), ahead];
        assert!(tried.correct(NOW));
        assert_eq!(
            (tried.hosts["a"].next, tried.orders.as_slice()),
            (NOW + LONGEST_WAIT, &[UnixMillis(NOW.0 - 1)][..])
        );
        assert!(!tried.correct(NOW), "and then it is right");
    }
}
