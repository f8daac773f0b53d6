//! YAML as a tree in which every node knows its place: anchors, aliases and merge keys are resolved, duplicate keys found.
//! Not here: what keys mean, and variables; a scalar stays the text that was written.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::problem::shown;
use crate::reader::Reader;

/// Lists and maps within each other. Compose needs eight; a limit keeps recursion off the stack's end.
const DEEPEST: usize = 64;

/// Nodes and characters after aliases are resolved: far above any Compose file, far below what harms a machine.
const LARGEST: usize = 4 << 20;

/// A place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 1, in characters.
    pub(crate) column: usize,
}

/// A value and its place. What came through an alias has the alias's place; what is inside it keeps its own.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// The three kinds of YAML values.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text as written; plain: without quotes, so that `null` and nothing at all mean null.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written, merged entries last.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// Whether it is nothing: `key:`, `key: ~`, `key: null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Nodes and characters in it, and how deep it goes.
    fn extent(&self) -> (usize, usize) {
        let children = |nodes: &mut dyn Iterator<Item = &Self>| {
            nodes.map(Self::extent).fold((1, 0), |(size, depth), (more, deep)| (size + more, depth.max(deep + 1)))
        };
        match &self.value {
            Value::Scalar { text, .. } => (1 + text.len(), 0),
            Value::List(items) => children(&mut items.iter()),
            Value::Map(entries) => children(&mut entries.iter().map(|entry| &entry.node)),
        }
    }
}

impl From<Marker> for Place {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// Why the rest of the text can't be read.
struct Stop {
    place: Place,
    message: String,
}

/// A list or a map whose end has not been seen.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: BTreeMap<String, usize>, merges: Vec<Node>, key: Option<Key> },
}

/// A key that waits for its value.
enum Key {
    Named(String, Place),
    Merge,
    /// It was refused; its value is read and dropped.
    Refused,
}

struct Builder<'r, 'a> {
    reader: &'r mut Reader<'a>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    size: usize,
    root: Option<Node>,
}

/// The tree of the text's one document; none if there is none, which is then among the reader's problems.
pub(crate) fn parse(text: &str, reader: &mut Reader<'_>) -> Option<Node> {
    let mut builder = Builder { reader, open: Vec::new(), anchors: BTreeMap::new(), size: 0, root: None };
    let mut documents = 0;
    // A byte order mark is no content.
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some(event) = parser.next_event() {
        let taken = match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                let message = "a second document begins here: an app is one document, so remove `---` or the rest";
                if documents > 1 { Err(stop(span.start.into(), message)) } else { Ok(()) }
            }
            Ok((event, span)) => builder.take(event, span.start.into()),
            Err(error) => {
                let message =
                    format!("this is no valid YAML ({}): check indentation, quotes and brackets here", error.info());
                Err(stop((*error.marker()).into(), message))
            }
        };
        if let Err(Stop { place, message }) = taken {
            builder.reader.problem_at(place, "", message);
            return None;
        }
    }
    let root = builder.root.take();
    if root.as_ref().is_none_or(Node::is_null) {
        reader.problem_at(
            Place { line: 1, column: 1 },
            "",
            "the file is empty: write `services:` and at least one service",
        );
        return None;
    }
    root
}

fn stop(place: Place, message: impl Into<String>) -> Stop {
    Stop { place, message: message.into() }
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let forced = self.forced_to_text(tag.as_deref(), place);
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain && !forced };
                self.grow(Node { place, value }, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.begin(place, anchor, tag.as_deref(), Content::List(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                let (entries, merges) = (Vec::new(), Vec::new());
                let content = Content::Map { entries, keys: BTreeMap::new(), merges, key: None };
                self.begin(place, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((size, depth)) = self.anchors.get(&anchor).map(Node::extent) else {
                    return Err(stop(place, "the alias refers to what it stands in: write the value itself"));
                };
                self.check_size(size, depth, place)?;
                let value = self.anchors[&anchor].value.clone();
                self.attach(Node { place, value });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, tag: Option<&Tag>, content: Content) -> Result<(), Stop> {
        self.forced_to_text(tag, place);
        self.check_size(1, 0, place)?;
        self.open.push(Open { place, anchor, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(Open { place, anchor, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, merges, .. } => Value::Map(self.merge(entries, merges)),
        };
        let node = Node { place, value };
        self.remember(&node, anchor)?;
        self.attach(node);
        Ok(())
    }

    /// A scalar: counted, remembered if it has an anchor, and put where it belongs.
    fn grow(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.check_size(node.extent().0, 0, node.place)?;
        self.remember(&node, anchor)?;
        self.attach(node);
        Ok(())
    }

    fn remember(&mut self, node: &Node, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            self.check_size(node.extent().0, 0, node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    /// Counts what is added, and refuses what would take all the memory or all the stack.
    fn check_size(&mut self, size: usize, depth: usize, place: Place) -> Result<(), Stop> {
        self.size += size;
        if self.size > LARGEST {
            return Err(stop(place, "the file is too large with its aliases resolved: use fewer aliases"));
        }
        if self.open.len() + depth >= DEEPEST {
            return Err(stop(place, format!("lists and maps are nested more than {DEEPEST} deep: flatten them")));
        }
        Ok(())
    }

    /// Puts a complete node into the list or map that is open, as item, key or value.
    fn attach(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, keys, merges, key } => match key.take() {
                None => *key = Some(read_key(self.reader, keys, node)),
                Some(Key::Named(key, place)) => entries.push(Entry { key, place, node }),
                Some(Key::Merge) => merges.push(node),
                Some(Key::Refused) => {}
            },
        }
    }

    /// Adds what `<<` brings. Keys that are written win, then the maps merged first.
    fn merge(&mut self, mut entries: Vec<Entry>, merges: Vec<Node>) -> Vec<Entry> {
        let mut known: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let mut sources = Vec::new();
        for node in merges {
            match node.value {
                Value::List(items) => sources.extend(items),
                value => sources.push(Node { place: node.place, value }),
            }
        }
        for source in sources {
            match source.value {
                Value::Map(more) => {
                    entries.extend(more.into_iter().filter(|entry| known.insert(entry.key.clone())));
                }
                _ => {
                    self.reader.problem_at(
                        source.place,
                        "<<",
                        "expected a map, or a list of maps: write `<<: *anchor`",
                    );
                }
            }
        }
        entries
    }

    /// Whether a tag makes a plain scalar text. Tags that mean anything else are refused.
    fn forced_to_text(&mut self, tag: Option<&Tag>, place: Place) -> bool {
        let Some(tag) = tag else { return false };
        let known = ["str", "int", "float", "bool", "null", "map", "seq"];
        if tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str()) {
            return tag.suffix == "str";
        }
        self.reader.problem_at(place, "", format!("the tag {} is not supported: remove it", shown(&tag.to_string())));
        false
    }
}

fn read_key(reader: &mut Reader<'_>, keys: &mut BTreeMap<String, usize>, node: Node) -> Key {
    let place = node.place;
    let is_null = node.is_null();
    let Value::Scalar { text, plain } = node.value else {
        reader.problem_at(place, "", "a list or a map can't be a key: write a plain name");
        return Key::Refused;
    };
    if is_null || text.is_empty() {
        reader.problem_at(place, "", "the key is empty: write a name before the colon");
        return Key::Refused;
    }
    if let Some(line) = keys.get(&text) {
        let message = format!("{} is written twice, first on line {line}: keep one", shown(&text));
        reader.problem_at(place, "", message);
        return Key::Refused;
    }
    keys.insert(text.clone(), place.line);
    if plain && text == "<<" { Key::Merge } else { Key::Named(text, place) }
}
