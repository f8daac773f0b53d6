//! What is wrong with `x-rollout`. Each line: what is written, and every problem with its line.

use super::{file, rollout, service};

#[test]
fn bad_rollout_settings_are_refused() {
    rollout(
        "waves: 50%",
        &[
            "3: x-rollout.waves: expected a list such as `[1, 10%, 50%, 100%]`, or a map such as `{first: 1, times: 5}`, found `50%`",
        ],
    );
    rollout("waves: []", &["3: x-rollout.waves: there are no waves: write at least one, such as `[100%]`"]);
    rollout("waves: [0, 10%]", &["3: x-rollout.waves[0]: none is too few: write at least `1` or `1%`"]);
    rollout(
        "waves: [10%, 5%]",
        &["3: x-rollout.waves[1]: waves are cumulative and must rise: write more than before, not 5%"],
    );
    rollout(
        "waves: [3, 50%, 3]",
        &["3: x-rollout.waves[2]: waves are cumulative and must rise: write more than before, not 3"],
    );
    rollout(
        "waves: [101%]",
        &[
            "3: x-rollout.waves[0]: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found `101%`",
        ],
    );
    rollout(
        "waves: [some]",
        &[
            "3: x-rollout.waves[0]: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found `some`",
        ],
    );
    rollout(
        "min_healthy: most",
        &[
            "3: x-rollout.min_healthy: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found `most`",
        ],
    );
    rollout("max_unavailable: 0", &["3: x-rollout.max_unavailable: none is too few: write at least `1` or `1%`"]);
    rollout("max_unavailable: 0%", &["3: x-rollout.max_unavailable: none is too few: write at least `1` or `1%`"]);
    rollout(
        "max_unavailable: [1]",
        &[
            "3: x-rollout.max_unavailable: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found a list",
        ],
    );
    rollout(
        "max_failures: few",
        &[
            "3: x-rollout.max_failures: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found `few`",
        ],
    );
    rollout("bake: 30", &["3: x-rollout.bake: `30` has no unit: write for example `30s`, `1m30s` or `500ms`"]);
    rollout("health_deadline: 0s", &["3: x-rollout.health_deadline: must be longer than 0s: write for example `30s`"]);
    rollout("pull_deadline: 0s", &["3: x-rollout.pull_deadline: must be longer than 0s: write for example `30s`"]);
    rollout(
        "progress_deadline: never",
        &["3: x-rollout.progress_deadline: `never` is not a duration: write for example `30s`, `1m30s` or `500ms`"],
    );
    rollout(
        "on_failure: continue",
        &["3: x-rollout.on_failure: expected `pause`, `revert_failed` or `rollback`, found `continue`"],
    );
    rollout("order: sideways", &["3: x-rollout.order: expected `start-first` or `stop-first`, found `sideways`"]);
    rollout("keep: 1", &["3: x-rollout.keep: expected a whole number from 2 to 1000, found `1`"]);
    rollout("keep: all", &["3: x-rollout.keep: expected a whole number from 2 to 1000, found `all`"]);
    rollout("if_orphaned: die", &["3: x-rollout.if_orphaned: expected `keep` or `revert`, found `die`"]);
}

#[test]
fn keys_that_x_rollout_does_not_have_are_refused() {
    rollout("tasks: []", &["3: x-rollout.tasks: not supported yet: remove it"]);
    rollout("wavess: [1]", &["3: x-rollout.wavess: unknown key: did you mean `waves`?"]);
    rollout("max-unavailable: 1", &["3: x-rollout.max-unavailable: unknown key: did you mean `max_unavailable`?"]);
    rollout(
        "x-mine: 1",
        &[
            "3: x-rollout.x-mine: unknown key: remove it, or use one of strategy, waves, by, first, max_unavailable, min_healthy, max_failures, bake, health_deadline, pull_deadline, progress_deadline, on_failure, promote, weights, keep_blue, gates, order, drain, hold, lb_delay, keep_old, keep, if_orphaned, health",
        ],
    );
    rollout(
        "something: 1",
        &[
            "3: x-rollout.something: unknown key: remove it, or use one of strategy, waves, by, first, max_unavailable, min_healthy, max_failures, bake, health_deadline, pull_deadline, progress_deadline, on_failure, promote, weights, keep_blue, gates, order, drain, hold, lb_delay, keep_old, keep, if_orphaned, health",
        ],
    );
}

#[test]
fn what_a_service_can_not_have_is_refused() {
    service(
        "x-rollout: {waves: [1]}",
        &["5: services.web.x-rollout.waves: it is for the whole app: move it to `x-rollout` at the top of the file"],
    );
    for key in ["strategy", "by", "first", "min_healthy", "promote", "weights", "keep_blue", "gates", "keep"] {
        let for_the_app = "it is for the whole app: move it to `x-rollout` at the top of the file";
        service(&format!("x-rollout: {{{key}: 5}}"), &[&format!("5: services.web.x-rollout.{key}: {for_the_app}")]);
    }
    service("x-rollout: {ordre: stop-first}", &["5: services.web.x-rollout.ordre: unknown key: did you mean `order`?"]);
    service("x-rollout: [order]", &["5: services.web.x-rollout: expected a map of keys and values, found a list"]);
    service(
        "x-rollout: {order: start-first}\nports: [\"8080:80/udp\"]",
        &[
            "5: services.web.x-rollout.order: web can't run twice, because port 8080 is published directly: write `stop-first`, or remove `order`",
        ],
    );
    service(
        "x-rollout: {order: stop-first}\ndeploy: {update_config: {order: stop-first}}",
        &[
            "6: services.web.deploy.update_config.order: it is also written as services.web.x-rollout.order on line 5: keep one of them",
        ],
    );
    file(
        "name: app\nvolumes: {data: }\nx-rollout: {order: start-first}\nservices:\n  db:\n    image: a\n    volumes: [\"data:/b\"]\n    deploy: {mode: global}",
        &[
            "3: x-rollout.order: db can't run twice, because volume data may have only one writer: write `stop-first`, or remove `order`",
        ],
    );
}
