//! The probes that the engine answers: a command in the container, its own health check, whether it runs.
//!
//! A command that outlives its timeout can't be ended through the engine: it goes on in the container until that ends. So that such commands
//! don't pile up, none is begun in a container in which the one before still runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerState, HealthStatusEnum};
use futures_util::StreamExt;
use tokio::time::Instant;

use evenkeel_machine::Place;
use evenkeel_model::{AppKey, Millis, Probe};

use crate::probe::{Answer, question};
use crate::runtime::EngineDown;

use super::errors::EngineError;
use super::{CALL, DockerRuntime};

/// So much of a command's output is kept as evidence, in bytes.
const OUTPUT: usize = 200;

/// The commands that were begun, and of which it is not known that they have ended; by container. Lost at a restart of the agent: then one
/// more may be begun.
#[derive(Default)]
pub(super) struct Execs(Mutex<BTreeMap<String, Begun>>);

/// A command that was begun.
#[derive(Clone)]
struct Begun {
    exec: String,
    at: Instant,
}

impl Execs {
    fn begun_in(&self, container: &str) -> Option<Begun> {
        self.by_container().get(container).cloned()
    }

    fn note(&self, container: &str, exec: &str) {
        self.by_container().insert(container.to_owned(), Begun { exec: exec.to_owned(), at: Instant::now() });
    }

    /// It has ended, or will with its container.
    pub(super) fn forget(&self, container: &str) {
        self.by_container().remove(container);
    }

    fn by_container(&self) -> MutexGuard<'_, BTreeMap<String, Begun>> {
        // Each change is one insertion or removal, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DockerRuntime {
    /// Asks once. An engine that does not answer says nothing of the container, and is an error.
    pub(super) async fn probe(
        &self,
        key: &AppKey,
        place: &Place,
        probe: &Probe,
        timeout: Duration,
    ) -> Result<Answer, EngineDown> {
        let request = question(probe, place);
        let Some(container) = self.inspect_place(key, place).await? else {
            return Ok(Answer::bad(request, "the container is gone"));
        };
        match probe {
            Probe::Exec { command } => self.exec(&container.id.unwrap_or_default(), command, request, timeout).await,
            Probe::Docker | Probe::Running => {
                let state = container.state.unwrap_or_default();
                Ok(if matches!(probe, Probe::Docker) { health(request, state) } else { running(request, &state) })
            }
            Probe::Http(_) | Probe::Grpc { .. } | Probe::Tcp { .. } => {
                Ok(Answer::bad(request, "this probe goes over the network"))
            }
        }
    }

    async fn exec(
        &self,
        id: &str,
        command: &[String],
        request: String,
        timeout: Duration,
    ) -> Result<Answer, EngineDown> {
        let limited = tokio::time::timeout(timeout, async {
            match self.still_running_in(id).await? {
                Some(since) => Ok(Err(since)),
                None => self.run_in(id, command).await.map(Ok),
            }
        });
        Ok(match limited.await {
            Ok(Ok(Ok((Some(0), output)))) => Answer::good(request, with_output("exit code 0", &output)),
            Ok(Ok(Ok((Some(code), output)))) => {
                Answer::bad(request, with_output(&format!("exit code {code}"), &output))
            }
            Ok(Ok(Ok((None, output)))) => Answer::bad(request, with_output("no exit code", &output)),
            Ok(Ok(Err(since))) => Answer::bad(request, format!("the last one still runs, begun {since} ago")),
            // The container ends while it is asked, or has no such program.
            Ok(Err(EngineError::Refused(refused))) => Answer::bad(request, refused.message),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => Answer::bad(request, format!("no answer within {}", Millis::from(timeout))),
        })
    }

    /// For how long the last command has been running in the container; none: it has ended.
    async fn still_running_in(&self, id: &str) -> Result<Option<Millis>, EngineError> {
        let Some(Begun { exec, at }) = self.execs.begun_in(id) else { return Ok(None) };
        match self.call(CALL, async |docker| docker.inspect_exec(&exec).await).await {
            Ok(inspected) if inspected.running == Some(true) => Ok(Some(Millis::from(at.elapsed()))),
            Err(error) if !error.is_absent() => Err(error),
            // Also one of before a restart of the engine.
            Ok(_) | Err(_) => {
                self.execs.forget(id);
                Ok(None)
            }
        }
    }

    /// Exit code and the first bytes of what it wrote.
    async fn run_in(&self, id: &str, command: &[String]) -> Result<(Option<i64>, Vec<u8>), EngineError> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = self.call(CALL, async |docker| docker.create_exec(id, options).await).await?.id;
        self.execs.note(id, &exec);
        let started = self.call(CALL, async |docker| docker.start_exec(&exec, None).await).await?;
        let mut kept = Vec::new();
        if let StartExecResults::Attached { mut output, input: _input } = started {
            // It has ended when its output has; the rest is read and dropped so that it never blocks on a full pipe.
            while let Some(piece) = output.next().await {
                let bytes = piece.map(LogOutput::into_bytes)?;
                kept.extend_from_slice(&bytes[..bytes.len().min(OUTPUT - kept.len())]);
            }
        }
        let inspected = self.call(CALL, async |docker| docker.inspect_exec(&exec).await).await?;
        if inspected.running != Some(true) {
            self.execs.forget(id);
        }
        Ok((inspected.exit_code, kept))
    }
}

fn with_output(words: &str, output: &[u8]) -> String {
    let output = String::from_utf8_lossy(output).split_whitespace().collect::<Vec<_>>().join(" ");
    if output.is_empty() { words.to_owned() } else { format!("{words}: {output}") }
}

fn health(request: String, state: ContainerState) -> Answer {
    let Some(health) = state.health else {
        return Answer::bad(request, "neither the image nor the service has a health check");
    };
    let last = health.log.unwrap_or_default().pop().and_then(|result| result.output).unwrap_or_default();
    let said = last.as_bytes();
    let answer = |words: &str| with_output(words, &said[..said.len().min(OUTPUT)]);
    match health.status {
        Some(HealthStatusEnum::HEALTHY) if state.running == Some(true) => Answer::good(request, answer("healthy")),
        Some(HealthStatusEnum::STARTING) => Answer::bad(request, answer("starting")),
        Some(HealthStatusEnum::UNHEALTHY) => Answer::bad(request, answer("unhealthy")),
        _ => Answer::bad(request, "the container does not run"),
    }
}

fn running(request: String, state: &ContainerState) -> Answer {
    if state.running == Some(true) && state.restarting != Some(true) {
        Answer::good(request, "it runs")
    } else {
        let status = state.status.map_or_else(|| "gone".to_owned(), |status| status.to_string());
        Answer::bad(request, format!("it does not run ({status}, exit code {})", state.exit_code.unwrap_or_default()))
    }
}
