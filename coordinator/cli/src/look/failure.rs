//! Why something failed, and the proof. Not here: when it is shown.

use evenkeel_proto::v1::{EvidenceView, FailureView, PressureView};

use crate::format::{hundredths, printable, size};

use super::pairs;

/// Blanks before evidence.
const INDENT: &str = "    ";

/// The failure on one line: `release/health_timeout (web): not healthy within 2m`.
pub(crate) fn headline(failure: &FailureView) -> String {
    let service = failure.service.as_ref().map(|service| format!(" ({service})")).unwrap_or_default();
    printable(&format!("{}/{}{service}: {}", failure.cause_class, failure.cause, failure.message))
}

/// The proof, indented, with the last `log_lines` of the log.
pub(crate) fn evidence(failure: &FailureView, log_lines: usize) -> Vec<String> {
    let Some(evidence) = &failure.evidence else { return Vec::new() };
    let mut lines: Vec<String> = pairs(&measured(evidence)).iter().map(|line| format!("{INDENT}{line}")).collect();
    let left_out = evidence.log.len().saturating_sub(log_lines);
    if !evidence.log.is_empty() {
        let earlier = if left_out > 0 { format!(" ({left_out} earlier ones left out)") } else { String::new() };
        lines.push(format!("{INDENT}{}{earlier}:", log_heading(failure)));
    }
    lines.extend(
        evidence.log.iter().skip(left_out).map(|line| format!("{INDENT}  | {}", printable(line)).trim_end().to_owned()),
    );
    lines
}

/// An analysis has looked for its lines; they are the last ones of nothing.
fn log_heading(failure: &FailureView) -> &'static str {
    if failure.cause == "analysis_failed" { "log lines" } else { "last log lines" }
}

fn measured(evidence: &EvidenceView) -> Vec<(&'static str, String)> {
    let mut measured = Vec::new();
    let killed = "killed for using more memory than it may (OOM)";
    match (evidence.exit_code, evidence.oom_killed) {
        (Some(code), true) => measured.push(("exit code", format!("{code}, {killed}"))),
        (Some(code), false) => measured.push(("exit code", code.to_string())),
        (None, true) => measured.push(("ended", killed.to_owned())),
        (None, false) => {}
    }
    if let Some(request) = &evidence.probe_request {
        measured.push(("probe", printable(request)));
    }
    if let Some(answer) = &evidence.probe_answer {
        measured.push(("answer", printable(answer)));
    }
    if let Some(pressure) = &evidence.pressure {
        measured.push(("host then", self::pressure(pressure)));
    }
    measured
}

fn pressure(pressure: &PressureView) -> String {
    format!(
        "load {}, {} of {} memory available, {} disk available",
        hundredths(pressure.load_hundredths),
        size(pressure.memory_available),
        size(pressure.memory_total),
        size(pressure.disk_available),
    )
}
