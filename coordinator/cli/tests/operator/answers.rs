//! Each answer as table and as JSON, filled and empty, against what is kept. Names in the JSON are the contract with scripts.

use std::fmt::Write as _;

use evenkeel_proto::v1::*;

use crate::canned::Canned;
use crate::desk::{Desk, Ran, run};
use crate::{golden, views};

fn filled() -> Canned {
    Canned {
        token: CreateTokenResponse {
            token: "ek1.fingerprint.secret".to_owned(),
            expires: crate::desk::NOW + 1_800_000,
        },
        hosts: ListHostsResponse { hosts: vec![views::host(), views::silent_host()] },
        host: views::host(),
        plan: views::plan(),
        rollouts: ListRolloutsResponse {
            rollouts: vec![
                RolloutView {
                    rollout: 8,
                    ended: None,
                    state: "advancing".to_owned(),
                    outcome: String::new(),
                    failure: None,
                    from: None,
                    hosts: vec![],
                    ..views::rollout()
                },
                RolloutView { hosts: vec![], ..views::rollout() },
                RolloutView { rollout: 6, state: "queued".to_owned(), waves: 0, hosts: vec![], ..views::gated() },
            ],
        },
        rollout: views::rollout(),
        releases: views::releases(),
        status: views::status(),
        freeze: views::freeze(),
        freezes: ListFreezesResponse { freezes: vec![views::freeze_of_all(), views::freeze()] },
        operators: views::operators(),
        ..Canned::default()
    }
}

/// A Compose file in a directory that lives as long as the test.
pub(crate) fn compose_file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("compose.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (directory, path)
}

pub(crate) const SHOP: &str = "\
name: shop
services:
  web:
    image: registry.example/shop:${TAG:-1.4}
    ports:
      - \"8080:80\"
";

/// Each way to forward a port, and all about traffic that has a default and is written.
const TRAFFIC: &str = "\
name: shop
services:
  web:
    image: registry.example/shop:1.4
    ports:
      - {target: 80, published: 8080, app_protocol: http}
      - target: 80
        published: 8443
        host_ip: \"::1\"
        app_protocol: http
        x-route: {hosts: [shop.example, www.shop.example], path: /api, sticky: session, tls: true}
      - {target: 80, published: 8081, app_protocol: http, x-route: {redirect_to_https: true}}
      - \"127.0.0.1:9000:9000\"
    stop_signal: quit
    x-rollout:
      drain: 1m
      lb_delay: 5s
      keep_old: stopped
      health:
        http:
          port: 80
          path: /healthz
          host: shop.example
          headers: {x-secret: hidden}
          status: 200-299
          body: 'ready: \"yes\"'
        start_interval: 500ms
  orders:
    image: registry.example/orders:1
    ports:
      - {target: 9000, published: 9001, app_protocol: grpc}
    x-rollout:
      order: stop-first
      hold: 10s
      health: {grpc: {port: 9000, service: shop.v1.Orders}}
  names:
    image: registry.example/names:1
    ports:
      - \"53:53/udp\"
x-rollout:
  keep: 3
";

#[tokio::test(start_paused = true)]
async fn every_answer_is_as_kept_in_table_and_json() {
    let (_directory, file) = compose_file(SHOP);
    let (_other_directory, traffic) = compose_file(TRAFFIC);
    for (name, arguments) in [
        ("token-create", "token create --label role=web --label zone=a --host web-9 --lifetime 30m".to_owned()),
        ("hosts", "hosts".to_owned()),
        ("host-show", "host show web-1".to_owned()),
        ("host-label", "host label web-1 role=web old-".to_owned()),
        ("host-remove", "host remove web-1 --yes".to_owned()),
        ("plan", format!("plan -f {file}")),
        ("simulate", format!("simulate {file} --hosts 12 --zones 3 --fails 10% --seed 5 --down zone=z2@1m+2m")),
        ("simulate-runs", format!("simulate -f {file} --hosts 12 --fails 10% --unhealthy 5% --runs 5")),
        ("rollouts", "rollouts".to_owned()),
        ("rollout-show", "rollout show 7".to_owned()),
        ("rollout-abort", "rollout abort 7 --rollback".to_owned()),
        ("rollout-pause", "rollout pause shop --why noise".to_owned()),
        ("rollout-resume", "rollout resume shop".to_owned()),
        ("rollout-promote", "rollout promote 7".to_owned()),
        ("rollout-approve", "rollout approve 7".to_owned()),
        ("history", "history shop".to_owned()),
        ("freeze", "freeze shop --why stocktaking --for 4h".to_owned()),
        ("freeze-ls", "freeze ls".to_owned()),
        ("freeze-lift", "freeze lift 3".to_owned()),
        ("host-cordon", "host cordon web-1 --why noise".to_owned()),
        ("host-uncordon", "host uncordon web-1".to_owned()),
        ("host-drain-detached", "host drain web-1 --detach".to_owned()),
        ("operator-ls", "operator ls".to_owned()),
        ("operator-rm", "operator rm bob --yes".to_owned()),
        ("releases", "releases shop".to_owned()),
        ("status", "status".to_owned()),
        ("compose-show", format!("compose show -f {file} --set TAG=2")),
        ("compose-show-traffic", format!("compose show -f {traffic}")),
    ] {
        let Ran { code, output, error } = run(filled(), &arguments).await;
        assert_eq!((code, error.as_str()), (0, ""), "{name}");
        golden::check(&format!("tables/{name}.txt"), &output);
        let Ran { code, output, error } = run(filled(), &format!("{arguments} --output json")).await;
        assert_eq!((code, error.as_str()), (0, ""), "{name}");
        golden::check(&format!("json/{name}.json"), &output);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollout_at_its_gates_is_shown_with_all_that_was_said_and_measured() {
    for (name, arguments) in [("gates", "rollout show 9"), ("gates-approve", "rollout approve 9")] {
        let ran = run(Canned { rollout: views::gated(), ..Canned::default() }, arguments).await;
        assert_eq!((ran.code, ran.error.as_str()), (0, ""));
        golden::check(&format!("tables/rollout-{name}.txt"), &ran.output);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_by_its_code_whether_anything_would_change() {
    let (_directory, file) = compose_file(SHOP);
    let same = PlanResponse { from: Some(4), going: None, freeze: None, ..views::plan() };
    let mut unchanged = same.clone();
    for host in unchanged.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
        "unchanged".clone_into(&mut host.change);
        host.differences.clear();
    }
    for (plan, option, code) in [
        (views::plan(), "", 0),
        (views::plan(), "--detailed-exitcode", 10),
        (same, "--detailed-exitcode", 10),
        (unchanged.clone(), "--detailed-exitcode", 0),
    ] {
        let ran = run(Canned { plan, ..Canned::default() }, &format!("plan -f {file} {option}")).await;
        assert_eq!(ran.code, code, "{option} {}", ran.output);
    }
    let ran = run(Canned { plan: unchanged, ..Canned::default() }, &format!("plan -f {file}")).await;
    assert!(ran.output.ends_with("Nothing would change: release 4 is on all 4 hosts already\n"), "{}", ran.output);
}

#[tokio::test(start_paused = true)]
async fn empty_lists_say_what_to_do_first() {
    let mut text = String::new();
    for arguments in ["hosts", "rollouts", "history", "freeze ls", "operator ls", "releases", "status"] {
        let ran = run(Canned::default(), arguments).await;
        assert_eq!(ran.code, 0);
        assert!(ran.output.contains("evenkeel "), "{arguments}: {}", ran.output);
        write!(text, "$ evenkeel {arguments}\n{}", ran.output).unwrap();
    }
    golden::check("tables/empty.txt", &text);
}

#[tokio::test(start_paused = true)]
async fn all_problems_of_a_compose_file_are_told_and_nothing_is_asked() {
    let (_directory, file) =
        compose_file("name: shop\nservices:\n  web:\n    image: app:1\n    imagge: x\n    ports: 7\n");
    let desk = Desk::dialling(std::sync::Arc::new(crate::verbs::Nowhere));
    for verb in ["compose show", "plan", "deploy"] {
        let ran = desk.run(&format!("{verb} -f {file} --output json")).await;
        assert_eq!((ran.code, ran.output.as_str()), (1, ""), "{verb}");
        let told: Vec<&str> = ran.error.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(told.len() >= 2 && told[0].contains("compose.yaml:5:"), "{}", ran.error);
        assert!(ran.error.lines().last().unwrap().starts_with("  next: "), "{}", ran.error);
    }
}
