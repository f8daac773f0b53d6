//! The check of a web server: whether its answer is as it should be. Not here: the connection (module `client`).

use http::Request;

use evenkeel_rollout::Measured;

use super::client::{Cut, Form, NoAnswer, WebClient};

/// As much of an answer is searched for the text that it is to contain, in bytes.
const SEARCHED: usize = 1024 * 1024;

/// As much of a bad answer is shown: in bytes and in characters.
const EXCERPT: usize = 1024;
const SHOWN: usize = 200;

/// What a good answer is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Good<'a> {
    /// Its status, from the first to the last.
    pub(super) status: (u16, u16),
    /// What its body contains.
    pub(super) text: Option<&'a str>,
}

/// Asks `url` once.
pub(super) async fn check(client: &WebClient, url: &str, wanted: Good<'_>) -> Measured {
    let question = format!("GET {url}");
    let judged = match Request::get(url).body(Form::default()) {
        Ok(request) => judge(client, request, wanted).await,
        Err(error) => Err(NoAnswer::Silent(error.to_string())),
    };
    match judged {
        Ok((good, said)) => Measured::Answer { good, said: format!("{question}: {said}") },
        Err(NoAnswer::Wrong(why)) => Measured::Answer { good: false, said: format!("{question}: {why}") },
        Err(NoAnswer::Silent(why)) => Measured::Nothing(format!("{question}: {why}")),
    }
}

/// Whether the answer is good, and what it was.
async fn judge(client: &WebClient, request: Request<Form>, wanted: Good<'_>) -> Result<(bool, String), NoAnswer> {
    let (first, last) = wanted.status;
    let answer = client.ask(request).await?;
    let said = answer.in_words();
    if !(first..=last).contains(&answer.status.as_u16()) {
        let wanted = if first == last { first.to_string() } else { format!("{first} to {last}") };
        let begin = excerpt(&answer.read(EXCERPT).await.bytes);
        return Ok((false, format!("{said}, and it may be {wanted}{begin}")));
    }
    // Without a text to look for the body means nothing, and it may never end.
    let Some(text) = wanted.text else { return Ok((true, said)) };
    let read = answer.read(SEARCHED).await;
    if contains(&read.bytes, text.as_bytes()) {
        return Ok((true, format!("{said}, with `{text}` in it")));
    }
    match read.cut {
        Some(Cut::Broken(no_answer)) => Err(no_answer),
        Some(Cut::TooLong) => Ok((false, format!("{said}, without `{text}` in the first MiB of it"))),
        None => Ok((false, format!("{said}, without `{text}` in it{}", excerpt(&read.bytes)))),
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}

/// The beginning of a body on one line, to be put behind what was said; nothing, if there is none.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split(|character: char| character.is_whitespace() || character.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let begin: String = line.chars().take(SHOWN).collect();
    match (begin.is_empty(), begin.len() < line.len()) {
        (true, _) => String::new(),
        (false, true) => format!(": {begin}…"),
        (false, false) => format!(": {begin}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_answer_is_shown_on_one_line_and_not_at_length() {
        for (body, expected) in [
            (&b""[..], ""),
            (b" \n", ""),
            (b"not healthy,\r\n\tmode unready\n", ": not healthy, mode unready"),
            (b"\x1b[31mred\x00", ": [31mred"),
            (b"\xff\xfe", ": \u{fffd}\u{fffd}"),
        ] {
            assert_eq!(excerpt(body), expected, "{body:?}");
        }
        let long = excerpt("ä".repeat(300).as_bytes());
        assert_eq!(long.chars().filter(|character| *character == 'ä').count(), SHOWN);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_text_is_found_wherever_it_is() {
        assert!(contains(b"all is well", b"is") && contains(b"x", b"x") && contains(b"", b""));
        assert!(!contains(b"all is well", b"will") && !contains(b"", b"x"));
    }
}
