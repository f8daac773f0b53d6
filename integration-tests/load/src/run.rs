//! Starts every connection of every client, and waits for their ends.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::SystemTime;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clients::{self, Task};
use crate::plan::Plan;
use crate::record::{Record, Recorder};
use crate::report::{close, report};
use crate::schedule::Schedule;

/// Works until `ending`, or until every client has made its requests; what is in flight then is waited for.
pub(crate) async fn run(plan: Plan, ending: CancellationToken) -> Value {
    let (began, at) = (Instant::now(), SystemTime::now());
    let mut connections = JoinSet::new();
    let mut recorders = BTreeMap::new();
    for client in &plan.clients {
        let recorder = Recorder::new(began);
        recorders.insert(client.name.clone(), recorder.clone());
        for number in 0..client.connections {
            let schedule =
                Schedule::new(began + client.offset(number), client.interval(), client.share(number), ending.clone());
            let task =
                Task { target: plan.target, client: client.clone(), number, schedule, recorder: recorder.clone() };
            connections.spawn(clients::work(task));
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let mut all = pin!(all);
    tokio::select! {
        biased;
        () = &mut all => {}
        () = ending.cancelled() => {}
    }
    let ended = Instant::now();
    if ending.is_cancelled() {
        // What is under way.
        all.await;
    }
    let mut records: BTreeMap<String, Record> = recorders
        .into_iter()
        .map(|(name, recorder)| (name, std::mem::replace(&mut *recorder.lock(), Record::empty(began))))
        .collect();
    close(&mut records, ended);
    report(at, began.elapsed(), &records)
}
