//! What is wrong with a service: its keys, texts, environment and variables. Each line: what is written, and every problem with its line.

use super::{file, service};

#[test]
fn keys_that_a_service_does_not_have_are_refused() {
    file("name: app\nservices:\n  web: {}", &["3: services.web: the service has no image: write `image: …`"]);
    file(
        "name: app\nservices:\n  web:\n    build: .",
        &["4: services.web.build: images are not built on hosts: build it, push it to a registry, and write `image`"],
    );
    file(
        "name: app\nservices:\n  web:\n    image: \"app 1\"",
        &["4: services.web.image: expected an image such as `registry.example/app:1.4`, found `app 1`"],
    );
    file(
        "name: app\nservices:\n  web:\n    image: \"\"",
        &["4: services.web.image: expected an image such as `registry.example/app:1.4`, found ``"],
    );
    file(
        "name: app\nservices:\n  web:\n    image: [a]",
        &["4: services.web.image: expected an image such as `registry.example/app:1.4`, found a list"],
    );
    service("imgae: x", &["5: services.web.imgae: unknown key: did you mean `image`?"]);
    service(
        "whatever: x",
        &[
            "5: services.web.whatever: unknown key: remove it, or use one of image, command, entrypoint, environment, ports, volumes, healthcheck, restart, user, labels, stop_grace_period, stop_signal, pull_policy, deploy, x-rollout",
        ],
    );
    service("networks: [a]", &["5: services.web.networks: not supported yet: remove it"]);
    service("depends_on: [db]", &["5: services.web.depends_on: not supported yet: remove it"]);
    service(
        "env_file: .env",
        &["5: services.web.env_file: not supported yet: write the variables under `environment`"],
    );
}

#[test]
fn bad_values_of_a_service_are_refused() {
    service(
        "restart: sometimes",
        &["5: services.web.restart: expected `no`, `always`, `on-failure` or `unless-stopped`, found `sometimes`"],
    );
    service(
        "restart: true",
        &["5: services.web.restart: expected `no`, `always`, `on-failure` or `unless-stopped`, found `true`"],
    );
    service(
        "restart: on-failure:3",
        &["5: services.web.restart: a limit of restarts is not supported yet: write `on-failure`"],
    );
    service(
        "restart: [no]",
        &["5: services.web.restart: expected `no`, `always`, `on-failure` or `unless-stopped`, found a list"],
    );
    service(r#"user: """#, &["5: services.web.user: expected a user, such as `1000:1000`, found ``"]);
    service("user: {}", &["5: services.web.user: expected a user, such as `1000:1000`, found a map"]);
    service(
        "pull_policy: sometimes",
        &["5: services.web.pull_policy: expected `always`, `missing`, `if_not_present` or `never`, found `sometimes`"],
    );
    service(
        "pull_policy: build",
        &[
            "5: services.web.pull_policy: `build` is not supported yet: write `always`, `missing`, `if_not_present` or `never`",
        ],
    );
    service(
        "pull_policy: daily",
        &[
            "5: services.web.pull_policy: `daily` is not supported yet: write `always`, `missing`, `if_not_present` or `never`",
        ],
    );
    service(
        "stop_grace_period: 10",
        &["5: services.web.stop_grace_period: `10` has no unit: write for example `30s`, `1m30s` or `500ms`"],
    );
    service(
        "stop_grace_period: soon",
        &["5: services.web.stop_grace_period: `soon` is not a duration: write for example `30s`, `1m30s` or `500ms`"],
    );
    service(
        "stop_grace_period: 10us",
        &[
            "5: services.web.stop_grace_period: `10us` is finer than a millisecond: write whole milliseconds, such as `500ms`",
        ],
    );
    service(
        "stop_grace_period: 99999h",
        &["5: services.web.stop_grace_period: `99999h` is longer than a year: write less"],
    );
    for signal in ["SIGNOPE", "0", "65", "''"] {
        let found = format!("`{}`", signal.trim_matches('\''));
        service(
            &format!("stop_signal: {signal}"),
            &[&format!(
                "5: services.web.stop_signal: expected a signal such as `SIGQUIT`, or its number, found {found}"
            )],
        );
    }
    service(
        r#"command: echo "x"#,
        &[r#"5: services.web.command: the quote " is not closed: close it, or write a list"#],
    );
    service(
        "command: a | b",
        &[r#"5: services.web.command: no shell is run, so `|` has no meaning: quote it, or write [sh, -c, "…"]"#],
    );
    service(
        "command: []",
        &["5: services.web.command: engines take an empty command for the image's own: remove it, or write a command"],
    );
    service(
        r#"command: """#,
        &["5: services.web.command: engines take an empty command for the image's own: remove it, or write a command"],
    );
    service(
        "command: {a: b}",
        &["5: services.web.command: expected a command line, or a list of program and arguments, found a map"],
    );
    service("command: [a, [b]]", &["5: services.web.command[1]: expected text, found a list"]);
    service(r"entrypoint: a\", &["5: services.web.entrypoint: it ends with a backslash: remove it, or write a list"]);
    service(
        "user: \"\\0\"",
        &["5: services.web.user: the text has a zero character in it, which no container can be given: remove it"],
    );
}

#[test]
fn bad_environments_and_labels_are_refused() {
    service(
        "environment: text",
        &["5: services.web.environment: expected a map, or a list of `NAME=value`, found `text`"],
    );
    service("environment: {A: [x]}", &["5: services.web.environment.A: expected text, found a list"]);
    service(
        "environment: {NOT_SET: }",
        &[
            "5: services.web.environment.NOT_SET: `NOT_SET` has no value, and no such variable is set: set it, or write a value",
        ],
    );
    service(
        "environment: [NOT_SET]",
        &[
            "5: services.web.environment[0]: `NOT_SET` has no value, and no such variable is set: set it, or write a value",
        ],
    );
    service("environment: [A=1, A=2]", &["5: services.web.environment[1]: `A` is written twice: keep one"]);
    service(
        r#"environment: ["=x"]"#,
        &["5: services.web.environment[0]: a name is not empty and has no `=` in it: write `NAME=value`"],
    );
    service(
        r#"environment: {"A=B": x}"#,
        &["5: services.web.environment.A=B: a name is not empty and has no `=` in it: write `NAME=value`"],
    );
    service("environment: [[A]]", &["5: services.web.environment[0]: expected `NAME=value`, found a list"]);
    service(
        "labels: {evenkeel.app: x}",
        &["5: services.web.labels.evenkeel.app: labels beginning with `evenkeel.` are set by the agent: rename it"],
    );
    service(
        "labels: [evenkeel.app=x]",
        &["5: services.web.labels[0]: labels beginning with `evenkeel.` are set by the agent: rename it"],
    );
    service("labels: 1", &["5: services.web.labels: expected a map, or a list of `NAME=value`, found `1`"]);
}

#[test]
fn variables_without_value_or_sense_are_refused() {
    service(
        "user: $NOT_SET",
        &[
            "5: services.web.user: variable `NOT_SET` is not set, and Compose would silently use an empty string: set it, or write a default, `${NOT_SET:-…}`",
        ],
    );
    service("user: ${NOT_SET:?tell me who}", &["5: services.web.user: variable `NOT_SET` is required: tell me who"]);
    service(
        "user: ${SET",
        &["5: services.web.user: `${` is not closed: add `}`, or write `$${` for the characters themselves"],
    );
    service(
        "user: costs 5$",
        &["5: services.web.user: `$` must be followed by a variable's name or {NAME}: write `$$` for a dollar sign"],
    );
    service(
        "user: ${SET!}",
        &[
            "5: services.web.user: `${SET!}` is no way to use a variable: write `${NAME}`, or `:-`, `-`, `:?`, `?`, `:+`, `+` after the name",
        ],
    );
    service(
        "stop_grace_period: ${SET}",
        &["5: services.web.stop_grace_period: `value` is not a duration: write for example `30s`, `1m30s` or `500ms`"],
    );
    service(
        &format!("user: {}{}", "${NOT_SET:-".repeat(20), "}".repeat(20)),
        &["5: services.web.user: defaults are nested more than 16 deep: simplify them"],
    );
}
