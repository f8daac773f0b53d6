//! What is wrong with `healthcheck`, and with `health` in `x-rollout`. Each line: what is written, and every problem with its line.

use super::service;

#[test]
fn bad_health_checks_are_refused() {
    service("healthcheck: curl", &["5: services.web.healthcheck: expected a map of keys and values, found `curl`"]);
    service("healthcheck: {}", &["5: services.web.healthcheck: the check has no `test`: write it, or `disable: true`"]);
    service(
        r#"healthcheck: {test: ""}"#,
        &["5: services.web.healthcheck.test: expected a command line, or a list such as `[CMD, …]`, found ``"],
    );
    service(
        "healthcheck: {test: []}",
        &["5: services.web.healthcheck.test: the test is empty: write it, or `disable: true`"],
    );
    service(
        "healthcheck: {test: [curl, x]}",
        &["5: services.web.healthcheck.test: expected `CMD`, `CMD-SHELL` or `NONE` first, found `curl`"],
    );
    service("healthcheck: {test: [CMD]}", &["5: services.web.healthcheck.test: after `CMD` comes a program: write it"]);
    service(
        "healthcheck: {test: [CMD-SHELL, a, b]}",
        &["5: services.web.healthcheck.test: after `CMD-SHELL` comes one command line: write it as one text"],
    );
    service(
        "healthcheck: {test: [NONE, a]}",
        &["5: services.web.healthcheck.test: after `NONE` comes nothing: remove the rest"],
    );
    service(
        "healthcheck: {test: a, disable: true}",
        &["5: services.web.healthcheck: `disable: true` and `test` contradict each other: keep one"],
    );
    service(
        "healthcheck: {disable: perhaps}",
        &["5: services.web.healthcheck.disable: expected `true` or `false`, found `perhaps`"],
    );
    service(
        "healthcheck: {test: a, interval: 0s}",
        &["5: services.web.healthcheck.interval: must be longer than 0s: write for example `30s`"],
    );
    service(
        "healthcheck: {test: a, timeout: 5}",
        &["5: services.web.healthcheck.timeout: `5` has no unit: write for example `30s`, `1m30s` or `500ms`"],
    );
    service(
        "healthcheck: {test: a, retries: 0}",
        &["5: services.web.healthcheck.retries: expected a whole number from 1 to 1000, found `0`"],
    );
    service(
        "healthcheck: {test: a, retries: three}",
        &["5: services.web.healthcheck.retries: expected a whole number from 1 to 1000, found `three`"],
    );
    service(
        "healthcheck: {test: a, start_interval: 0s}",
        &["5: services.web.healthcheck.start_interval: must be longer than 0s: write for example `30s`"],
    );
    service(
        "healthcheck: {test: a, intervall: 1s}",
        &["5: services.web.healthcheck.intervall: unknown key: did you mean `interval`?"],
    );
}

#[test]
fn bad_probes_are_refused() {
    service(
        "x-rollout: {health: docker}",
        &["5: services.web.x-rollout.health: expected a map of keys and values, found `docker`"],
    );
    service(
        "x-rollout: {health: {}}",
        &["5: services.web.x-rollout.health: there is no probe: write `http`, `tcp`, `grpc`, `exec` or `docker`"],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, http: {port: 1}}}",
        &["5: services.web.x-rollout.health.tcp: there is already the probe `http`: keep it or `tcp`"],
    );
    service(
        "x-rollout: {health: {grpc: {service: a}}}",
        &["5: services.web.x-rollout.health.grpc: the probe has no `port`: write the container's port"],
    );
    service(
        "x-rollout: {health: {grpc: {port: 1, service: a b}}}",
        &[
            "5: services.web.x-rollout.health.grpc.service: expected a gRPC service such as `shop.v1.Orders`, found `a b`",
        ],
    );
    service(
        "x-rollout: {health: {grpc: {port: 1}, exec: [a]}}",
        &["5: services.web.x-rollout.health.exec: there is already the probe `grpc`: keep it or `exec`"],
    );
    service(
        "x-rollout: {health: {http: {}}}",
        &["5: services.web.x-rollout.health.http: the probe has no `port`: write the container's port"],
    );
    service(
        "x-rollout: {health: {http: {port: 0}}}",
        &["5: services.web.x-rollout.health.http.port: expected a whole number from 1 to 65535, found `0`"],
    );
    service(
        "x-rollout: {health: {http: {port: 80, path: healthz}}}",
        &["5: services.web.x-rollout.health.http.path: expected a path such as `/healthz`, found `healthz`"],
    );
    service(
        "x-rollout: {health: {http: {port: 80, query: x}}}",
        &[
            "5: services.web.x-rollout.health.http.query: unknown key: remove it, or use one of port, path, method, host, headers, status, body",
        ],
    );
    service(
        "x-rollout: {health: {tcp: 80}}",
        &["5: services.web.x-rollout.health.tcp: expected a map of keys and values, found `80`"],
    );
    service(
        "x-rollout: {health: {exec: true}}",
        &["5: services.web.x-rollout.health.exec: expected a list of words, found `true`"],
    );
    service(
        "x-rollout: {health: {exec: []}}",
        &[
            "5: services.web.x-rollout.health.exec: the command is empty: write a program and its arguments, such as `[pg_isready]`",
        ],
    );
    service(
        "x-rollout: {health: {docker: false}}",
        &[
            "5: services.web.x-rollout.health.docker: `docker` is either `true` or not written: remove it, and write another probe",
        ],
    );
    service(
        "x-rollout: {health: {docker: perhaps}}",
        &["5: services.web.x-rollout.health.docker: expected `true` or `false`, found `perhaps`"],
    );
}

#[test]
fn bad_numbers_of_a_health_rule_are_refused() {
    service(
        "x-rollout: {health: {tcp: {port: 1}, interval: 0s}}",
        &["5: services.web.x-rollout.health.interval: must be longer than 0s: write for example `30s`"],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, start_interval: 0s}}",
        &["5: services.web.x-rollout.health.start_interval: must be longer than 0s: write for example `30s`"],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, timeout: 1}}",
        &["5: services.web.x-rollout.health.timeout: `1` has no unit: write for example `30s`, `1m30s` or `500ms`"],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, successes: 0}}",
        &["5: services.web.x-rollout.health.successes: expected a whole number from 1 to 1000, found `0`"],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, failures: many}}",
        &["5: services.web.x-rollout.health.failures: expected a whole number from 1 to 1000, found `many`"],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, start_period: late}}",
        &[
            "5: services.web.x-rollout.health.start_period: `late` is not a duration: write for example `30s`, `1m30s` or `500ms`",
        ],
    );
    service(
        "x-rollout: {health: {tcp: {port: 1}, retries: 3}}",
        &[
            "5: services.web.x-rollout.health.retries: unknown key: remove it, or use one of http, grpc, tcp, exec, docker, interval, start_interval, timeout, successes, failures, start_period",
        ],
    );
    service(
        "x-rollout: {health: {docker: true}}\nhealthcheck: {disable: true}",
        &[
            "5: services.web.x-rollout.health: `docker: true` waits for the health check of web, which is disabled: write another probe",
        ],
    );
}

#[test]
fn bad_requests_and_answers_are_refused() {
    let http = |keys: &str, problem: &str| {
        service(
            &format!("x-rollout: {{health: {{http: {{port: 80, {keys}}}}}}}"),
            &[&format!("5: services.web.x-rollout.health.http.{problem}")],
        );
    };
    http("method: get", "method: expected `GET`, `HEAD`, `OPTIONS`, `POST` or `PUT`, found `get`");
    http("status: 2xx", "status: expected a status such as `200`, or a range such as `200-299`, found `2xx`");
    http("status: 299-200", "status: expected a status such as `200`, or a range such as `200-299`, found `299-200`");
    http("status: [200]", "status: expected a status such as `200`, or a range such as `200-299`, found a list");
    http("body: ''", "body: expected text that a good answer contains, found ``");
    http("method: HEAD, body: ok", "body: an answer to HEAD has no body: remove it, or write another method");
    http("host: 'a b'", "host: expected a host name such as `shop.example`, found `a b`");
    http("host: a, headers: {Host: b}", "host: it is also written under `headers`: keep one of them");
    http("headers: text", "headers: expected a map of keys and values, found `text`");
    http("headers: {'a b': x}", "headers.a b: `a b` is no header's name: write for example `Accept`");
    http("headers: {A: x, a: y}", "headers.a: `a` is written twice, in capitals or not: keep one");
    http("headers: {A: é}", "headers.A: expected a header's value, in ASCII, found `é`");
    http("headers: {A: }", "headers.A: expected a header's value, in ASCII, found nothing");
    http(
        "headers: {Content-Length: 1}",
        "headers.Content-Length: the agent sets `Content-Length` by itself: remove it",
    );
}
