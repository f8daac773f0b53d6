//! What every part of the reading shares: the problems found so far, variables, and typed values out of the tree.
//! Not here: what any key means.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use evenkeel_model::{Count, Millis, Specification};

use crate::interpolation::InterpolationError;
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::problem::{Problem, Problems, shown};
use crate::tree::{Entry, Node, Place, Value};
use crate::{duration, interpolation};

/// Problems and notes are collected here, so that reading goes on behind a mistake and finds them all.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    file: &'a str,
    variables: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

/// A value, the path to it, and the place that messages about it name.
#[derive(Debug, Clone)]
pub(crate) struct At<'t> {
    pub(crate) node: &'t Node,
    pub(crate) place: Place,
    pub(crate) path: String,
}

/// The entries of a map.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'t> {
    entries: &'t [Entry],
    path: String,
}

/// A value that was read, and where it was written: for those that may be written in two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
    pub(crate) path: String,
}

impl<'t> At<'t> {
    /// The whole file.
    pub(crate) fn root(node: &'t Node) -> Self {
        Self { node, place: Place { line: 1, column: 1 }, path: String::new() }
    }

    /// `value`, as written here.
    pub(crate) fn written<T>(&self, value: T) -> Written<T> {
        Written { value, place: self.place, path: self.path.clone() }
    }
}

impl<'t> Fields<'t> {
    /// The value of a key; none if it is absent or nothing is written after it, which Compose holds to be the same.
    pub(crate) fn get(&self, key: &str) -> Option<At<'t>> {
        self.named(key).filter(|at| !at.node.is_null())
    }

    /// The value of a key that says something by being there, also where nothing is written after it.
    pub(crate) fn named(&self, key: &str) -> Option<At<'t>> {
        self.all().find(|(name, _)| *name == key).map(|(_, at)| at)
    }

    /// All keys with their values, those with nothing after them too.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'t str, At<'t>)> + use<'t> {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}.", self.path) };
        self.entries.iter().map(move |entry| (entry.key.as_str(), entry_at(&prefix, entry)))
    }
}

fn entry_at<'t>(prefix: &str, entry: &'t Entry) -> At<'t> {
    // A scalar is where it stands; a list, a map or nothing is best found by its key.
    let is_text = matches!(entry.node.value, Value::Scalar { .. }) && !entry.node.is_null();
    let place = if is_text { entry.node.place } else { entry.place };
    At { node: &entry.node, place, path: format!("{prefix}{}", entry.key) }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'a str, variables: &'a BTreeMap<String, String>) -> Self {
        Self { file, variables, problems: Vec::new(), notes: Vec::new() }
    }

    /// The end: the specification with the notes, if there was no problem.
    pub(crate) fn finish(self, specification: Option<Specification>) -> Result<Specification, Problems> {
        match specification {
            Some(specification) if self.problems.is_empty() => Ok(Specification { notes: self.notes, ..specification }),
            _ => Err(Problems::new(self.problems)),
        }
    }

    pub(crate) fn problem(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.problem_at(at.place, &at.path, message);
    }

    pub(crate) fn problem_at(&mut self, place: Place, path: &str, message: impl Into<String>) {
        let Place { line, column } = place;
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            path: path.to_owned(),
            message: message.into(),
        });
    }

    /// Something the operator should know though nothing is wrong.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A map whose keys are fixed. Keys it can't have are problems; `x-…` is ignored, as Compose says.
    pub(crate) fn map<'t>(&mut self, at: &At<'t>, keys: &Keys) -> Option<Fields<'t>> {
        let fields = self.names(at)?;
        for (key, field) in fields.all() {
            self.check_key(key, &field, keys);
        }
        Some(fields)
    }

    /// A map whose keys are the user's own names.
    pub(crate) fn names<'t>(&mut self, at: &At<'t>) -> Option<Fields<'t>> {
        match &at.node.value {
            Value::Map(entries) => Some(Fields { entries, path: at.path.clone() }),
            _ => self.expected(at, "a map of keys and values"),
        }
    }

    fn check_key(&mut self, key: &str, field: &At<'_>, keys: &Keys) {
        if keys.supported.contains(&key) {
            return;
        }
        if let Some((_, advice)) = keys.refused.iter().find(|(refused, _)| *refused == key) {
            return self.problem(field, *advice);
        }
        if keys.later.contains(&key) {
            return self.problem(field, "not supported yet: remove it");
        }
        if key == "x-rollout" {
            return self.problem(field, "it has no meaning here: move it to the top of the file, or into a service");
        }
        // At the top it may be the anchor of those that mean something.
        if key == "x-route" && !keys.scope.is_empty() {
            return self.problem(field, "it has no meaning here: move it into a port that is written as a map");
        }
        if keys.extensions && key.starts_with("x-") {
            let ours = keys.supported.iter().copied().filter(|key| key.starts_with("x-")).chain(["x-rollout"]);
            if let Some(meant) = nearest(key, ours) {
                self.note(format!("`{}` is ignored, as Compose says of x- keys: did you mean `{meant}`?", field.path));
            }
            return;
        }
        let known = keys.supported.iter().chain(keys.later).chain(keys.refused.iter().map(|(key, _)| key)).copied();
        match nearest(key, known) {
            Some(meant) => self.problem(field, format!("unknown key: did you mean `{meant}`?")),
            None => self.problem(field, format!("unknown key: remove it, or use one of {}", keys.supported.join(", "))),
        }
    }

    /// A list.
    pub(crate) fn list<'t>(&mut self, at: &At<'t>, expected: &str) -> Option<Vec<At<'t>>> {
        let Value::List(items) = &at.node.value else { return self.expected(at, expected) };
        let item =
            |(index, node): (usize, &'t Node)| At { node, place: node.place, path: format!("{}[{index}]", at.path) };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, at: &At<'_>) -> Option<Vec<String>> {
        let items = self.list(at, "a list of words")?;
        let texts: Vec<_> = items.iter().map(|item| self.text(item, "text")).collect();
        texts.into_iter().collect()
    }

    /// A scalar's text with its variables replaced. Numbers and booleans are the text as written.
    pub(crate) fn text(&mut self, at: &At<'_>, expected: &str) -> Option<String> {
        self.text_or(at, expected, ToString::to_string)
    }

    /// As [`Self::text`], with the caller's words for what is wrong with a variable.
    pub(crate) fn text_or(
        &mut self,
        at: &At<'_>,
        expected: &str,
        words: impl FnOnce(&InterpolationError) -> String,
    ) -> Option<String> {
        let Value::Scalar { text, .. } = &at.node.value else { return self.expected(at, expected) };
        if at.node.is_null() {
            return self.expected(at, expected);
        }
        match interpolation::interpolate(text, self.variables) {
            Ok(text) if text.contains('\0') => {
                self.problem(at, "the text has a zero character in it, which no container can be given: remove it");
                None
            }
            Ok(text) => Some(text),
            Err(error) => {
                self.problem(at, words(&error));
                None
            }
        }
    }

    /// A text that says something.
    pub(crate) fn nonempty(&mut self, at: &At<'_>, expected: &str) -> Option<String> {
        self.parsed(at, expected, |text| (!text.trim().is_empty()).then(|| text.to_owned()))
    }

    /// A text of which `parse` makes something.
    pub(crate) fn parsed<T>(
        &mut self,
        at: &At<'_>,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(at, expected)?;
        let value = parse(&text);
        if value.is_none() {
            self.problem(at, format!("expected {expected}, found {}", shown(&text)));
        }
        value
    }

    /// A truth value.
    pub(crate) fn bool(&mut self, at: &At<'_>) -> Option<bool> {
        self.parsed(at, "`true` or `false`", truth)
    }

    /// A whole number within bounds.
    pub(crate) fn whole<T: TryFrom<u64>>(&mut self, at: &At<'_>, bounds: RangeInclusive<u64>) -> Option<T> {
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        self.parsed(at, &expected, |text| {
            let number = text.parse().ok().filter(|number| digits(text) && bounds.contains(number))?;
            T::try_from(number).ok()
        })
    }

    /// A duration, zero too.
    pub(crate) fn duration(&mut self, at: &At<'_>) -> Option<Millis> {
        let text = self.text(at, "a duration such as `30s`")?;
        match duration::parse(&text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problem(at, format!("{} {error}", shown(&text)));
                None
            }
        }
    }

    /// A duration that is not zero.
    pub(crate) fn positive_duration(&mut self, at: &At<'_>) -> Option<Millis> {
        let duration = self.duration(at)?;
        if duration == Millis(0) {
            self.problem(at, "must be longer than 0s: write for example `30s`");
            return None;
        }
        Some(duration)
    }

    /// A number of hosts.
    pub(crate) fn count(&mut self, at: &At<'_>) -> Option<Count> {
        self.parsed(at, "a number of hosts such as `3`, or a percentage from `0%` to `100%`", |text| text.parse().ok())
    }

    /// A number of hosts that is not zero.
    pub(crate) fn positive_count(&mut self, at: &At<'_>) -> Option<Count> {
        let count = self.count(at)?;
        if matches!(count, Count::Hosts(0) | Count::Percent(0)) {
            self.problem(at, "none is too few: write at least `1` or `1%`");
            return None;
        }
        Some(count)
    }

    /// One of a few words. Those in `later` will be, and are refused by name.
    pub(crate) fn one_of<T: Copy>(&mut self, at: &At<'_>, choices: &[(&str, T)], later: &[&str]) -> Option<T> {
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        let expected = match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        let text = self.text(at, &expected)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        if later.contains(&text.as_str()) {
            self.problem(at, format!("`{text}` is not supported yet: write {expected}"));
        } else {
            self.problem(at, format!("expected {expected}, found {}", shown(&text)));
        }
        None
    }

    /// Says that something else was expected here.
    pub(crate) fn expected<T>(&mut self, at: &At<'_>, expected: &str) -> Option<T> {
        let found = match &at.node.value {
            Value::Scalar { .. } if at.node.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => shown(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        self.problem(at, format!("expected {expected}, found {found}"));
        None
    }
}

/// A truth value, in the words that Compose takes for one.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
