//! The file as a whole: names, notes, YAML's conveniences, and texts meant to do harm.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{accepted, notes, read_text, web};
use crate::{Input, read};

#[test]
fn the_callers_project_goes_before_the_name() {
    let read_as = |text, project: Option<&str>| {
        let (variables, project) = (BTreeMap::new(), project.map(|name| name.parse().unwrap()));
        let read = read(&Input { text, file_name: "c", variables: &variables, project });
        read.map(|specification| specification.app.to_string()).map_err(|problems| problems.to_string())
    };
    assert_eq!(read_as("name: one\nservices: {web: {image: a}}", None), Ok("one".into()));
    assert_eq!(read_as("name: one\nservices: {web: {image: a}}", Some("two")), Ok("two".into()));
    assert_eq!(read_as("services: {web: {image: a}}", Some("two")), Ok("two".into()));
    assert!(read_as("services: {web: {image: a}}", None).unwrap_err().starts_with("c:1: the app has no name"));
}

#[test]
fn what_has_no_effect_is_noted_or_is_an_extension() {
    let text =
        "name: app\nversion: '3.8'\nx-mine: {any: [thing, $UNSET]}\nservices: {web: {image: a, x-mine: 1}, x-not: 1}";
    let specification = accepted(text);
    assert_eq!(specification.services.len(), 1);
    assert_eq!(specification.notes, ["`version` is obsolete in Compose and has no effect: remove it"]);
    let misspelt = "`services.web.x-rolout` is ignored, as Compose says of x- keys: did you mean `x-rollout`?";
    assert_eq!(notes("x-rolout: {}"), [misspelt]);
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "name: app
x-base: &base
  user: base
  stop_grace_period: 1s
x-more: &more
  stop_grace_period: 2s
  restart: no
  labels: &labels {a: b}
services:
  web:
    <<: [*base, *more]
    image: a
    user: own
  other:
    image: &image b
    labels: *labels
  third: {image: *image}
";
    let services = accepted(text).services;
    let spec = |name: &str| services[&name.parse().unwrap()].spec.clone();
    // Own keys first, then the first of the merged maps, then the second.
    assert_eq!(spec("web").user.as_deref(), Some("own"));
    assert_eq!(spec("web").stop_grace_period.0, 1000);
    assert_eq!(spec("web").restart, evenkeel_model::Restart::No);
    assert_eq!(spec("other").labels, spec("web").labels);
    assert_eq!(services[&"third".parse().unwrap()].image, "b");
}

#[test]
fn a_problem_that_came_through_an_anchor_has_the_line_where_it_is_written() {
    let text = "name: app\nx-base: &base\n  user: []\nservices:\n  web:\n    <<: *base\n    image: a\n";
    let problems = read_text(text).unwrap_err().to_string();
    assert_eq!(problems, "compose.yaml:3: services.web.user: expected a user, such as `1000:1000`, found a list");
}

#[test]
fn variables_are_replaced_in_values_and_not_in_keys() {
    let spec = web("labels: {$UNSET: $SET}\nstop_grace_period: ${UNSET:-7}s\nuser: '${SET}$$'").spec;
    assert_eq!(spec.labels["$UNSET"], "value");
    assert_eq!((spec.stop_grace_period.0, spec.user.as_deref()), (7000, Some("value$")));
}

#[test]
fn all_problems_are_said_at_once_in_the_order_of_lines() {
    let text =
        "name: A\nservices:\n  b: {imag: x}\n  a:\n    image: a\n    restart: x\n    user: $U\nx-rollout: {bake: 1}\n";
    let problems = read_text(text).unwrap_err();
    let lines: Vec<_> = problems.as_slice().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 3, 3, 6, 7, 8], "{problems}");
}

#[test]
fn a_text_that_would_take_all_memory_or_stack_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let text = format!("x: &x {}\ny: [{}]", "x".repeat(100_000), vec!["*x"; 10_000].join(", "));
    for large in [bomb, text] {
        let problems = read_text(&large).unwrap_err().to_string();
        assert!(problems.contains("too large with its aliases resolved"), "{problems}");
    }
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    for deep in ["- ".repeat(5000), "a: ".to_owned() + &"[".repeat(200), chain] {
        let problems = read_text(&deep).unwrap_err().to_string();
        assert!(problems.contains("nested more than 64 deep"), "{problems}");
    }
}
