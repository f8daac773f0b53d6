//! Aligned tables without lines, and colour where there is any. Not here: what is in the tables (`look/`).

use evenkeel_model::UnixMillis;

use crate::format::printable;

/// Blanks between columns.
const GAP: usize = 2;

/// How text is rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether tones are shown.
    pub(crate) colour: bool,
    /// What ages are counted from.
    pub(crate) now: UnixMillis,
}

/// What a text says by its colour. It says it in words as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// On its way, or not known.
    Doubtful,
    /// Failed.
    Bad,
    /// Matters less.
    Faint,
    /// A heading.
    Strong,
}

impl Look {
    /// The text in its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Doubtful => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
            Tone::Plain => return text.to_owned(),
        };
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The tone of one of the contract's words for states, stages, contacts and outcomes.
pub(crate) fn tone_of(word: &str) -> Tone {
    match word {
        "committed" | "healthy" | "live" | "succeeded" | "yes" | "good" => Tone::Good,
        "failed" | "rolled_back" | "halted" | "silent" | "conflict" | "reverted" | "no" | "paused" | "bad" => Tone::Bad,
        "ordered" | "committing" | "returning" | "returned" | "rolling_back" | "withdrawing" | "trial" | "working"
        | "reverting" | "advancing" | "aborted" | "superseded" | "obstacle" | "queued" | "cordoned" | "drained"
        | "inconclusive" => Tone::Doubtful,
        _ => Tone::Plain,
    }
}

/// One field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: printable(&text.into()), tone: Tone::Plain }
    }
}

impl Cell {
    /// In a tone.
    pub(crate) fn toned(text: &str, tone: Tone) -> Self {
        Self { text: printable(text), tone }
    }

    /// One of the contract's words, in its tone; `-` if it is empty.
    pub(crate) fn word(word: &str) -> Self {
        if word.is_empty() { Self::from("-") } else { Self::toned(word, tone_of(word)) }
    }

    /// A number that may be absent: `-` then.
    pub(crate) fn number(number: Option<u64>) -> Self {
        Self::from(number.map_or_else(|| "-".to_owned(), |number| number.to_string()))
    }
}

/// Columns with headings, and rows.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// With these headings.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, of as many cells as there are headings.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, headings first, `indent` blanks before each.
    pub(crate) fn lines(&self, look: Look, indent: usize) -> Vec<String> {
        let headings: Vec<Cell> = self.headings.iter().map(|text| Cell::toned(text, Tone::Faint)).collect();
        let all: Vec<&[Cell]> =
            std::iter::once(headings.as_slice()).chain(self.rows.iter().map(Vec::as_slice)).collect();
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|column| all.iter().filter_map(|row| row.get(column)).map(width).max().unwrap_or(0))
            .collect();
        all.iter().map(|row| line(row, &widths, look, indent)).collect()
    }
}

fn width(cell: &Cell) -> usize {
    cell.text.chars().count()
}

fn line(row: &[Cell], widths: &[usize], look: Look, indent: usize) -> String {
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    let mut line = " ".repeat(indent);
    for (index, (cell, column)) in row.iter().zip(widths).enumerate().take(last + 1) {
        line.push_str(&look.paint(cell.tone, &cell.text));
        if index < last {
            line.push_str(&" ".repeat(column - width(cell) + GAP));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(colour: bool) -> Look {
        Look { colour, now: UnixMillis(0) }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_with_text() {
        let mut table = Table::new(&["HOST", "STATE", "WHY"]);
        table.row(vec!["h1".into(), Cell::word("committed"), "".into()]);
        table.row(vec!["long-häuser".into(), Cell::word(""), "x\u{7}".into()]);
        assert_eq!(
            table.lines(look(false), 1),
            [" HOST         STATE      WHY", " h1           committed", " long-häuser  -          x\\u{7}"]
        );
    }

    #[test]
    fn colour_does_not_move_columns() {
        let mut table = Table::new(&["STATE", "HOST"]);
        table.row(vec![Cell::word("failed"), "h1".into()]);
        assert_eq!(table.lines(look(true), 0)[1], "\u{1b}[31mfailed\u{1b}[0m  h1");
    }
}
