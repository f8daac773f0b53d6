//! Who tries again among those that wait, who is woken, and for how long anybody waits. On simulated time.

use evenkeel_model::Millis;

use super::*;
use crate::route::{Kind, Route};

const AGAIN: Option<Duration> = Some(Duration::from_millis(100));

fn entry(hold: Millis) -> Entry {
    let route = Route {
        owner: "shop".into(),
        name: "web".into(),
        listen: ([127, 0, 0, 1], 1).into(),
        kind: Kind::Tcp,
        upstreams: vec![],
        hold,
        holding: false,
    };
    Entry { route, state: Arc::default(), choices: vec![] }
}

#[tokio::test(start_paused = true)]
async fn of_all_that_wait_one_tries_again_and_a_change_wakes_all() {
    let entry = entry(Millis::minutes(1));
    let (mut one, mut other) = (Hold::default(), Hold::default());
    for hold in [&mut one, &mut other] {
        hold.wait(&entry, AGAIN, 9).await.unwrap();
    }
    let tries = async {
        for _ in 0..50 {
            one.wait(&entry, AGAIN, 9).await.unwrap();
        }
    };
    tokio::select! {
        biased;
        () = tries => {}
        _ = other.wait(&entry, AGAIN, 9) => panic!("both try"),
    }
    let began = Instant::now();
    let (first, second, ()) = tokio::join!(one.wait(&entry, AGAIN, 9), other.wait(&entry, AGAIN, 9), async {
        entry.state.changed.send_replace(());
    });
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn when_the_one_that_tries_has_gone_another_does() {
    let entry = entry(Millis::minutes(1));
    let (mut one, mut other) = (Hold::default(), Hold::default());
    for hold in [&mut one, &mut other] {
        hold.wait(&entry, AGAIN, 9).await.unwrap();
    }
    let began = Instant::now();
    let mut tries = Box::pin(one.wait(&entry, AGAIN, 9));
    tokio::select! {
        biased;
        _ = &mut tries => panic!("too early"),
        _ = other.wait(&entry, AGAIN, 9) => panic!("both try"),
        () = std::future::ready(()) => {}
    }
    drop(tries);
    other.wait(&entry, AGAIN, 9).await.unwrap();
    assert_eq!(began.elapsed(), AGAIN.unwrap());
    assert_eq!(entry.state.waiting.load(Ordering::SeqCst), 2);
    drop((one, other));
    assert_eq!(entry.state.waiting.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_hold_however_often_it_changes() {
    let entry = entry(Millis::seconds(30));
    let (mut hold, began) = (Hold::default(), Instant::now());
    let over = loop {
        entry.state.changed.send_replace(());
        match hold.wait(&entry, AGAIN, 9).await {
            Ok(()) => tokio::time::advance(Duration::from_millis(7)).await,
            Err(over) => break over,
        }
    };
    assert_eq!(over, Over::TimeUp);
    assert!(began.elapsed() < Duration::from_secs(31));
    assert_eq!(Hold::default().wait(&self::entry(Millis(0)), None, 9).await, Err(Over::Never));
}
