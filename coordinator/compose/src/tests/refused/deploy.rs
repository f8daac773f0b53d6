//! What is wrong with `deploy`. Each line: what is written, and every problem with its line.

use super::{file, service};

#[test]
fn bad_deploy_keys_are_refused() {
    service("deploy: global", &["5: services.web.deploy: expected a map of keys and values, found `global`"]);
    service(
        "deploy: {mode: replicated}",
        &["5: services.web.deploy.mode: `replicated` is not supported yet: write `global`"],
    );
    service("deploy: {mode: everywhere}", &["5: services.web.deploy.mode: expected `global`, found `everywhere`"]);
    service(
        "deploy: {replicas: 3}",
        &[
            "5: services.web.deploy.replicas: a number of replicas is not supported yet: remove it; one container runs on every host that fulfils `placement.constraints`",
        ],
    );
    service("deploy: {resources: {}}", &["5: services.web.deploy.resources: not supported yet: remove it"]);
    service("deploy: {restart_policy: {}}", &["5: services.web.deploy.restart_policy: not supported yet: remove it"]);
    service(
        "deploy: {x-rollout: {}}",
        &[
            "5: services.web.deploy.x-rollout: it has no meaning here: move it to the top of the file, or into a service",
        ],
    );
    service(
        "deploy: {placement: {preferences: []}}",
        &["5: services.web.deploy.placement.preferences: not supported yet: remove it"],
    );
    service(
        "deploy: {placement: {constraints: node.labels.a == b}}",
        &[
            "5: services.web.deploy.placement.constraints: expected a list such as `[node.labels.role == web]`, found `node.labels.a == b`",
        ],
    );
    service(
        "deploy: {placement: {constraints: [node.role == manager]}}",
        &[
            "5: services.web.deploy.placement.constraints[0]: hosts are chosen by their labels only: write `node.labels.KEY` instead of `node.role`",
        ],
    );
    service(
        "deploy: {placement: {constraints: [node.labels.role = web]}}",
        &[
            "5: services.web.deploy.placement.constraints[0]: expected `node.labels.KEY == VALUE` or `!=`, found `node.labels.role = web`",
        ],
    );
    service(
        "deploy: {placement: {constraints: [node.labels.role ==]}}",
        &[
            "5: services.web.deploy.placement.constraints[0]: expected `node.labels.KEY == VALUE` or `!=`, found `node.labels.role ==`",
        ],
    );
}

#[test]
fn bad_keys_of_update_config_are_refused() {
    service(
        "deploy: {update_config: {parallelism: all}}",
        &[
            "5: services.web.deploy.update_config.parallelism: expected a whole number from 0 to 4294967295, found `all`",
        ],
    );
    service(
        "deploy: {update_config: {parallelism: -1}}",
        &["5: services.web.deploy.update_config.parallelism: expected a whole number from 0 to 4294967295, found `-1`"],
    );
    service(
        "deploy: {update_config: {delay: 10s}}",
        &[
            "5: services.web.deploy.update_config.delay: a delay is not supported yet: use `monitor`, the time that each wave must stay healthy before the next",
        ],
    );
    service(
        "deploy: {update_config: {monitor: 10}}",
        &[
            "5: services.web.deploy.update_config.monitor: `10` has no unit: write for example `30s`, `1m30s` or `500ms`",
        ],
    );
    service(
        "deploy: {update_config: {failure_action: continue}}",
        &[
            "5: services.web.deploy.update_config.failure_action: a failed rollout never goes on by itself: write `pause` or `rollback`, or raise `max_failure_ratio`",
        ],
    );
    service(
        "deploy: {update_config: {failure_action: stop}}",
        &["5: services.web.deploy.update_config.failure_action: expected `pause` or `rollback`, found `stop`"],
    );
    service(
        "deploy: {update_config: {max_failure_ratio: 1.5}}",
        &[
            "5: services.web.deploy.update_config.max_failure_ratio: expected a ratio from 0 to 1 in whole hundredths, such as `0.1`, found `1.5`",
        ],
    );
    service(
        "deploy: {update_config: {max_failure_ratio: 0.125}}",
        &[
            "5: services.web.deploy.update_config.max_failure_ratio: expected a ratio from 0 to 1 in whole hundredths, such as `0.1`, found `0.125`",
        ],
    );
    service(
        "deploy: {update_config: {order: any}}",
        &["5: services.web.deploy.update_config.order: expected `start-first` or `stop-first`, found `any`"],
    );
    service(
        "deploy: {update_config: {paralelism: 1}}",
        &["5: services.web.deploy.update_config.paralelism: unknown key: did you mean `parallelism`?"],
    );
    service(
        "deploy: {update_config: {order: start-first}}\nports: [\"80:80/udp\"]",
        &[
            "5: services.web.deploy.update_config.order: web can't run twice, because port 80 is published directly: write `stop-first`, or remove `order`",
        ],
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    file(
        "name: app\nx-rollout:\n  bake: 1m\n  max_unavailable: 2\n  max_failures: 1\n  on_failure: pause\n  order: stop-first\nservices:\n  web:\n    image: a\n    deploy:\n      update_config:\n        monitor: 1m\n        parallelism: 2\n        max_failure_ratio: 0.1\n        failure_action: pause\n        order: stop-first",
        &[
            "13: services.web.deploy.update_config.monitor: it is also written as x-rollout.bake on line 3: keep one of them",
            "14: services.web.deploy.update_config.parallelism: it is also written as x-rollout.max_unavailable on line 4: keep one of them",
            "15: services.web.deploy.update_config.max_failure_ratio: it is also written as x-rollout.max_failures on line 5: keep one of them",
            "16: services.web.deploy.update_config.failure_action: it is also written as x-rollout.on_failure on line 6: keep one of them",
            "17: services.web.deploy.update_config.order: it is also written as x-rollout.order on line 7: keep one of them",
        ],
    );
    file(
        "name: app\nservices:\n  one:\n    image: a\n    deploy: {update_config: {monitor: 1m, parallelism: 2}}\n  two:\n    image: b\n    deploy: {update_config: {monitor: 2m, parallelism: 2}}",
        &[
            "8: services.two.deploy.update_config.monitor: it differs from services.one.deploy.update_config.monitor on line 5, and an app is rolled out as a whole: write the same, or once in `x-rollout`",
        ],
    );
}
