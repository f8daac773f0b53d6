//! What people did, in words. Not here: where it is shown.

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::ActView;

use crate::format::{age, printable};
use crate::table::Look;

/// `bob approved it: seen on web-1`.
pub(crate) fn act(act: &ActView) -> String {
    printable(&format!("{} {}{}", act.by, deed(&act.deed), because(&act.why)))
}

/// The same, and when: `5m ago: bob approved it: seen on web-1`.
pub(crate) fn act_with_age(done: &ActView, look: Look) -> String {
    format!("{}: {}", age(look.now, UnixMillis(done.at)), act(done))
}

/// Who, when and why, where what is clear: `5m ago by ada: new memory`.
pub(crate) fn said_by(act: &ActView, look: Look) -> String {
    printable(&format!("{} by {}{}", age(look.now, UnixMillis(act.at)), act.by, because(&act.why)))
}

/// Behind something that somebody did.
pub(crate) fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn deed(word: &str) -> String {
    match word {
        "overrode_freeze" => "began it in spite of a freeze".to_owned(),
        "queued" => "had it wait for its turn".to_owned(),
        "paused" => "paused it".to_owned(),
        "resumed" => "had it go on".to_owned(),
        "promoted" => "promoted it".to_owned(),
        "approved" => "approved it".to_owned(),
        "aborted" => "gave it up".to_owned(),
        "aborted_and_took_back" => "gave it up and had all hosts go back".to_owned(),
        "superseded" => "began another in its place".to_owned(),
        "cordoned" => "cordoned it".to_owned(),
        "drained" => "had it emptied".to_owned(),
        // Of a newer coordinator.
        other => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_did_reads_as_a_sentence() {
        let done = |deed: &str, why: &str| {
            act(&ActView { by: "bob".to_owned(), at: 0, why: why.to_owned(), deed: deed.to_owned() })
        };
        assert_eq!(done("approved", "seen on\tweb-1"), "bob approved it: seen on    web-1");
        assert_eq!(done("aborted_and_took_back", ""), "bob gave it up and had all hosts go back");
        assert_eq!(done("danced_with_it", ""), "bob danced with it");
    }
}
