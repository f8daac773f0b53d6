//! The port for what a host is and how it is doing. Reads only what is reported: no process list, whose reading is what makes
//! monitoring agents expensive. Not here: what containers use (`crate::runtime`), sending it (the session).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use evenkeel_model::{HostFacts, HostStats, Pressure};

/// What a host is and how it is doing. Quick enough to be called from async code.
pub trait Facts: Send + Sync {
    /// What does not change while the agent runs, but for the engine, which only the runtime knows.
    fn facts(&self) -> HostFacts;

    /// How the host is doing, without its containers. Processor use is counted since the call before.
    fn stats(&self) -> HostStats;

    /// How the host is at this moment.
    fn pressure(&self) -> Pressure;

    /// Bytes that are free where the engine keeps images; none: it can't be told.
    fn disk_free(&self) -> Option<u64>;

    /// Where the engine keeps images: the disk that is reported.
    fn set_data_root(&self, path: &Path);
}

/// Why no image should be pulled, for people; none: at least `needed` bytes are free, or nobody can tell.
pub(crate) fn disk_low(facts: &dyn Facts, needed: u64) -> Option<String> {
    const MIB: u64 = 1 << 20;
    let free = facts.disk_free().filter(|free| *free < needed)?;
    Some(format!(
        "{} MiB are free where the engine keeps images, and {} MiB must be: free some, with `docker system prune` for one",
        free / MIB,
        needed.div_ceil(MIB),
    ))
}

/// The real host's.
#[derive(Debug)]
pub struct SystemFacts {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    system: System,
    data_root: PathBuf,
}

/// The kernel does not tell how the host is doing.
#[derive(Debug, thiserror::Error)]
#[error("the host's load and memory can't be read")]
pub struct FactsError(#[source] sysinfo::Error);

impl SystemFacts {
    /// `data_root` as a first guess, until the engine has said where it keeps images.
    pub fn new(data_root: PathBuf) -> Result<Self, FactsError> {
        let refresh = RefreshKind::nothing()
            .with_memory(MemoryRefreshKind::nothing().with_ram())
            .with_cpu(CpuRefreshKind::nothing().with_usage());
        let system = System::new_with_specifics(refresh).map_err(FactsError)?;
        Ok(Self { state: Mutex::new(State { system, data_root }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it can be half changed: it is read anew each time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts for SystemFacts {
    fn facts(&self) -> HostFacts {
        let state = self.state();
        HostFacts {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            os: System::long_os_version().unwrap_or_default(),
            kernel: System::kernel_version().unwrap_or_default(),
            architecture: System::cpu_arch(),
            cpus: u32::try_from(state.system.cpus().len()).unwrap_or(u32::MAX),
            memory_total: state.system.total_memory(),
            engine: None,
        }
    }

    fn stats(&self) -> HostStats {
        let mut state = self.state();
        state.system.refresh_cpu_usage();
        state.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let (disk_available, disk_total) = disk(&state.data_root);
        // The crate gives percents of all processors together.
        let cores = f64::from(u32::try_from(state.system.cpus().len()).unwrap_or(u32::MAX));
        HostStats {
            cpu_millicores: whole(f64::from(state.system.global_cpu_usage()) * cores * 10.0),
            load_hundredths: load_hundredths(),
            memory_available: state.system.available_memory(),
            disk_available,
            disk_total,
            containers: Vec::new(),
        }
    }

    fn pressure(&self) -> Pressure {
        let mut state = self.state();
        state.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        Pressure {
            load_hundredths: load_hundredths(),
            memory_available: state.system.available_memory(),
            memory_total: state.system.total_memory(),
            disk_available: disk(&state.data_root).0,
        }
    }

    fn disk_free(&self) -> Option<u64> {
        let (available, total) = disk(&self.state().data_root);
        (total > 0).then_some(available)
    }

    fn set_data_root(&self, path: &Path) {
        path.clone_into(&mut self.state().data_root);
    }
}

fn load_hundredths() -> u64 {
    System::load_average().map_or(0, |load| whole(load.one * 100.0))
}

/// The nearest whole number of something that can't be negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

/// Bytes available to us and in all, on the disk that holds `path` or will hold it. Zeros if that can't be told.
fn disk(path: &Path) -> (u64, u64) {
    let found = path.ancestors().find_map(|ancestor| nix::sys::statvfs::statvfs(ancestor).ok());
    found.map_or((0, 0), |disk| {
        let unit = disk.fragment_size();
        (disk.blocks_available().saturating_mul(unit), disk.blocks().saturating_mul(unit))
    })
}

/// A host that never changes: for tests and the simulation.
#[derive(Debug, Clone, Default)]
pub struct FixedFacts {
    /// What it is.
    pub facts: HostFacts,
    /// How it is doing.
    pub stats: HostStats,
}

impl Facts for FixedFacts {
    fn facts(&self) -> HostFacts {
        self.facts.clone()
    }

    fn stats(&self) -> HostStats {
        self.stats.clone()
    }

    fn pressure(&self) -> Pressure {
        Pressure {
            load_hundredths: self.stats.load_hundredths,
            memory_available: self.stats.memory_available,
            memory_total: self.facts.memory_total,
            disk_available: self.stats.disk_available,
        }
    }

    /// None where no disk was given.
    fn disk_free(&self) -> Option<u64> {
        (self.stats.disk_total > 0).then_some(self.stats.disk_available)
    }

    fn set_data_root(&self, _: &Path) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_host_has_memory_processors_and_a_disk() {
        let facts = SystemFacts::new(PathBuf::from("/does/not/exist/yet")).unwrap();
        let host = facts.facts();
        assert!(host.cpus > 0 && host.memory_total > 1 << 20, "{host:?}");
        assert!(!host.kernel.is_empty() && !host.architecture.is_empty(), "{host:?}");
        let stats = facts.stats();
        assert!(stats.memory_available <= host.memory_total && stats.memory_available > 0, "{stats:?}");
        assert!(stats.disk_total > 0 && stats.disk_available <= stats.disk_total, "{stats:?}");
        assert!(stats.cpu_millicores <= u64::from(host.cpus) * 1000, "{stats:?}");
        assert_eq!(facts.pressure().memory_total, host.memory_total);
    }

    #[test]
    fn the_disk_reported_is_the_engines() {
        let facts = SystemFacts::new(PathBuf::from("/")).unwrap();
        facts.set_data_root(Path::new("/dev/shm"));
        assert_eq!(facts.stats().disk_total, disk(Path::new("/dev/shm")).1);
        assert!(facts.disk_free().is_some());
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_said_and_one_that_can_not_be_read_is_not() {
        let low = |disk_available, disk_total| {
            let stats = HostStats { disk_available, disk_total, ..HostStats::default() };
            disk_low(&FixedFacts { stats, ..FixedFacts::default() }, 100 << 20)
        };
        assert_eq!((low(100 << 20, 1 << 30), low(0, 0)), (None, None));
        assert!(
            low((100 << 20) - 1, 1 << 30)
                .is_some_and(|why| why.starts_with("99 MiB are free") && why.contains("100 MiB must be"))
        );
    }
}
