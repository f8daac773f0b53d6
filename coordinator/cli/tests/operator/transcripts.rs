//! What an operator reads while a rollout goes on, against what is kept.

use std::sync::Arc;

use evenkeel_cli::Size;
use evenkeel_proto::v1::RolloutView;

use crate::canned::{Canned, Told};
use crate::desk::{Desk, Ran};
use crate::{golden, scripts};

fn telling(views: Vec<RolloutView>) -> Arc<Canned> {
    let told = views.into_iter().map(Told::view).collect();
    Arc::new(Canned { watches: Canned::watches(vec![told]), ..Canned::default() })
}

fn transcript(arguments: &str, ran: &Ran) -> String {
    format!("$ evenkeel {arguments}\n{}{}exit code {}\n", ran.output, ran.error, ran.code)
}

#[tokio::test(start_paused = true)]
async fn a_line_for_each_change_where_there_is_no_terminal() {
    for (name, views, code) in [
        ("happy", scripts::happy(), 0),
        ("rolled-back", scripts::rolled_back(), 3),
        ("paused", scripts::paused(), 4),
        ("host-lost", scripts::host_lost(), 3),
        ("approval", scripts::approval(), 5),
        ("queued", scripts::queued(), 5),
        ("its-turn", scripts::its_turn(), 0),
        ("held", scripts::held(), 5),
    ] {
        let ran = Desk::facing(&telling(views)).run("rollout watch 7").await;
        assert_eq!(ran.code, code, "{name}");
        golden::check(&format!("progress/{name}.txt"), &transcript("rollout watch 7", &ran));
    }
}

#[tokio::test(start_paused = true)]
async fn a_drawing_in_place_on_a_terminal() {
    for (name, views) in [
        ("happy-live", scripts::happy()),
        ("rolled-back-live", scripts::rolled_back()),
        ("approval-live", scripts::approval()),
    ] {
        let mut desk = Desk::facing(&telling(views));
        desk.size = Some(Size { width: 90, height: 12 });
        let ran = desk.run("rollout watch 7").await;
        golden::check(&format!("progress/{name}.txt"), &transcript("rollout watch 7", &ran));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dumb_terminal_gets_lines() {
    let mut desk = Desk::facing(&telling(scripts::happy()));
    desk.size = Some(Size { width: 90, height: 12 });
    desk.surroundings.variables.insert("TERM".to_owned(), "dumb".to_owned());
    let ran = desk.run("rollout watch 7").await;
    assert!(!ran.output.contains('\u{1b}') && ran.output.contains("h1  waiting → ordered"), "{}", ran.output);
}

#[tokio::test(start_paused = true)]
async fn with_json_on_a_terminal_the_drawing_goes_to_standard_error() {
    let mut desk = Desk::facing(&telling(scripts::happy()));
    desk.size = Some(Size { width: 90, height: 12 });
    let ran = desk.run("rollout watch 7 --output json").await;
    assert!(ran.output.starts_with("{\n") && ran.output.ends_with("}\n"), "{}", ran.output);
    assert!(ran.error.contains("wave 1/2"), "{}", ran.error);
}
