//! What becomes of a service on a host, in words for the plan. Not here: deciding it (crate `evenkeel-rollout`).

use evenkeel_model::KeepOld;
use evenkeel_rollout::Change;

/// A clause that goes behind the service's name.
pub(super) fn words(change: &Change) -> String {
    match change {
        Change::Unchanged => "stays as it is".to_owned(),
        Change::Rerouted { ports } if ports.is_empty() => {
            "its container stays, and the proxy forwards nothing to it any more".to_owned()
        }
        Change::Rerouted { ports } => format!("its container stays, and the proxy forwards {} anew", named(ports)),
        Change::Replace { ports, keep_old } => {
            let proven = "the new one is proven beside the old one";
            match (&ports[..], keep_old) {
                ([], KeepOld::Stopped) => format!("{proven}, which stops then"),
                ([], KeepOld::Running) => format!("{proven}, which stops after the commit"),
                (ports, KeepOld::Stopped) => {
                    format!("{proven} and then gets what comes to {}; the old one is drained and stops", named(ports))
                }
                (ports, KeepOld::Running) => {
                    let ports = named(ports);
                    format!("{proven} and then gets what comes to {ports}; the old one stops after the commit")
                }
            }
        }
        Change::StopFirst { reason, held, .. } if held.is_empty() => {
            format!("the old one stops before the new one starts: {reason}")
        }
        Change::StopFirst { reason, held, hold } => {
            let held = named(held);
            format!("the old one stops before the new one starts: {reason}; what comes to {held} waits, up to {hold}")
        }
        Change::New => "is new here".to_owned(),
        Change::Remove => "stops, and is not started again".to_owned(),
    }
}

fn named(ports: &[u16]) -> String {
    let word = if ports.len() == 1 { "port" } else { "ports" };
    format!("{word} {}", ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use evenkeel_model::Millis;

    use super::*;

    #[test]
    fn a_plan_says_when_the_old_container_stops_and_what_waits() {
        let check = |change: Change, expected: &str| assert_eq!(words(&change), expected);
        let replace = |ports: &[u16], keep_old| Change::Replace { ports: ports.to_vec(), keep_old };
        check(replace(&[], KeepOld::Stopped), "the new one is proven beside the old one, which stops then");
        check(
            replace(&[80, 443], KeepOld::Running),
            "the new one is proven beside the old one and then gets what comes to ports 80, 443; the old one stops after the commit",
        );
        check(
            replace(&[80], KeepOld::Stopped),
            "the new one is proven beside the old one and then gets what comes to port 80; the old one is drained and stops",
        );
        check(replace(&[], KeepOld::Running), "the new one is proven beside the old one, which stops after the commit");
        let stop_first = |held: &[u16]| Change::StopFirst {
            reason: "volume data may have only one writer".to_owned(),
            held: held.to_vec(),
            hold: Millis::seconds(30),
        };
        check(stop_first(&[]), "the old one stops before the new one starts: volume data may have only one writer");
        check(
            stop_first(&[80]),
            "the old one stops before the new one starts: volume data may have only one writer; what comes to port 80 waits, up to 30s",
        );
        check(Change::Rerouted { ports: vec![80] }, "its container stays, and the proxy forwards port 80 anew");
        check(
            Change::Rerouted { ports: Vec::new() },
            "its container stays, and the proxy forwards nothing to it any more",
        );
    }
}
