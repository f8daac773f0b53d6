//! What every store must do, run on each of them: `contract_tests!` makes the tests. Not here: what only a database has to
//! survive (`sqlite/tests.rs`).

use std::sync::Arc;

use evenkeel_model::{
    Digest, EnvironmentName, Epoch, Generation, Millis, Phase, Policy, ReleaseNumber, Terms, UnixMillis, Version,
};
use evenkeel_rollout::{HostState, Rollout};

use super::{
    Current, Fleet, Freeze, Host, Operator, Order, Release, Relieved, Removed, Role, Snapshot, Store, StoreError,
    Subject, Token, Use, Write,
};
use evenkeel_rollout::Duty;

use crate::fixture::{app, host, host_id, manifest, rollout};

/// A place that a store can be opened on again and again.
pub(crate) trait Place: Default {
    async fn open(&self) -> Arc<dyn Store>;
}

macro_rules! contract_tests {
    ($place:ty: $($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            $crate::store::contract::$name(<$place>::default()).await;
        })*
    };
    ($place:ty) => {
        $crate::store::contract::contract_tests!($place:
            what_is_applied_is_there_after_reopening,
            a_put_replaces_what_has_the_same_key,
            what_is_deleted_is_gone,
            a_batch_with_one_bad_write_changes_nothing,
            writes_of_a_batch_see_those_before_them,
            the_largest_numbers_come_back,
            a_rollout_comes_back_with_the_hosts_it_was_put_with_last,
        );
    };
}
pub(crate) use contract_tests;

pub(crate) fn fleet(epoch: u64) -> Fleet {
    Fleet {
        name: "prod".parse().unwrap(),
        epoch: Epoch(epoch),
        authority_certificate: "certificate".to_owned(),
        authority_key: "key".to_owned(),
    }
}

fn release(number: u64) -> Arc<Release> {
    let manifest = manifest(u32::try_from(number % 1000).unwrap()).encode();
    let digest = Digest::of(&manifest);
    Arc::new(Release {
        number: ReleaseNumber(number),
        digest,
        manifest,
        made: UnixMillis(2),
        by: "ada".parse().unwrap(),
    })
}

fn order(generation: u64, release: Option<u64>) -> Arc<Order> {
    Arc::new(Order {
        version: Version { epoch: Epoch(9), generation: Generation(generation) },
        release: release.map(ReleaseNumber),
        phase: Phase::Trial,
        share: 25.try_into().unwrap(),
        services: ["web".parse().unwrap()].into(),
        terms: Terms {
            health_deadline: Millis::minutes(2),
            pull_deadline: Millis::minutes(10),
            orphan_after: Millis::seconds(90),
            keep_blue: Millis::minutes(5),
        },
    })
}

fn token(secret: &str, used: bool) -> Token {
    Token {
        digest: Digest::of(secret.as_bytes()),
        labels: [("role".to_owned(), "wéb \"1\"".to_owned())].into(),
        environment: EnvironmentName::default(),
        host: used.then(|| host_id(1)),
        expires: UnixMillis(99),
        used: used.then(|| Use { host: host_id(1), key: Digest::of(b"key"), at: UnixMillis(5) }),
    }
}

fn current(release: u64) -> Write {
    Write::PutCurrent(app(), Current { release: ReleaseNumber(release), policy: Policy::default() })
}

fn operator(role: Role) -> Write {
    Write::PutOperator(Operator { name: "ada".parse().unwrap(), role, certificate_expires: UnixMillis(8) })
}

fn freeze(id: u64, until: Option<UnixMillis>) -> Freeze {
    let (environment, app) = (until.map(|_| EnvironmentName::default()), until.map(|_| app().app));
    Freeze { id, environment, app, until, by: "ada".parse().unwrap(), at: UnixMillis(9), why: "the fair".to_owned() }
}

/// A host that is to be emptied.
fn drained(number: u32) -> Host {
    let why = "a new disk".to_owned();
    let relieved = Relieved { duty: Duty::Drained, by: "ada".parse().unwrap(), at: UnixMillis(9), why };
    Host { relieved: Some(relieved), ..host(number) }
}

/// At least one of everything.
pub(crate) fn everything() -> Vec<Write> {
    vec![
        Write::PutFleet(fleet(9)),
        Write::PutHost(Arc::new(host(1))),
        Write::PutHost(Arc::new(drained(2))),
        Write::PutToken(token("used", true)),
        Write::PutToken(token("unused", false)),
        Write::PutRelease(app(), release(1)),
        Write::PutRelease(app(), release(2)),
        Write::PutRollout(Arc::new(rollout(1, 2))),
        Write::PutOrder(host_id(1), app(), order(1, Some(2))),
        Write::PutOrder(host_id(2), app(), order(4, None)),
        current(1),
        operator(Role::Admin),
        Write::PutRemoved(Removed { subject: Subject::Host(host_id(3)), at: UnixMillis(6), expires: UnixMillis(8) }),
        Write::PutRemoved(Removed {
            subject: Subject::Operator("bob".parse().unwrap()),
            at: UnixMillis(7),
            expires: UnixMillis(9),
        }),
        Write::PutFreeze(freeze(1, None)),
        Write::PutFreeze(freeze(2, Some(UnixMillis(50)))),
    ]
}

pub(crate) fn one_more_host() -> Write {
    Write::PutHost(Arc::new(host(77)))
}

/// What the writes make of nothing.
fn snapshot(writes: &[Write]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.absorb_all(writes).unwrap();
    snapshot
}

pub(crate) async fn what_is_applied_is_there_after_reopening(place: impl Place) {
    let store = place.open().await;
    assert_eq!(store.load().await.unwrap(), Snapshot::default());
    store.apply(&everything()).await.unwrap();
    let expected = snapshot(&everything());
    assert_eq!(store.load().await.unwrap(), expected);
    drop(store);
    assert_eq!(place.open().await.load().await.unwrap(), expected);
}

pub(crate) async fn a_put_replaces_what_has_the_same_key(place: impl Place) {
    let store = place.open().await;
    store.apply(&everything()).await.unwrap();
    let mut replaced = rollout(1, 1);
    replaced.wave = 7;
    let again = [
        Write::PutFleet(fleet(10)),
        Write::PutHost(Arc::new(Host { labels: [].into(), certificate_expires: UnixMillis(9_000), ..host(1) })),
        Write::PutToken(Token { host: None, used: None, ..token("used", true) }),
        Write::PutToken(Token { used: token("", true).used, ..token("unused", false) }),
        Write::PutRelease(app(), Arc::new(Release { made: UnixMillis(55), ..release(2).as_ref().clone() })),
        Write::PutRollout(Arc::new(replaced)),
        Write::PutOrder(
            host_id(1),
            app(),
            Arc::new(Order { phase: Phase::Withdrawn, ..order(2, None).as_ref().clone() }),
        ),
        Write::PutOrder(
            host_id(2),
            app(),
            Arc::new(Order { phase: Phase::Committed, ..order(5, Some(1)).as_ref().clone() }),
        ),
        current(2),
        operator(Role::Viewer),
        Write::PutRemoved(Removed { subject: Subject::Host(host_id(3)), at: UnixMillis(66), expires: UnixMillis(88) }),
    ];
    store.apply(&again).await.unwrap();
    let expected = snapshot(&[everything(), again.to_vec()].concat());
    assert_ne!(expected, snapshot(&everything()));
    assert_eq!(store.load().await.unwrap(), expected);
}

pub(crate) async fn what_is_deleted_is_gone(place: impl Place) {
    let store = place.open().await;
    store.apply(&everything()).await.unwrap();
    let deletes = [
        Write::DeleteOrder(host_id(1), app()),
        Write::DeleteOrders(host_id(2)),
        Write::DeleteHost(host_id(1)),
        Write::DeleteHost(host_id(2)),
        Write::DeleteCurrent(app()),
        Write::DeleteRollout(rollout(1, 2).id),
        Write::DeleteRelease(app(), ReleaseNumber(1)),
        Write::DeleteRelease(app(), ReleaseNumber(2)),
        Write::DeleteToken(Digest::of(b"used")),
        Write::DeleteToken(Digest::of(b"unused")),
        Write::DeleteOperator("ada".parse().unwrap()),
        Write::DeleteRemoved(Subject::Host(host_id(3))),
        Write::DeleteRemoved(Subject::Operator("bob".parse().unwrap())),
        Write::DeleteFreeze(1),
        Write::DeleteFreeze(2),
    ];
    store.apply(&deletes).await.unwrap();
    let empty = Snapshot { fleet: Some(fleet(9)), ..Snapshot::default() };
    assert_eq!(store.load().await.unwrap(), empty);
    // What is not there is deleted without a word.
    store.apply(&deletes).await.unwrap();
    assert_eq!(store.load().await.unwrap(), empty);
}

pub(crate) async fn a_batch_with_one_bad_write_changes_nothing(place: impl Place) {
    let store = place.open().await;
    store.apply(&everything()).await.unwrap();
    let before = store.load().await.unwrap();
    for bad in [
        Write::PutOrder(host_id(9), app(), order(1, None)),
        Write::PutOrder(host_id(1), app(), order(1, Some(9))),
        Write::PutRollout(Arc::new(rollout(2, 9))),
        current(9),
        Write::DeleteHost(host_id(1)),
        Write::DeleteRelease(app(), ReleaseNumber(1)),
        Write::DeleteRelease(app(), ReleaseNumber(2)),
    ] {
        let batch = [one_more_host(), Write::PutFleet(fleet(10)), bad.clone(), operator(Role::Viewer)];
        assert!(matches!(store.apply(&batch).await, Err(StoreError::Violated(_))), "{bad:?}");
        assert_eq!(store.load().await.unwrap(), before, "{bad:?}");
    }
    // It is not left in a state where good ones fail.
    store.apply(&[one_more_host()]).await.unwrap();
}

pub(crate) async fn writes_of_a_batch_see_those_before_them(place: impl Place) {
    let store = place.open().await;
    let writes = [
        Write::PutRelease(app(), release(1)),
        Write::PutHost(Arc::new(host(1))),
        Write::PutOrder(host_id(1), app(), order(1, Some(1))),
        Write::DeleteOrders(host_id(1)),
        Write::DeleteHost(host_id(1)),
        Write::DeleteRelease(app(), ReleaseNumber(1)),
        Write::PutHost(Arc::new(host(1))),
    ];
    store.apply(&writes).await.unwrap();
    let expected = snapshot(&[Write::PutHost(Arc::new(host(1)))]);
    assert_eq!(store.load().await.unwrap(), expected);
}

pub(crate) async fn the_largest_numbers_come_back(place: impl Place) {
    let store = place.open().await;
    let mut order = order(u64::MAX, Some(u64::MAX)).as_ref().clone();
    order.version.epoch = Epoch(u64::MAX);
    order.terms.orphan_after = Millis(u64::MAX);
    let writes = [
        Write::PutFleet(fleet(u64::MAX)),
        Write::PutHost(Arc::new(Host { joined: UnixMillis(u64::MAX), ..host(1) })),
        Write::PutRelease(app(), release(u64::MAX)),
        Write::PutOrder(host_id(1), app(), Arc::new(order)),
    ];
    store.apply(&writes).await.unwrap();
    assert_eq!(store.load().await.unwrap(), snapshot(&writes));
}

/// The first rollout, on so many hosts, of which every third is this far.
fn over(hosts: u32, state: HostState) -> Rollout {
    let mut rollout = rollout(1, 2);
    let (_, progress) = rollout.hosts.pop_first().expect("it covers a host");
    rollout.hosts = (1..=hosts).map(|number| (host_id(number), progress.clone())).collect();
    rollout.hosts.values_mut().step_by(3).for_each(|progress| progress.state = state);
    rollout
}

pub(crate) async fn a_rollout_comes_back_with_the_hosts_it_was_put_with_last(place: impl Place) {
    let put = |rollout: Rollout| Write::PutRollout(Arc::new(rollout));
    let store = place.open().await;
    store.apply(&everything()).await.unwrap();
    let mut expected = snapshot(&everything());
    let last = over(150, HostState::Committed);
    let steps = [
        vec![put(over(200, HostState::Waiting))],
        vec![put(over(200, HostState::Ordered))],
        // Twice in one batch, with fewer hosts and with more.
        vec![put(over(90, HostState::Healthy)), put(last.clone())],
        vec![Write::DeleteRollout(last.id), put(over(3, HostState::Ordered))],
        vec![put(over(70, HostState::Failed)), Write::DeleteRollout(last.id)],
        vec![put(last.clone())],
    ];
    for step in steps {
        // One that fails leaves no trace in what the next is compared with.
        let bad = [step.clone(), vec![current(9)]].concat();
        assert!(matches!(store.apply(&bad).await, Err(StoreError::Violated(_))));
        assert_eq!(store.load().await.unwrap(), expected);
        assert!(matches!(store.apply(&bad).await, Err(StoreError::Violated(_))));
        store.apply(&step).await.unwrap();
        expected.absorb_all(&step).unwrap();
    }
    assert_eq!(store.load().await.unwrap(), expected);
    drop(store);
    // One that was just opened knows of nothing to compare with.
    let store = place.open().await;
    let step = [put(over(10, HostState::Returned))];
    store.apply(&step).await.unwrap();
    expected.absorb_all(&step).unwrap();
    assert_eq!(store.load().await.unwrap(), expected);
}
