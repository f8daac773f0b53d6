//! What is wrong with `drain`, `hold`, `lb_delay` and `keep_old`. Each line: what is written, and every problem with its line.

use super::{file, rollout, service};

#[test]
fn bad_settings_of_the_traffic_are_refused() {
    for key in ["drain", "hold", "lb_delay"] {
        let unit = format!("{key}: `30` has no unit: write for example `30s`, `1m30s` or `500ms`");
        rollout(&format!("{key}: 30"), &[&format!("3: x-rollout.{unit}")]);
        service(&format!("x-rollout: {{{key}: 30}}"), &[&format!("5: services.web.x-rollout.{unit}")]);
        rollout(
            &format!("{key}: -1s"),
            &[&format!("3: x-rollout.{key}: `-1s` is not a duration: write for example `30s`, `1m30s` or `500ms`")],
        );
    }
    rollout("keep_old: removed", &["3: x-rollout.keep_old: expected `running` or `stopped`, found `removed`"]);
    service(
        "x-rollout: {keep_old: [running]}",
        &["5: services.web.x-rollout.keep_old: expected `running` or `stopped`, found a list"],
    );
}

#[test]
fn the_old_container_of_a_service_that_can_not_run_twice_does_not_run_on() {
    let web = "web is stop-first, so that its old container can't go on running: write `stopped`, or remove `keep_old`";
    service(
        "x-rollout: {order: stop-first, keep_old: running}",
        &[&format!("5: services.web.x-rollout.keep_old: {web}")],
    );
    service(
        "x-rollout: {keep_old: running}\nports: [\"53:53/udp\"]",
        &[&format!("5: services.web.x-rollout.keep_old: {web}")],
    );
    service(
        "x-rollout: {keep_old: stopped, order: sideways}",
        &["5: services.web.x-rollout.order: expected `start-first` or `stop-first`, found `sideways`"],
    );
    file(
        "name: app\nvolumes: {data: }\nx-rollout: {keep_old: running}\nservices:\n  web: {image: a}\n  db:\n    image: a\n    volumes: [\"data:/b\"]\n    deploy: {mode: global}",
        &[
            "3: x-rollout.keep_old: db is stop-first, so that its old container can't go on running: write `stopped`, or remove `keep_old`",
        ],
    );
}
