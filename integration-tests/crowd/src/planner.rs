//! `plan`: the planner alone, and the store. A rollout over so many hosts in so many waves, from its beginning to its end: each plan is timed, every order
//! and every change of the rollout is stored in `SQLite` before the next plan, and the hosts answer at once. Not here: streams, and the controller
//! around the planner, which `wave_10k_s` has both of.

mod fleet;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use evenkeel::store::{Order, SqliteStore, Store, Write};
use evenkeel_model::{Count, Manifest, Millis, Policy, ReleaseNumber, RolloutId, Terms, UnixMillis, Version, Waves};
use evenkeel_rollout::{Begin, Input, Kind, Outcome, Plan, Rollout};
use serde_json::{Value, json};
use tokio::time::Instant;

#[cfg(test)]
pub(crate) use fleet::manifest;
use fleet::{EPOCH, Fleet};

/// More plans than any rollout here needs: one that does not end is a defect, not a slow machine.
const PLANS_AT_MOST: usize = 10_000;

/// What a rollout took.
#[derive(Debug, Default)]
struct Took {
    plans: Vec<Duration>,
    storing: Duration,
    updates: usize,
}

/// Runs it in `folder`; the numbers as JSON.
pub(crate) async fn run(hosts: usize, waves: usize, folder: PathBuf) -> Result<Value> {
    ensure!((1..=100).contains(&waves), "1 to 100 waves");
    std::fs::create_dir_all(&folder)?;
    let store = SqliteStore::open(&folder.join(format!("plan-{hosts}.sqlite"))).await?;
    let mut fleet = Fleet::new(hosts)?;
    store.apply(&fleet.stored()?).await?;
    let began = Instant::now();
    let took = roll_out(&store, &mut fleet, waves).await?;
    let whole = began.elapsed();
    store.close().await;
    let mut plans = took.plans.clone();
    plans.sort_unstable();
    Ok(json!({
        "hosts": hosts,
        "waves": waves,
        "plans": plans.len(),
        "plan_median_s": plans[plans.len() / 2].as_secs_f64(),
        "plan_longest_s": plans[plans.len() - 1].as_secs_f64(),
        "planning_s": plans.iter().sum::<Duration>().as_secs_f64(),
        "storing_s": took.storing.as_secs_f64(),
        "rollout_s": whole.as_secs_f64(),
        "updates": took.updates,
    }))
}

async fn roll_out(store: &dyn Store, fleet: &mut Fleet, waves: usize) -> Result<Took> {
    let mut took = Took::default();
    let mut rollout = begin(fleet, waves)?;
    store.apply(&[Write::PutRollout(Arc::new(rollout.clone()))]).await?;
    for _ in 0..PLANS_AT_MOST {
        let began = Instant::now();
        let plan = plan(fleet, &rollout);
        took.plans.push(began.elapsed());
        let after = plan.rollout.context("the planner lost the rollout")?;
        let mut writes: Vec<Write> = Vec::with_capacity(plan.orders.len() + 1);
        if after != rollout {
            took.updates += changed(&rollout, &after);
            writes.push(Write::PutRollout(Arc::new(after.clone())));
        }
        writes.extend(plan.orders.iter().map(|(host, order)| {
            let order = Order {
                version: Version { epoch: EPOCH, generation: order.generation },
                release: order.release,
                phase: order.phase,
                share: order.share,
                services: fleet.services.clone(),
                terms: terms(&after.policy),
            };
            Write::PutOrder(host.clone(), fleet.key.clone(), Arc::new(order))
        }));
        let began = Instant::now();
        store.apply(&writes).await?;
        took.storing += began.elapsed();
        let has_moved = after != rollout || !plan.orders.is_empty();
        rollout = after;
        match rollout.outcome() {
            Some(Outcome::Succeeded) => return Ok(took),
            Some(outcome) => bail!("the rollout ended {outcome:?}: {:?}", rollout.failure),
            None => {}
        }
        fleet.obey(&plan.orders);
        fleet.now = if has_moved { fleet.now + Millis(1) } else { plan.wake_at.context("it waits for nothing")? };
    }
    bail!("the rollout does not end")
}

fn begin(fleet: &Fleet, waves: usize) -> Result<Rollout> {
    let percents =
        (1..=waves).map(|wave| u8::try_from(wave * 100 / waves).map(|percent| Count::Percent(percent).into()));
    let policy = Policy {
        waves: Waves::List(percents.collect::<Result<_, _>>()?),
        max_unavailable: Some(Count::Percent(100)),
        bake: Millis(0),
        ..Policy::default()
    };
    Ok(evenkeel_rollout::begin(Begin {
        id: RolloutId(1),
        key: fleet.key.clone(),
        kind: Kind::Deploy,
        from: Some(ReleaseNumber(1)),
        to: ReleaseNumber(2),
        policy,
        by: "bench".parse()?,
        now: fleet.now,
        hosts: &fleet.hosts,
        releases: &fleet.releases,
    })?)
}

fn plan(fleet: &Fleet, rollout: &Rollout) -> Plan {
    evenkeel_rollout::plan(&Input {
        key: &fleet.key,
        now: fleet.now,
        hosts: &fleet.hosts,
        releases: &fleet.releases,
        current: Some(ReleaseNumber(1)),
        current_policy: &rollout.policy,
        rollout: Some(rollout),
        frozen: None,
    })
}

fn terms(policy: &Policy) -> Terms {
    Terms {
        health_deadline: policy.health_deadline,
        pull_deadline: policy.pull_deadline,
        orphan_after: policy.bake,
        keep_blue: policy.keep_blue,
    }
}

/// How many hosts are further than they were.
fn changed(before: &Rollout, after: &Rollout) -> usize {
    after.hosts.iter().zip(&before.hosts).filter(|(after, before)| after != before).count()
}

type Releases = BTreeMap<ReleaseNumber, Arc<Manifest>>;

/// When it all begins.
const BEGINNING: UnixMillis = UnixMillis(1_790_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_fleet_is_rolled_out_in_all_its_waves_and_every_host_is_updated_at_least_three_times() {
        let folder = tempfile::tempdir().unwrap();
        let found = run(60, 5, folder.path().to_owned()).await.unwrap();
        assert!(found["updates"].as_u64().unwrap() >= 3 * 60, "{found}");
        assert!(found["plans"].as_u64().unwrap() >= 2 * 5, "{found}");
    }
}
