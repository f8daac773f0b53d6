//! Views with every field filled.

use evenkeel_proto::v1::*;

use crate::desk::NOW;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const IMAGE_ID: &str = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// So many seconds ago.
pub(crate) fn ago(seconds: u64) -> u64 {
    NOW - seconds * 1000
}

pub(crate) fn act(by: &str, seconds_ago: u64, deed: &str, why: &str) -> ActView {
    ActView { by: by.to_owned(), at: ago(seconds_ago), why: why.to_owned(), deed: deed.to_owned() }
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
        duty: "active".to_owned(),
        duty_act: None,
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
        duty: "cordoned".to_owned(),
        duty_act: Some(act("ada", 300, "cordoned", "a disk is being watched")),
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
        promote: "auto".to_owned(),
        shares: vec![100],
        ..PolicyView::default()
    }
}

/// A canary's, with all that can be written.
pub(crate) fn canary() -> PolicyView {
    PolicyView {
        strategy: "canary".to_owned(),
        waves: vec!["1 (bake 10m)".to_owned(), "100%".to_owned()],
        by: Some("zone".to_owned()),
        first: vec!["web-1".to_owned()],
        min_healthy: Some("75%".to_owned()),
        promote: "manual".to_owned(),
        shares: vec![5, 25, 100],
        keep_blue_ms: 600_000,
        gates: vec![APPROVAL.to_owned(), ANALYSIS.to_owned()],
        ..policy()
    }
}

/// Gates in the coordinator's words.
pub(crate) const APPROVAL: &str = "approval by 1 who did not begin it before the commit of the first wave";
pub(crate) const ANALYSIS: &str = "analysis errors, 5 readings every 1m, before the commit of every wave";

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
        differences: match change {
            "replace" => vec![
                "web: image registry.example/shop:1.3 (89abcdef0123) → registry.example/shop:1.4 (0123456789ab)"
                    .to_owned(),
                "web: variable LOG_LEVEL is new".to_owned(),
            ],
            _ => Vec::new(),
        },
    };
    PlanResponse {
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        from: Some(3),
        to: 4,
        images: vec![image()],
        waves: vec![
            PlanWaveView {
                hosts: vec![planned("web-1", "replace", "live")],
                bake_ms: 600_000,
                gates: vec![APPROVAL.to_owned(), ANALYSIS.to_owned()],
            },
            PlanWaveView {
                hosts: vec![
                    planned("web-2", "new", "silent"),
                    planned("web-3", "replace", "live"),
                    planned("web-4", "unchanged", "live"),
                ],
                bake_ms: 30_000,
                gates: vec![ANALYSIS.to_owned()],
            },
        ],
        budget: 1,
        policy: Some(canary()),
        notes: vec!["service web: stop-first, because port 8080 is published directly".to_owned()],
        prefetch_hosts: 2,
        fingerprint: "6f1c0a5e2b7d4c90".to_owned(),
        going: Some(8),
        freeze: Some(freeze()),
        shortest_ms: 1_890_000,
    }
}

/// With an end, of one app.
pub(crate) fn freeze() -> FreezeView {
    FreezeView {
        freeze: 3,
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        until: Some(NOW + 14_400_000),
        act: Some(act("ada", 600, "", "stocktaking")),
    }
}

/// Without an end, of everything.
pub(crate) fn freeze_of_all() -> FreezeView {
    FreezeView { freeze: 4, act: Some(act("bob", 60, "", "")), ..FreezeView::default() }
}

/// A canary that stands at its gates, and has been paused in between.
pub(crate) fn gated() -> RolloutView {
    let reading = |seconds_ago: u64, verdict: &str, said: &str| ReadingView {
        at: ago(seconds_ago),
        verdict: verdict.to_owned(),
        said: said.to_owned(),
        lines: vec![],
    };
    let panicked = ReadingView {
        lines: vec![
            "web-1 web: thread 'main' panicked at src/main.rs:7".to_owned(),
            "web-1 web: \u{1b}[31mERROR".to_owned(),
        ],
        ..reading(60, "bad", "2 lines match in 1 container, and it may be 0 at most")
    };
    let logs = GateView {
        wave: 0,
        at: "commit".to_owned(),
        kind: "analysis".to_owned(),
        asks: "1 of 3 readings".to_owned(),
        since: ago(420),
        approvals: vec![],
        readings: vec![panicked],
    };
    let measured = GateView {
        wave: 0,
        at: "commit".to_owned(),
        kind: "analysis".to_owned(),
        asks: "analysis errors, 5 readings every 1m,".to_owned(),
        since: ago(420),
        approvals: vec![],
        readings: (0..5)
            .map(|number| reading(400 - 60 * number, "good", "0.01 (at most 0.05)"))
            .chain([reading(90, "bad", "0.07 (at most 0.05)"), reading(30, "inconclusive", "no\u{1b}[31m answer")])
            .collect(),
    };
    let asked = GateView {
        wave: 0,
        at: "commit".to_owned(),
        kind: "approval".to_owned(),
        asks: "approval by 2 who did not begin it".to_owned(),
        since: ago(420),
        approvals: vec![act("bob", 200, "approved", "seen on web-1")],
        readings: vec![],
    };
    RolloutView {
        rollout: 9,
        began: ago(1200),
        ended: None,
        state: "advancing".to_owned(),
        outcome: String::new(),
        wave: 0,
        failure: None,
        hosts: vec![rollout_host("web-1", 0, "healthy"), rollout_host("web-2", 1, "waiting")],
        waiting: vec![WaitingView {
            kind: "approval".to_owned(),
            message: "1 more person has to approve; bob has, ada can't, who began it".to_owned(),
            ..WaitingView::default()
        }],
        policy: Some(canary()),
        prefetch: None,
        share: 25,
        gates: vec![measured, logs, asked],
        acts: vec![
            act("ada", 1200, "overrode_freeze", "orders get lost"),
            act("bob", 900, "paused", "errors rise"),
            act("ada", 800, "resumed", ""),
            act("bob", 200, "approved", "seen on web-1"),
        ],
        freeze_override: "orders get lost".to_owned(),
        ..rollout()
    }
}

pub(crate) fn operators() -> ListOperatorsResponse {
    let operator = |name: &str, role: &str| OperatorView {
        operator: name.to_owned(),
        role: role.to_owned(),
        certificate_expires: NOW + 172_800_000,
    };
    ListOperatorsResponse { operators: vec![operator("ada", "deployer"), operator("bob", "approver")] }
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
        share: 100,
        acts: vec![act("bob", 60, "paused", "errors rise"), act("bob", 50, "aborted", "")],
        ..RolloutView::default()
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
