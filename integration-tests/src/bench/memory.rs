//! What processes hold in memory, sampled while something else goes on.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Resident memory in KiB over time.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// When (s since the beginning), and how much.
    pub samples: Vec<(f64, u64)>,
}

/// Samples at work. Dropping it ends them.
#[derive(Debug)]
pub struct Watch {
    samples: Arc<Mutex<BTreeMap<String, Memory>>>,
    // Dropped first, which ends the thread.
    ending: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Memory {
    /// The most, in MiB.
    pub fn most(&self) -> Option<f64> {
        self.mib().into_iter().max_by(f64::total_cmp)
    }

    /// All values, in MiB.
    pub fn mib(&self) -> Vec<f64> {
        let kib = self.samples.iter().map(|(_, kib)| u32::try_from(*kib).unwrap_or(u32::MAX));
        kib.map(|kib| f64::from(kib) / 1024.0).collect()
    }
}

impl Watch {
    /// Looks at these processes, each with all that it has started, until the end.
    pub fn begin(processes: Vec<(String, u32)>, every: Duration) -> Self {
        let samples = Arc::new(Mutex::new(BTreeMap::<String, Memory>::new()));
        let (ending, ended) = mpsc::channel();
        let into = Arc::clone(&samples);
        let began = Instant::now();
        let thread = thread::spawn(move || {
            loop {
                for (name, pid) in &processes {
                    let sample = (began.elapsed().as_secs_f64(), resident_with_children(*pid));
                    let mut samples = into.lock().unwrap_or_else(PoisonError::into_inner);
                    samples.entry(name.clone()).or_default().samples.push(sample);
                }
                if ended.recv_timeout(every) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Self { samples, ending: Some(ending), thread: Some(thread) }
    }

    /// Ends it, and returns the samples by process.
    pub fn end(mut self) -> BTreeMap<String, Memory> {
        self.stop();
        std::mem::take(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn stop(&mut self) {
        drop(self.ending.take());
        if let Some(thread) = self.thread.take() {
            // It panics only if this harness is wrong, and there are then too few samples.
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// In KiB.
fn resident_with_children(pid: u32) -> u64 {
    let below = children(pid).into_iter().map(resident_with_children);
    value(pid, "VmRSS:").unwrap_or_default() + below.sum::<u64>()
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let all = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|pid| value(*pid, "PPid:") == Some(u64::from(parent))).collect()
}

fn value(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use super::*;

    #[test]
    fn a_process_is_counted_with_its_children() {
        let own = process::id();
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(children(own).contains(&child.id()));
        assert!(resident_with_children(own) > value(own, "VmRSS:").unwrap() / 2);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn samples_are_taken_until_the_end() {
        let watch = Watch::begin(vec![("own".to_owned(), process::id())], Duration::from_hours(1));
        let samples = watch.end();
        assert!(samples["own"].most().unwrap() > 0.1, "{samples:?}");
    }
}
