//! What is wrong with strategies, their own settings, and waves. Each line: what is written, and every problem with its line.

use super::{file, rollout};

#[test]
fn settings_of_another_strategy_are_refused() {
    rollout(
        "strategy: big-bang",
        &["3: x-rollout.strategy: expected `rolling`, `canary` or `blue-green`, found `big-bang`"],
    );
    let promote = "a rolling rollout has nothing that a person promotes: write `strategy: canary` or `strategy: blue-green`, \
                   or a gate, such as `gates: [{approval: true}]`";
    rollout("promote: manual", &[&format!("3: x-rollout.promote: {promote}")]);
    rollout("promote: manual\nstrategy: rolling", &[&format!("3: x-rollout.promote: {promote}")]);
    rollout("strategy: canary\npromote: later", &["4: x-rollout.promote: expected `auto` or `manual`, found `later`"]);
    let without =
        |strategy: &str| format!("it means nothing without `strategy: {strategy}`: write that too, or remove it");
    rollout("weights: [5]", &[&format!("3: x-rollout.weights: {}", without("canary"))]);
    rollout("strategy: blue-green\nweights: [5]", &[&format!("4: x-rollout.weights: {}", without("canary"))]);
    rollout("keep_blue: 5m", &[&format!("3: x-rollout.keep_blue: {}", without("blue-green"))]);
    rollout("strategy: canary\nkeep_blue: 5m", &[&format!("4: x-rollout.keep_blue: {}", without("blue-green"))]);
    // Nothing is said twice of a strategy that could not be read.
    rollout(
        "strategy: grey\nweights: [5]\nkeep_blue: 5m\npromote: manual\ngates: [{approval: , at: switch, wave: 9}]",
        &["3: x-rollout.strategy: expected `rolling`, `canary` or `blue-green`, found `grey`"],
    );
}

#[test]
fn bad_weights_are_refused() {
    let canary = |weights: &str, problems: &[&str]| rollout(&format!("strategy: canary\nweights: {weights}"), problems);
    canary("5", &["4: x-rollout.weights: expected a list of percents such as `[5, 25, 100]`, found `5`"]);
    canary("[]", &["4: x-rollout.weights: there are no weights: write at least one, such as `[5, 25, 100]`"]);
    for (item, found) in
        [("0", "`0`"), ("101", "`101`"), ("5.5", "`5.5`"), ("few", "`few`"), ("-5", "`-5`"), ("{}", "a map")]
    {
        let expected = "expected a whole percent from 1 to 100, such as `5` or `5%`, found";
        canary(&format!("[{item}]"), &[&format!("4: x-rollout.weights[0]: {expected} {found}")]);
    }
    canary("[5, 5%, 25]", &["4: x-rollout.weights[1]: weights must rise: write more than before, not 5%"]);
    canary("[25, 5]", &["4: x-rollout.weights[1]: weights must rise: write more than before, not 5%"]);
    canary(
        "['${NONE}']",
        &[
            "4: x-rollout.weights[0]: variable `NONE` is not set, and Compose would silently use an empty string: set it, or write a default, `${NONE:-…}`",
        ],
    );
}

#[test]
fn blue_is_not_kept_for_ever() {
    let blue = |kept: &str, problem: &str| {
        rollout(&format!("strategy: blue-green\nkeep_blue: {kept}"), &[&format!("4: x-rollout.keep_blue: {problem}")]);
    };
    blue("49h", "the old containers are kept for 48h at most: write less");
    blue("5", "`5` has no unit: write for example `30s`, `1m30s` or `500ms`");
}

#[test]
fn a_service_that_is_stopped_first_can_not_run_beside_itself() {
    let begin = "name: app\nvolumes: {data: }\n";
    let both = "it runs old and new side by side, and";
    let services =
        "services:\n  dns:\n    image: a\n    ports:\n      - \"80:80\"\n      - \"53:53/udp\"\n  web: {image: a}\n";
    file(
        &format!("{begin}x-rollout:\n  strategy: blue-green\n{services}"),
        &[&format!(
            "4: x-rollout.strategy: {both} dns is stop-first, because port 53 is published directly (line 10): change that, or write another strategy"
        )],
    );
    file(
        &format!("{begin}x-rollout:\n  strategy: canary\n  weights: [5]\n{services}"),
        &[&format!(
            "5: x-rollout.weights: {both} dns is stop-first, because port 53 is published directly (line 11): change that, or remove `weights`"
        )],
    );
    let services = "services:\n  db:\n    image: a\n    deploy: {mode: global}\n    volumes:\n      - data:/ro:ro\n      - data:/rw\n\
                    \x20 web:\n    image: a\n    x-rollout:\n      order: stop-first\n";
    let stopped = |why: &str| format!("4: x-rollout.strategy: {both} {why}: change that, or write another strategy");
    file(
        &format!("{begin}x-rollout:\n  strategy: blue-green\n{services}"),
        &[
            &stopped("db is stop-first, because volume data may have only one writer (line 11)"),
            &stopped("web is stop-first, because its `order` says so (line 15)"),
        ],
    );
    file(
        &format!("{begin}x-rollout:\n  strategy: blue-green\n  order: stop-first\nservices:\n  web: {{image: a}}\n"),
        &[&stopped("web is stop-first, because its `order` says so (line 5)")],
    );
}

#[test]
fn bad_waves_are_refused() {
    let waves = |written: &str, problems: &[&str]| rollout(&format!("waves: {written}"), problems);
    waves(
        "[{}]",
        &["3: x-rollout.waves[0]: the wave has no `hosts`: write how many hosts have been moved when it ends"],
    );
    waves("[{hosts: 0}]", &["3: x-rollout.waves[0].hosts: none is too few: write at least `1` or `1%`"]);
    waves(
        "[{hosts: 2}, {hosts: 1, bake: 1m}]",
        &["3: x-rollout.waves[1]: waves are cumulative and must rise: write more than before, not 1"],
    );
    waves(
        "[{hosts: 1, bake: 1, max_unavailable: 0, max_failures: x, drain: 1s}]",
        &[
            "3: x-rollout.waves[0].bake: `1` has no unit: write for example `30s`, `1m30s` or `500ms`",
            "3: x-rollout.waves[0].max_unavailable: none is too few: write at least `1` or `1%`",
            "3: x-rollout.waves[0].max_failures: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found `x`",
            "3: x-rollout.waves[0].drain: unknown key: remove it, or use one of hosts, bake, max_unavailable, max_failures",
        ],
    );
    let both = "write both, such as `{first: 1, times: 5}`, or a list";
    waves("{first: 1}", &[&format!("3: x-rollout.waves: the waves have no `times`: {both}")]);
    waves("{times: 2}", &[&format!("3: x-rollout.waves: the waves have no `first`: {both}")]);
    waves(
        "{first: 0, times: 1}",
        &[
            "3: x-rollout.waves.first: expected a whole number from 1 to 4294967295, found `0`",
            "3: x-rollout.waves.times: expected a whole number from 2 to 100, found `1`",
        ],
    );
    waves(
        "{first: 10%, times: 101, tims: 2}",
        &[
            "3: x-rollout.waves.first: expected a whole number from 1 to 4294967295, found `10%`",
            "3: x-rollout.waves.times: expected a whole number from 2 to 100, found `101`",
            "3: x-rollout.waves.tims: unknown key: did you mean `times`?",
        ],
    );
}

#[test]
fn bad_hosts_and_labels_are_refused() {
    for (label, found) in [("[zone]", "a list"), ("\"a b\"", "`a b`"), ("a=b", "`a=b`"), ("\"\"", "``")] {
        let expected = "expected the name of a host's label, such as `zone`, found";
        rollout(&format!("by: {label}"), &[&format!("3: x-rollout.by: {expected} {found}")]);
    }
    rollout("by: node.labels.zone", &["3: x-rollout.by: write the label's name alone: `zone`"]);
    rollout("first: web-1", &["3: x-rollout.first: expected a list of hosts such as `[web-1, web-2]`, found `web-1`"]);
    rollout("first: []", &["3: x-rollout.first: there are no hosts: name at least one, or remove `first`"]);
    rollout("first: [web-1, web-2, web-1]", &["3: x-rollout.first[2]: `web-1` is written twice: keep one"]);
    rollout(
        "first: [Web 1]",
        &[
            "3: x-rollout.first[0]: `Web 1` is not a valid host id: use 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ],
    );
}
