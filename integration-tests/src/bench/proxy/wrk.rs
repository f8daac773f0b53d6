//! wrk, Debian's: the client that asks as fast as it is answered. It takes a third of what any of the proxies takes for a request, so that
//! with the upstream beside it on one core the proxy's core is the one that is full. Not here: which answers are right (`ground`).

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use super::ground::{Ground, OTHER_CORE};

/// Open connections.
const CONNECTIONS: u32 = 64;

/// What wrk has seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// Requests that were answered.
    pub(super) requests: f64,
    /// A second.
    pub(super) rate: f64,
    /// The time that 99 of 100 answers took at most, in ms.
    pub(super) p99_ms: f64,
}

/// Asks for so many seconds, on kept connections or on a new one for each request. An error if any answer was not a success.
pub(super) fn ask(ground: &Ground, address: SocketAddr, seconds: u32, new: bool) -> Result<Seen> {
    let mut command = ground.pinned(OTHER_CORE, "wrk");
    command.args(["--threads", "1", "--latency", "--timeout", "10s"]);
    command.args(["--connections", &CONNECTIONS.to_string(), "--duration", &format!("{seconds}s")]);
    if new {
        command.args(["--header", "Connection: close"]);
    }
    let output = command.arg(format!("http://{address}/")).output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("wrk ended with {}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    read(&text)
}

fn read(text: &str) -> Result<Seen> {
    for problem in ["Non-2xx", "Socket errors"] {
        if let Some(line) = text.lines().find(|line| line.trim_start().starts_with(problem)) {
            bail!("wrk has seen failures: {}", line.trim());
        }
    }
    let field = |before: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(before)).map(str::trim);
    let rate = field("Requests/sec:").and_then(|text| text.parse().ok()).context("wrk does not say the rate")?;
    let p99_ms = field("99%").and_then(milliseconds).context("wrk does not say the latency")?;
    let line = text.lines().find(|line| line.contains(" requests in ")).context("wrk does not say how many")?;
    let requests =
        line.split_whitespace().next().and_then(|word| word.parse().ok()).context("how many is no number")?;
    Ok(Seen { requests, rate, p99_ms })
}

/// `430.00us`, `8.23ms`, `1.02s`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let number: f64 = text[..unit].parse().ok()?;
    match &text[unit..] {
        "us" => Some(number / 1000.0),
        "ms" => Some(number),
        "s" => Some(number * 1000.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Running 3s test @ http://127.0.0.1:9000/\n  1 threads and 64 connections\n  Latency Distribution\n     50%    1.75ms\n     \
                        99%    8.23ms\n  76500 requests in 3.00s, 10.29MB read\nRequests/sec:  25488.18\nTransfer/sec:      3.43MB\n";

    #[test]
    fn what_it_says_is_read() {
        assert_eq!(read(TEXT).unwrap(), Seen { requests: 76500.0, rate: 25488.18, p99_ms: 8.23 });
        assert_eq!(["430.00us", "1.02s", "2h"].map(milliseconds), [Some(0.43), Some(1020.0), None]);
    }

    #[test]
    fn failures_are_no_result() {
        for line in ["  Non-2xx or 3xx responses: 3\n", "  Socket errors: connect 0, read 1, write 0, timeout 0\n"] {
            assert!(read(&format!("{TEXT}{line}")).is_err());
        }
        assert!(read("").is_err());
    }
}
