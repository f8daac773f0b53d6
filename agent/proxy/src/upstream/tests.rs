//! Choice and count against drain and cut, on real threads.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;

fn live() -> Arc<Live> {
    Arc::new(Live::new("c1", ([127, 0, 0, 1], 1).into(), Wake::default()))
}

#[test]
fn nothing_starts_on_a_retired_upstream_whose_count_was_seen_at_zero() {
    for _ in 0..2000 {
        let live = live();
        let stopped = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(in_flight) = live.begin() {
                        assert!(!stopped.load(Ordering::SeqCst), "a request started on a container that is gone");
                        drop(in_flight);
                    }
                });
            }
            live.retire();
            while live.in_flight() > 0 {
                thread::yield_now();
            }
            stopped.store(true, Ordering::SeqCst);
        });
    }
}

#[test]
fn the_end_of_the_last_in_flight_wakes_and_an_earlier_one_does_not() {
    let live = live();
    let mut drained = live.wake.drained.subscribe();
    let (first, second) = (live.begin().unwrap(), live.begin().unwrap());
    live.retire();
    drop(first);
    assert!(!drained.has_changed().unwrap());
    drop(second);
    assert!(drained.has_changed().unwrap());
    drained.mark_unchanged();
    live.revive();
    drop(live.begin().unwrap());
    assert!(!drained.has_changed().unwrap(), "it is not draining");
}

#[test]
fn only_a_draining_upstream_is_cut_and_it_never_comes_back() {
    let live = live();
    let _in_flight = live.begin().unwrap();
    assert_eq!(live.cut(), 0);
    assert_eq!(live.in_flight(), 1);
    live.retire();
    assert_eq!(live.cut(), 1);
    assert_eq!(live.in_flight(), 0);
    live.revive();
    assert!(live.begin().is_none());
}
