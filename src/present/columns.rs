//! Text for a terminal: its width, truncation, wrapping and alignment in columns.

use std::fmt;

/// The alignment of a column.
///
/// Deliberately not `#[non_exhaustive]`: a column is one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Flush left, for text.
    Left,
    /// Flush right, for numbers.
    Right,
}

/// Lines of cells under headings. Each column is as wide as its widest cell.
///
/// ```
/// use tracing_budget::present::columns::{Align, Columns};
///
/// let mut columns = Columns::new(&[("STAGE", Align::Left), ("COST", Align::Right)]);
/// columns.line(["review".to_owned(), "$10.50".to_owned()]);
/// assert_eq!(columns.to_string(), "STAGE     COST\nreview  $10.50\n");
/// ```
#[derive(Debug)]
pub struct Columns {
    headings: Vec<(&'static str, Align)>,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Cells(Vec<String>),
    Rule,
}

/// The text between two columns.
const GAP: &str = "  ";

impl Columns {
    /// Returns columns with these headings and no lines.
    ///
    /// ```
    /// use tracing_budget::present::columns::{Align, Columns};
    ///
    /// let columns = Columns::new(&[("STAGE", Align::Left), ("COST", Align::Right)]);
    /// assert_eq!(columns.to_string(), "STAGE  COST\n");
    /// ```
    pub fn new(headings: &[(&'static str, Align)]) -> Self {
        Self { headings: headings.to_vec(), lines: Vec::new() }
    }

    /// Adds a line. Cells beyond the last heading are ignored.
    ///
    /// ```
    /// use tracing_budget::present::columns::{Align, Columns};
    ///
    /// let mut columns = Columns::new(&[("STAGE", Align::Left)]);
    /// columns.line(["review".to_owned()]);
    /// assert_eq!(columns.to_string(), "STAGE\nreview\n");
    /// ```
    pub fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(Line::Cells(cells.into_iter().collect()));
    }

    /// Adds a horizontal rule.
    ///
    /// ```
    /// use tracing_budget::present::columns::{Align, Columns};
    ///
    /// let mut columns = Columns::new(&[("STAGE", Align::Left)]);
    /// columns.rule();
    /// assert_eq!(columns.to_string(), "STAGE\n─────\n");
    /// ```
    pub fn rule(&mut self) {
        self.lines.push(Line::Rule);
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|(heading, _)| width(heading)).collect();
        for line in &self.lines {
            if let Line::Cells(cells) = line {
                for (widest, cell) in widths.iter_mut().zip(cells) {
                    *widest = (*widest).max(width(cell));
                }
            }
        }
        widths
    }

    fn write_line<'a>(
        &self,
        f: &mut fmt::Formatter<'_>,
        widths: &[usize],
        cells: impl Iterator<Item = &'a str>,
    ) -> fmt::Result {
        let mut line = String::new();
        for ((cell, (_, align)), widest) in cells.zip(&self.headings).zip(widths) {
            let room = " ".repeat(widest.saturating_sub(width(cell)));
            match align {
                Align::Left => line.extend([cell, &room, GAP]),
                Align::Right => line.extend([&room, cell, GAP]),
            }
        }
        writeln!(f, "{}", line.trim_end())
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        self.write_line(f, &widths, self.headings.iter().map(|(heading, _)| *heading))?;
        for line in &self.lines {
            match line {
                Line::Cells(cells) => self.write_line(f, &widths, cells.iter().map(String::as_str))?,
                Line::Rule => {
                    let whole = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
                    writeln!(f, "{}", "─".repeat(whole))?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the number of terminal cells that a text takes.
///
/// ```
/// use tracing_budget::present::columns::width;
///
/// assert_eq!((width("lint"), width("審査")), (4, 4));
/// ```
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Returns the cells of one character, by the blocks that UAX #11 (East Asian Width) lists as wide. By blocks and not by
/// characters: a full table would be large, and a rare character only shifts a line by one cell.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x20..=0x2FF => 1,
        // Combining marks, joiners and variation selectors take no cell of their own.
        0x300..=0x36F
        | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF
        | 0x200B..=0x200F
        | 0x20D0..=0x20FF
        | 0xFE00..=0xFE0F
        | 0xFE20..=0xFE2F
        | 0xE0100..=0xE01EF => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0x4DBF
        | 0x4E00..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F7E0..=0x1F7EB
        | 0x1F900..=0x1FAFF
        | 0x20000..=0x3FFFD
        | 0x231A..=0x231B
        | 0x2705
        | 0x274C
        | 0x2753..=0x2755
        | 0x2795..=0x2797
        | 0x26A1
        | 0x2B50 => 2,
        _ => 1,
    }
}

/// Whether a terminal obeys a character instead of showing it: control characters, also those of 8 bits, and the ones that change the
/// direction of a text.
///
/// ```
/// use tracing_budget::present::columns::is_control;
///
/// assert!(['\u{1b}', '\u{9b}', '\u{202e}'].into_iter().all(is_control));
/// ```
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text on one line that is safe in a terminal and in the log of a CI service. White space becomes single spaces, characters
/// that a terminal obeys become `�`, and so does what makes a word a command in a log (`::error`, `##vso[`): a name from a
/// document could otherwise move the cursor, disguise itself, or report a failure.
///
/// ```
/// use tracing_budget::present::columns::one_line;
///
/// assert_eq!(one_line("a\n b\u{1b}[31m"), "a b�[31m");
/// assert_eq!(one_line("std::fs ::error::x"), "std::fs �::error::x");
/// ```
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        push_word(&mut line, word);
    }
    line
}

/// Returns a line that is safe as [`one_line`] makes it, with the spaces that it has.
///
/// ```
/// use tracing_budget::present::columns::printable;
///
/// assert_eq!(printable("  a\n  b"), "  a   b");
/// ```
#[must_use]
pub fn printable(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    for part in line.split_inclusive(char::is_whitespace) {
        let word = part.trim_end_matches(char::is_whitespace);
        push_word(&mut clean, word);
        clean.extend(part[word.len()..].chars().map(|space| if is_control(space) { ' ' } else { space }));
    }
    clean
}

/// Adds a word. Commands of CI services begin a line with `::`, or have `##…[` anywhere.
fn push_word(line: &mut String, word: &str) {
    const REPLACED: char = '\u{FFFD}';
    if word.starts_with("::") {
        line.push(REPLACED);
    }
    let has_command = word.contains("##") && word.contains('[');
    let mut last = None;
    for c in word.chars() {
        let is_second = has_command && c == '#' && last == Some('#');
        line.push(if is_second || is_control(c) { REPLACED } else { c });
        last = Some(c);
    }
}

/// Returns a text on one line of at most `cells` cells, with `…` at the end if it was cut.
///
/// ```
/// use tracing_budget::present::columns::cut;
///
/// assert_eq!(cut("implementation", 8), "impleme…");
/// ```
#[must_use]
pub fn cut(text: &str, cells: usize) -> String {
    let mut line = one_line(text);
    if width(&line) <= cells {
        return line;
    }
    let mut used = 0;
    let kept = line.char_indices().find(|(_, c)| {
        used += char_width(*c);
        used >= cells
    });
    let end = kept.map_or(line.len(), |(at, _)| at);
    line.truncate(end);
    line.truncate(line.trim_end().len());
    line.push('…');
    line
}

/// Returns a text wrapped between words into lines of at most `cells` cells. A longer word is cut on its own line.
///
/// ```
/// use tracing_budget::present::columns::wrap;
///
/// assert_eq!(wrap("one two  three four", 9), ["one two", "three", "four"]);
/// ```
#[must_use]
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in one_line(text).split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= cells => line.extend([" ", word]),
            _ => lines.push(cut(word, cells)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_is_that_of_a_terminal() {
        for (text, cells) in
            [("lint", 4), ("審査", 4), ("e\u{301}tude", 5), ("🚀 go", 5), ("…", 1), ("한국", 4)]
        {
            assert_eq!(width(text), cells, "{text}");
        }
    }

    #[test]
    fn a_cut_never_passes_its_width_and_never_splits_a_character() {
        for text in ["implementation", "審査と実装の段階", "naïve e\u{301}tude of everything", "a b c d e f"]
        {
            for cells in 1..20 {
                let short = cut(text, cells);
                assert!(width(&short) <= cells, "{short:?} in {cells}");
                assert_eq!(short.ends_with('…'), width(text) > cells, "{short:?} in {cells}");
            }
        }
        assert_eq!(cut("implementation", 8), "impleme…");
        assert_eq!(cut("审查阶段", 8), "审查阶段");
    }

    #[test]
    fn a_name_cannot_control_the_terminal() {
        assert_eq!(one_line("a\n\tb  c\u{1b}[31m\u{202e}"), "a b c�[31m�");
    }

    #[test]
    fn columns_line_up_by_cells_not_by_characters() {
        let mut columns = Columns::new(&[("NAME", Align::Left), ("COST", Align::Right)]);
        columns.line(["審査".to_owned(), "$1".to_owned()]);
        columns.rule();
        columns.line(["review".to_owned(), "$10.50".to_owned()]);
        let expected = "NAME      COST\n審査        $1\n──────────────\nreview  $10.50\n";
        assert_eq!(columns.to_string(), expected);
    }

    #[test]
    fn words_wrap_between_and_not_within() {
        assert_eq!(wrap("one two  three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("", 9), Vec::<String>::new());
        assert_eq!(wrap("incomprehensibilities", 9), ["incompre…"]);
    }
}
