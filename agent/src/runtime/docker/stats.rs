//! What our containers use. One look at each, a few at a time; the only thing remembered is the last processor count.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bollard::models::{ContainerMemoryStats, ContainerStatsResponse};
use bollard::query_parameters::StatsOptions;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use evenkeel_model::ContainerStats;

use super::containers::Listed;
use super::errors::EngineError;
use super::{CALL, DockerRuntime};

/// So many containers are asked about at the same time: enough that a host's twenty take no second, few enough for the engine.
const AT_ONCE: usize = 4;

/// Processor time at the look before, by container.
#[derive(Default)]
pub(super) struct Usage {
    before: Mutex<BTreeMap<String, Look>>,
}

/// Nanoseconds of processor time used, and when that was.
type Look = (u64, Instant);

impl DockerRuntime {
    /// Empty while the engine is down: nothing is known then.
    pub(super) async fn use_of_containers(&self) -> Vec<ContainerStats> {
        let listed = self.list(&self.scope.labels()).await.unwrap_or_default();
        let mut looks = stream::iter(listed.into_iter().filter(Listed::is_running))
            .map(async |container| (self.look_at(&container.id).await, Instant::now(), container))
            .buffer_unordered(AT_ONCE);
        let mut now = BTreeMap::new();
        let mut stats = Vec::new();
        while let Some((look, at, container)) = looks.next().await {
            // It has ended since the list was made.
            let Ok(Some(look)) = look else { continue };
            let used = look.cpu_stats.and_then(|cpu| cpu.cpu_usage).and_then(|cpu| cpu.total_usage).unwrap_or_default();
            stats.push(ContainerStats {
                key: container.identity.key,
                service: container.identity.place.service,
                slot: container.identity.place.slot,
                cpu_millicores: self.usage.millicores(&container.id, (used, at)),
                memory: look.memory_stats.map_or(0, in_use),
            });
            now.insert(container.id, (used, at));
        }
        // Those that are gone are forgotten.
        *self.usage.before.lock().unwrap_or_else(PoisonError::into_inner) = now;
        stats.sort_by(|one, other| (&one.key, &one.service, one.slot).cmp(&(&other.key, &other.service, other.slot)));
        stats
    }

    async fn look_at(&self, id: &str) -> Result<Option<ContainerStatsResponse>, EngineError> {
        let options = StatsOptions { stream: false, one_shot: true };
        self.call(CALL, async |docker| std::pin::pin!(docker.stats(id, Some(options))).next().await.transpose()).await
    }
}

impl Usage {
    fn millicores(&self, id: &str, (used, at): Look) -> u64 {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((used_before, at_before)) = before.get(id) else { return 0 };
        let elapsed = at.saturating_duration_since(*at_before).as_nanos();
        // A restart counts from nothing again.
        let spent = u128::from(used.saturating_sub(*used_before));
        (spent * 1000).checked_div(elapsed).and_then(|millicores| u64::try_from(millicores).ok()).unwrap_or_default()
    }
}

/// As `docker stats` counts: without the page cache that would be given back at once.
fn in_use(memory: ContainerMemoryStats) -> u64 {
    let counters = memory.stats.unwrap_or_default();
    // The first name is cgroup v1's, the second v2's.
    let cache = counters.get("total_inactive_file").or_else(|| counters.get("inactive_file")).copied().unwrap_or(0);
    memory.usage.unwrap_or_default().saturating_sub(cache)
}
