//! What is wrong with gates. Each line: what is written, and every problem with its line.

use super::rollout;

/// A gate that is written so in a map of one line, and what is wrong with it.
fn gate(written: &str, problems: &[&str]) {
    let problems: Vec<String> = problems.iter().map(|problem| format!("3: x-rollout.gates[0]{problem}")).collect();
    rollout(&format!("gates: [{{{written}}}]"), &problems.iter().map(String::as_str).collect::<Vec<_>>());
}

fn window(written: &str, problems: &[&str]) {
    let problems: Vec<String> = problems.iter().map(|problem| format!(".window{problem}")).collect();
    gate(&format!("window: {{{written}}}"), &problems.iter().map(String::as_str).collect::<Vec<_>>());
}

fn analysis(written: &str, problems: &[&str]) {
    let problems: Vec<String> = problems.iter().map(|problem| format!(".analysis{problem}")).collect();
    gate(&format!("analysis: {{{written}}}"), &problems.iter().map(String::as_str).collect::<Vec<_>>());
}

fn prometheus(written: &str, problems: &[&str]) {
    let problems: Vec<String> = problems.iter().map(|problem| format!(".prometheus{problem}")).collect();
    analysis(&format!("prometheus: {{{written}}}"), &problems.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_gate_is_one_thing_to_wait_for() {
    rollout(
        "gates: {approval: true}",
        &["3: x-rollout.gates: expected a list such as `[{approval: true}]`, found a map"],
    );
    rollout("gates: [approval]", &["3: x-rollout.gates[0]: expected a map of keys and values, found `approval`"]);
    let nothing = ": there is nothing to wait for: write `approval`, `window` or `analysis`";
    gate("", &[nothing]);
    gate("at: commit", &[nothing]);
    gate("aproval: true", &[nothing, ".aproval: unknown key: did you mean `approval`?"]);
    rollout(
        "gates:\n  - window: {start: 09:00, length: 8h}\n    approval: true",
        &["4: x-rollout.gates[0].window: there is already the gate `approval`: write `window` as an item of its own"],
    );
    gate("approval: true, at: end", &[".at: expected `before`, `switch`, `commit` or `after`, found `end`"]);
    for (written, found) in [("0", "`0`"), ("all", "`all`"), ("-1", "`-1`"), ("1.5", "`1.5`"), ("[1]", "a list")] {
        let expected = "expected `every`, `first`, `last` or a wave's number, from 1 on, found";
        gate(&format!("approval: true, wave: {written}"), &[&format!(".wave: {expected} {found}")]);
    }
}

#[test]
fn a_gate_that_would_never_be_asked_is_refused() {
    let none = "there is no switch where a host gets all at once: write `before`, `commit` or `after`, or use \
                `strategy: blue-green`, or `strategy: canary` with `weights`";
    gate("approval: true, at: switch", &[&format!(".at: {none}")]);
    for keys in ["strategy: canary", "strategy: canary\nweights: [100%]"] {
        let line = 3 + keys.lines().count();
        rollout(
            &format!("{keys}\ngates: [{{approval: , at: switch}}]"),
            &[&format!("{line}: x-rollout.gates[0].at: {none}")],
        );
    }
    // What could not be read may well have a switch, and as many waves.
    rollout(
        "strategy: canary\nweights: [x]\ngates: [{approval: , at: switch}]",
        &["4: x-rollout.weights[0]: expected a whole percent from 1 to 100, such as `5` or `5%`, found `x`"],
    );
    rollout(
        "waves: [x]\ngates: [{approval: , wave: 9}]",
        &[
            "3: x-rollout.waves[0]: expected a number of hosts such as `3`, or a percentage from `0%` to `100%`, found `x`",
        ],
    );
    let few = |most| format!(".wave: there are {most} waves at most: write a smaller number, `last` or `every`");
    gate("approval: true, wave: 5", &[&few(4)]);
    rollout("strategy: canary\ngates: [{approval: , wave: 3}]", &[&format!("4: x-rollout.gates[0]{}", few(2))]);
    rollout("waves: [1]\ngates: [{approval: , wave: 3}]", &[&format!("4: x-rollout.gates[0]{}", few(2))]);
    rollout(
        "waves: [1, 100%]\nfirst: [a]\ngates: [{approval: , wave: 4}]",
        &[&format!("5: x-rollout.gates[0]{}", few(3))],
    );
}

#[test]
fn bad_approvals_are_refused() {
    for (written, found) in [("false", "`false`"), ("2", "`2`"), ("ann", "`ann`"), ("[ann]", "a list")] {
        let expected = "expected `true`, or a map such as `{persons: 2}`, found";
        gate(&format!("approval: {written}"), &[&format!(".approval: {expected} {found}")]);
    }
    for persons in ["0", "10", "two"] {
        let expected = "expected a whole number from 1 to 9, found";
        gate(&format!("approval: {{persons: {persons}}}"), &[&format!(".approval.persons: {expected} `{persons}`")]);
    }
    gate("approval: {person: 2}", &[".approval.person: unknown key: did you mean `persons`?"]);
}

#[test]
fn bad_windows_are_refused() {
    let (start, length) = ("start: 09:00", "length: 8h");
    gate("window:", &[".window: expected a map of keys and values, found nothing"]);
    window(
        "",
        &[
            ": the window has no `length`: write for how long it is open, such as `8h`",
            ": the window has no `start`: write when it opens, such as `\"09:00\"`",
        ],
    );
    window(
        &format!("{start}, {length}, days: mon"),
        &[".days: expected a list of days such as `[mon, tue, wed, thu, fri]`, found `mon`"],
    );
    window(
        &format!("{start}, {length}, days: []"),
        &[".days: there are no days: name at least one, or remove `days` for every day"],
    );
    window(
        &format!("{start}, {length}, days: [mon, Monday, mon]"),
        &[
            ".days[1]: expected `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`, found `Monday`",
            ".days[2]: `mon` is written twice: keep one",
        ],
    );
    window(&format!("{start}, length: 0s"), &[".length: must be longer than 0s: write for example `30s`"]);
    window(
        &format!("{start}, length: 25h"),
        &[".length: a window is open for 24h at most: write less, or name more `days`"],
    );
    window(&format!("{start}, length: 8"), &[".length: `8` has no unit: write for example `30s`, `1m30s` or `500ms`"]);
    for zone in ["Mars/Olympus", "CEST", "+02:00", "local"] {
        let known = "is no time zone: write one as the IANA database names it, such as `Europe/Berlin` or `UTC`";
        window(&format!("{start}, {length}, zone: {zone}"), &[&format!(".zone: `{zone}` {known}")]);
    }
}

#[test]
fn a_time_of_day_is_never_misread() {
    let start = |written: &str, problem: &str| {
        window(&format!("start: {written}, length: 1h"), &[&format!(".start: {problem}")]);
    };
    for odd in ["9:00", "24:00", "09:60", "09:00:00", "9am", "1440", "-1"] {
        start(odd, &format!("expected a time of day from `00:00` to `23:59`, found `{odd}`"));
    }
    start("[9]", "expected a time of day from `00:00` to `23:59`, found a list");
    // What YAML 1.1 makes of 22:00 and 9:00.
    for (number, time) in [("1320", "22:00"), ("540", "09:00"), ("0", "00:00")] {
        start(
            number,
            &format!(
                "`{number}` is no time of day, and may be what a tool made of {time} without quotes: write it in quotes, such as `\"09:00\"`"
            ),
        );
    }
}

#[test]
fn bad_analyses_are_refused() {
    let http = "http: {url: 'http://a'}";
    analysis("", &[": there is nothing to measure: write `prometheus`, `http` or `logs`"]);
    analysis(
        &format!("{http}, prometheus: {{}}"),
        &[".http: there is already `prometheus`: keep one, or write two gates"],
    );
    analysis(&format!("{http}, logs: {{}}"), &[".logs: there is already `http`: keep one, or write two gates"]);
    analysis(
        &format!("{http}, graphite: {{}}"),
        &[
            ".graphite: unknown key: remove it, or use one of name, prometheus, http, logs, samples, interval, max_bad, max_inconclusive",
        ],
    );
    analysis(
        &format!("{http}, name: ''"),
        &[".name: expected a name such as `errors`, of 1 to 63 characters on one line, found ``"],
    );
    for samples in ["0", "1001", "few"] {
        let expected = "expected a whole number from 1 to 1000, found";
        analysis(&format!("{http}, samples: {samples}"), &[&format!(".samples: {expected} `{samples}`")]);
    }
    for interval in ["500ms", "61m", "0s"] {
        let bounds = "readings are taken 1s to 1h apart: write for example `30s`";
        analysis(&format!("{http}, interval: {interval}"), &[&format!(".interval: {bounds}")]);
    }
    for key in ["max_bad", "max_inconclusive"] {
        let most = |samples: u32| {
            format!(".{key}: of {samples} readings {} at most may be so: write less, or raise `samples`", samples - 1)
        };
        analysis(&format!("{http}, {key}: 3"), &[&most(3)]);
        analysis(&format!("{http}, samples: 1, {key}: 1"), &[&most(1)]);
        analysis(
            &format!("{http}, {key}: none"),
            &[&format!(".{key}: expected a whole number from 0 to 1000, found `none`")],
        );
    }
    analysis("http: {}", &[".http: there is no `url`: write an address such as `http://prometheus:9090`"]);
    analysis(
        "http: {url: 'http://a', status: 2xx, body: ''}",
        &[
            ".http.status: expected a status such as `200`, or a range such as `200-299`, found `2xx`",
            ".http.body: expected text that a good answer contains, found ``",
        ],
    );
}

#[test]
fn addresses_are_refused_without_showing_what_may_be_a_password() {
    let url = |written: &str, problem: &str| {
        analysis(&format!("http: {{url: '{written}'}}"), &[&format!(".http.url: {problem}")]);
    };
    let person = "it has a name or a password before `@`, and everybody who may see the rollout would see them: \
                  write the address without";
    url("http://ann:secret@shop/", person);
    url("ann:secret@shop", "it begins with neither `http://` nor `https://`: write one of them");
    url("http://", "it names no host: write for example `http://prometheus:9090`");
    url("http://a:x", "its port is no number from 1 to 65535: write for example `http://prometheus:9090`");
    url("http://a/#top", "what is after `#` is never sent: remove it, or write `%23` for the character itself");
    url("http://a/b c", "it has characters that no address has: write them as `%` and two hexadecimal digits");
}

#[test]
fn bad_queries_are_refused() {
    let rest = "url: 'http://p', query: up";
    let nothing = ": nothing is asked of the number: write `min`, `max` or `compare`";
    prometheus(rest, &[nothing]);
    prometheus(
        "min: 0",
        &[
            ": there is no `query`: write one that has one number as its answer",
            ": there is no `url`: write an address such as `http://prometheus:9090`",
        ],
    );
    prometheus(
        "url: 'http://p/api/v1/query', query: up, min: 0",
        &[".url: write it up to the path before `/api/v1`, without a question"],
    );
    prometheus(
        "url: 'http://p?query=up', query: up, min: 0",
        &[".url: write it up to the path before `/api/v1`, without a question"],
    );
    prometheus(
        "url: 'http://p', query: ' ', min: 0",
        &[".query: expected a query that has one number as its answer, found nothing"],
    );
    for hosts in ["$hosts", "${hosts}"] {
        prometheus(
            &format!("url: 'http://p', query: 'up{{host=~\"{hosts}\"}}', min: 0"),
            &[".query: variable `hosts` is not set: write `$$hosts` for the names of the hosts that are asked about"],
        );
    }
    for number in ["5%", "1e3", ".5", "0.0000001", "NaN"] {
        let expected = "expected a number such as `0.05`, with at most six digits after the point, found";
        prometheus(&format!("{rest}, max: {number}"), &[&format!(".max: {expected} `{number}`")]);
    }
    prometheus(
        &format!("{rest}, min: 0.5, max: 0.1"),
        &[".max: it is less than `min` (0.5), and no number is between: write more than that"],
    );
}

#[test]
fn bad_patterns_and_counts_of_lines_are_refused() {
    let logs = |written: &str, problems: &[&str]| {
        let problems: Vec<String> = problems.iter().map(|problem| format!(".logs{problem}")).collect();
        analysis(&format!("logs: {{{written}}}"), &problems.iter().map(String::as_str).collect::<Vec<_>>());
    };
    logs("", &[": there is no `pattern`: write what a line that counts has in it, such as `panic|ERROR`"]);
    logs("pattern: 'panic('", &[".pattern: it is no regular expression: unclosed group"]);
    logs("pattern: [panic]", &[".pattern: expected a regular expression such as `panic|ERROR`, found a list"]);
    for everything in ["", ".*", "panic|"] {
        let every = "it fits an empty text, and so every line: write what a line that counts has in it";
        logs(&format!("pattern: '{everything}'"), &[&format!(".pattern: {every}")]);
    }
    let large =
        "it is too large to be looked for on every host: write a shorter one, with smaller numbers of repetitions";
    logs("pattern: '(x{500}){500}'", &[&format!(".pattern: {large}")]);
    for lines in ["-1", "1.5", "some", "1000001"] {
        let expected = "expected a whole number from 0 to 1000000, found";
        logs(&format!("pattern: x, max: {lines}"), &[&format!(".max: {expected} `{lines}`")]);
        logs(&format!("pattern: x, min: {lines}"), &[&format!(".min: {expected} `{lines}`")]);
    }
    logs(
        "pattern: x, min: 2, max: 1",
        &[".max: it is less than `min` (2), and no number is between: write more than that"],
    );
    logs("pattern: x, lines: 1", &[".lines: unknown key: remove it, or use one of pattern, max, min, services"]);
}

#[test]
fn logs_are_of_services_that_there_are() {
    let services = |written: &str, problems: &[&str]| {
        let problems: Vec<String> = problems.iter().map(|problem| format!(".logs.services{problem}")).collect();
        let problems: Vec<&str> = problems.iter().map(String::as_str).collect();
        analysis(&format!("logs: {{pattern: x, services: {written}}}"), &problems);
    };
    services("web", &[": expected a list of services such as `[web]`, found `web`"]);
    services("[]", &[": there are no services: name at least one, or remove `services` for all of them"]);
    services("[web, wbe]", &["[1]: there is no service `wbe`: write one of `web`"]);
    services("[web, web]", &["[1]: `web` is written twice: keep one"]);
    // Which services there are is not known; that is said once.
    let file = "name: app\nx-rollout:\n  gates: [{analysis: {logs: {pattern: x, services: [web]}}}]\n";
    let problems = crate::tests::read_text(file).unwrap_err();
    assert_eq!(problems.as_slice().len(), 1, "{problems}");
}

#[test]
fn bad_comparisons_are_refused() {
    let compare = |query: &str, written: &str, problems: &[&str]| {
        let problems: Vec<String> = problems.iter().map(|problem| format!(".compare{problem}")).collect();
        let problems: Vec<&str> = problems.iter().map(String::as_str).collect();
        prometheus(&format!("url: 'http://p', query: '{query}', compare: {{{written}}}"), &problems);
    };
    compare(
        "up",
        "",
        &[
            ": nothing is asked of the comparison: write `max_ratio` or `max_increase`",
            ": there is no `with`: write `other_hosts` or `before`",
        ],
    );
    compare("up", "with: us, max_ratio: 1", &[".with: expected `other_hosts` or `before`, found `us`"]);
    compare(
        "up",
        "with: other_hosts, max_ratio: 1",
        &[
            ".with: the query asks about no hosts, so that the answer for the others is the same: write `$$hosts` in it, or `before`",
        ],
    );
    compare(
        "up{host=~\"$$hosts\"}",
        "with: other_hosts",
        &[": nothing is asked of the comparison: write `max_ratio` or `max_increase`"],
    );
    compare(
        "up",
        "with: before, max_ratio: 0, max_increase: -1",
        &[
            ".max_ratio: expected a number above 0, such as `1.2`, found `0`",
            ".max_increase: expected a number from 0 on, such as `0.01`, found `-1`",
        ],
    );
    compare(
        "up",
        "with: before, max_ratio: 1, min: 0",
        &[".min: unknown key: remove it, or use one of with, max_ratio, max_increase"],
    );
}
