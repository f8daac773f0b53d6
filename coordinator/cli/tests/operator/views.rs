//! Views with every field filled.

use evenkeel_proto::v1::*;

use crate::desk::NOW;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const IMAGE_ID: &str = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// So many seconds ago.
pub(crate) fn ago(seconds: u64) -> u64 {
    NOW - seconds * 1000
}

pub(crate) fn pressure() -> PressureView {
    PressureView {
        load_hundredths: 142,
        memory_available: 1_288_490_188,
        memory_total: 4_080_218_931,
        disk_available: 12 << 30,
    }
}

pub(crate) fn failure() -> FailureView {
    FailureView {
        cause_class: "release".to_owned(),
        cause: "health_timeout".to_owned(),
        service: Some("web".to_owned()),
        message: "not healthy within 2m".to_owned(),
        evidence: Some(EvidenceView {
            exit_code: Some(137),
            oom_killed: true,
            log: (1..=12).map(|line| format!("line {line}: \u{1b}[31mcannot reach\tdatabase")).collect(),
            probe_request: Some("GET http://172.17.0.3:8080/healthz".to_owned()),
            probe_answer: Some("503 Service Unavailable: warming up".to_owned()),
            pressure: Some(pressure()),
        }),
    }
}

pub(crate) fn host_app() -> HostAppView {
    HostAppView {
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        ordered_release: Some(4),
        generation: 9,
        ordered_phase: "trial".to_owned(),
        stage: "reverted".to_owned(),
        healthy: true,
        base_release: Some(3),
        failure: Some(failure()),
        services: vec![ServiceView {
            service: "web".to_owned(),
            release: 3,
            pin: DIGEST.to_owned(),
            image_id: IMAGE_ID.to_owned(),
            running: true,
            healthy: true,
            restarts: 2,
        }],
        why: "reverted: release 3 serves".to_owned(),
    }
}

pub(crate) fn host() -> HostView {
    HostView {
        host: "web-1".to_owned(),
        environment: "default".to_owned(),
        labels: [("role".to_owned(), "web".to_owned())].into_iter().collect(),
        contact: "live".to_owned(),
        last_heard: Some(ago(4)),
        joined: ago(200_000),
        certificate_expires: NOW + 172_800_000,
        facts: Some(HostFactsView {
            agent_version: "0.1.0".to_owned(),
            os: "Debian GNU/Linux 13".to_owned(),
            kernel: "6.12.0".to_owned(),
            architecture: "x86_64".to_owned(),
            cpus: 4,
            memory_total: 4_080_218_931,
            engine: Some("29.0.1".to_owned()),
        }),
        stats: Some(HostStatsView {
            cpu_millicores: 1250,
            load_hundredths: 142,
            memory_available: 1_288_490_188,
            disk_available: 12 << 30,
            disk_total: 40 << 30,
            containers: vec![ContainerStatsView {
                environment: "default".to_owned(),
                app: "shop".to_owned(),
                service: "web".to_owned(),
                slot: "a".to_owned(),
                cpu_millicores: 120,
                memory: 64 << 20,
            }],
        }),
        apps: vec![host_app()],
    }
}

/// A host that joined and was never heard.
pub(crate) fn silent_host() -> HostView {
    HostView {
        host: "web-2".to_owned(),
        environment: "default".to_owned(),
        contact: "silent".to_owned(),
        joined: ago(90),
        certificate_expires: ago(5),
        ..HostView::default()
    }
}

pub(crate) fn policy() -> PolicyView {
    PolicyView {
        strategy: "rolling".to_owned(),
        waves: ["1", "10%", "50%", "100%"].map(str::to_owned).to_vec(),
        max_unavailable: Some("25%".to_owned()),
        max_failures: Some("0".to_owned()),
        bake_ms: 30_000,
        health_deadline_ms: 120_000,
        pull_deadline_ms: 600_000,
        progress_deadline_ms: 900_000,
        on_failure: "rollback".to_owned(),
    }
}

pub(crate) fn image() -> ImageView {
    ImageView {
        service: "web".to_owned(),
        reference: "registry.example/shop:1.4".to_owned(),
        digest: DIGEST.to_owned(),
        local: true,
    }
}

pub(crate) fn plan() -> PlanResponse {
    let planned = |host: &str, change: &str, contact: &str| PlanHostView {
        host: host.to_owned(),
        change: change.to_owned(),
        contact: contact.to_owned(),
        details: vec!["web: replace, stop-first (port 8080 is published directly)".to_owned()],
    };
    PlanResponse {
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        from: Some(3),
        to: 4,
        images: vec![image()],
        waves: vec![
            PlanWaveView { hosts: vec![planned("web-1", "replace", "live")] },
            PlanWaveView { hosts: vec![planned("web-2", "new", "silent"), planned("web-3", "unchanged", "live")] },
        ],
        budget: 1,
        policy: Some(policy()),
        notes: vec!["service web: stop-first, because port 8080 is published directly".to_owned()],
        prefetch_hosts: 2,
    }
}

pub(crate) fn rollout_host(host: &str, wave: u32, state: &str) -> RolloutHostView {
    RolloutHostView {
        host: host.to_owned(),
        wave,
        state: state.to_owned(),
        generation: Some(9),
        since: ago(12),
        ..RolloutHostView::default()
    }
}

pub(crate) fn rollout() -> RolloutView {
    RolloutView {
        rollout: 7,
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        kind: "deploy".to_owned(),
        from: Some(3),
        to: 4,
        by: "ada".to_owned(),
        began: ago(95),
        ended: Some(ago(20)),
        state: "ended".to_owned(),
        outcome: "halted".to_owned(),
        wave: 1,
        waves: 2,
        hosts: vec![
            RolloutHostView { why: "committed release 4".to_owned(), ..rollout_host("web-1", 0, "committed") },
            RolloutHostView {
                failure: Some(failure()),
                obstacle: Some(FailureView {
                    cause_class: "image".to_owned(),
                    cause: "registry_unreachable".to_owned(),
                    message: "registry.example answers 503".to_owned(),
                    ..FailureView::default()
                }),
                why: "reverted: release 3 serves".to_owned(),
                prefetch: "given_up".to_owned(),
                prefetch_failure: Some(FailureView {
                    cause_class: "host".to_owned(),
                    cause: "disk_full".to_owned(),
                    message: "99 MiB are free".to_owned(),
                    ..FailureView::default()
                }),
                ..rollout_host("web-2", 1, "failed")
            },
        ],
        waiting: vec![WaitingView {
            kind: "bake".to_owned(),
            message: "wave 2 must stay healthy".to_owned(),
            hosts: vec!["web-2".to_owned()],
            until: Some(NOW + 12_000),
        }],
        failure: Some(failure()),
        policy: Some(policy()),
        prefetch: Some(PrefetchView { hosts: 3, present: 1, failing: 1 }),
    }
}

pub(crate) fn releases() -> ListReleasesResponse {
    let release = |release: u64, current: bool| ReleaseView {
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        release,
        digest: DIGEST.to_owned(),
        made: ago(4000 / release),
        by: "ada".to_owned(),
        images: vec![image()],
        current,
    };
    ListReleasesResponse { releases: vec![release(4, false), release(3, true)] }
}

pub(crate) fn status() -> StatusResponse {
    let on = |host: &str, contact: &str, app: Option<HostAppView>| AppHostView {
        host: host.to_owned(),
        contact: contact.to_owned(),
        app,
    };
    let healthy = HostAppView { stage: "committed".to_owned(), failure: None, why: "serving".to_owned(), ..host_app() };
    let app = AppStatusView {
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        current_release: Some(3),
        rollout: Some(7),
        hosts: vec![
            on("web-1", "live", Some(healthy)),
            on("web-2", "live", Some(host_app())),
            on("web-3", "silent", None),
        ],
    };
    let nowhere =
        AppStatusView { app: "wiki".to_owned(), current_release: None, rollout: None, hosts: vec![], ..app.clone() };
    StatusResponse { apps: vec![app, nowhere] }
}
