//! `evenkeel-agent status`: asks the running agent on its socket, and shows the answer to people.

use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::AgentStatus;

/// The agent answers at once; a hung one must not hang whoever asks.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Nobody answers.
    #[error("no agent answers on {0}: is it running? try `systemctl status evenkeel-agent`")]
    Silent(PathBuf, #[source] std::io::Error),
    /// The answer makes no sense.
    #[error("the answer on {0} can't be read: is the running agent of another version?")]
    Unreadable(PathBuf, #[source] serde_json::Error),
}

/// Asks the agent on this socket.
pub fn ask(socket: &Path) -> Result<AgentStatus, StatusError> {
    let silent = |error| StatusError::Silent(socket.to_owned(), error);
    let mut stream = UnixStream::connect(socket).map_err(silent)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(silent)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(silent)?;
    serde_json::from_str(&text).map_err(|error| StatusError::Unreadable(socket.to_owned(), error))
}

/// The status for people.
pub fn render(status: &AgentStatus) -> String {
    let mut text = format!("host {} (agent {})\n", status.host, status.version);
    let line = match (status.connected, &status.trouble) {
        (true, _) => format!("connected, epoch {}", status.epoch),
        (false, Some(trouble)) => format!("not connected: {trouble}"),
        (false, None) => "not connected yet".to_owned(),
    };
    let mut push = |line: String| writeln!(text, "{line}").expect("writing to a string does not fail");
    push(format!("coordinator: {line}"));
    for report in &status.apps {
        let release = report.release.map_or("no release".to_owned(), |release| format!("release {release}"));
        let health = if report.healthy { "healthy" } else { "not healthy" };
        push(format!("{}: {release}, {}, {health}: {}", report.key, report.stage, report.why));
        for (name, service) in &report.services {
            let running = if service.running { "running" } else { "stopped" };
            push(format!("  {name}: release {}, {running}, image {}", service.release, service.pin.short()));
        }
        if let Some(failure) = &report.failure {
            push(format!("  {failure}"));
        }
    }
    for refused in &status.refused {
        push(format!("{}: {} was refused: {}", refused.key, refused.version, refused.refusal));
    }
    if let Some(proxy) = &status.proxy {
        text.push_str(&super::proxy::render(proxy));
    }
    text
}
