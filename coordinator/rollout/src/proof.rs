//! A host's word that it is healthy counts only with its proof: each service that it was ordered runs from the digest that the release was
//! pinned to. Not here: what follows from it (the steps).

use std::collections::BTreeSet;

use evenkeel_model::{AppReport, CauseKind, Failure, Manifest, ServiceName};

/// The report as it may be believed: one that calls itself healthy without the proof is not, and says why.
///
/// `ordered` are the services that the host was told to run of `manifest`, which is the release that the report is about.
pub fn believed(report: AppReport, manifest: &Manifest, ordered: &BTreeSet<ServiceName>) -> AppReport {
    if !report.healthy {
        return report;
    }
    match ordered.iter().find_map(|name| doubt(&report, manifest, name)) {
        None => report,
        Some(failure) => AppReport { healthy: false, failure: Some(failure), ..report },
    }
}

fn doubt(report: &AppReport, manifest: &Manifest, name: &ServiceName) -> Option<Failure> {
    let pinned = manifest.services.get(name)?.image.digest();
    let (kind, message) = match report.services.get(name) {
        None => {
            (CauseKind::Unhealthy, format!("the host calls the release healthy, and does not say what runs for {name}"))
        }
        Some(service) if service.pin != *pinned => (
            CauseKind::DigestMismatch,
            format!("{name} runs from {}, and the release is pinned to {pinned}", service.pin),
        ),
        Some(service) if !(service.running && service.healthy) => {
            (CauseKind::Unhealthy, format!("the host calls the release healthy, and {name} is not"))
        }
        Some(_) => return None,
    };
    Some(Failure { service: Some(name.clone()), ..Failure::plain(kind, message) })
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{Phase, ReleaseNumber, ServiceReport, Stage};

    use super::*;
    use crate::fixture::{Fixture, manifest};

    /// What a host says of its services.
    type Said<'a> = &'a [(&'a str, ServiceReport)];

    /// The word of a host in trial of release 2, with this said of its services.
    fn report(services: Said<'_>) -> AppReport {
        let mut fixture = Fixture::empty(1);
        fixture.ordered("h1", 1, Some(2), Phase::Trial);
        fixture.says("h1", Stage::Trial, true);
        let services = services.iter().map(|(name, report)| (name.parse().unwrap(), report.clone())).collect();
        AppReport { services, ..fixture.view("h1").report.clone().unwrap() }
    }

    #[test]
    fn g4_healthy_is_who_runs_each_ordered_service_from_its_pinned_digest() {
        let release = manifest(2, &[("web", &[]), ("worker", &[])]);
        let ordered = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<BTreeSet<_>>();
        let good = ServiceReport {
            release: ReleaseNumber(2),
            pin: release.services[&"web".parse().unwrap()].image.digest().clone(),
            image_id: "sha256:x".to_owned(),
            running: true,
            healthy: true,
            restarts: 0,
        };
        let other = ServiceReport { pin: evenkeel_model::Digest::of(b"another image"), ..good.clone() };
        let unwell = ServiceReport { healthy: false, ..good.clone() };
        let cases: [(Said<'_>, &[&str], Option<CauseKind>); 6] = [
            (&[("web", good.clone())], &["web"], None),
            (&[("web", good.clone()), ("worker", other.clone())], &["web"], None),
            (&[("web", other)], &["web"], Some(CauseKind::DigestMismatch)),
            (&[("web", good.clone())], &["web", "worker"], Some(CauseKind::Unhealthy)),
            (&[("web", unwell)], &["web"], Some(CauseKind::Unhealthy)),
            (&[], &[], None),
        ];
        for (services, asked, doubted) in cases {
            let believed = believed(report(services), &release, &ordered(asked));
            assert_eq!(believed.failure.as_ref().map(|failure| failure.kind), doubted, "{services:?} {asked:?}");
            assert_eq!(believed.healthy, doubted.is_none());
            let names_it = believed.failure.is_none_or(|failure| failure.service.is_some());
            assert!(names_it, "the doubt is about a service: {services:?} {asked:?}");
        }
    }
}
