//! Rows under headings, as a table for people or as CSV for programs.

use std::borrow::Cow;

use anyhow::Context as _;
use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement};

use crate::cell::{Cell, Tone};

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// One column: its heading in a table, and its name in CSV.
#[derive(Clone)]
pub(crate) struct Column {
    heading: Cow<'static, str>,
    name: &'static str,
    align: Align,
    in_table: bool,
}

/// A column of words.
pub(crate) const fn left(heading: &'static str, name: &'static str) -> Column {
    Column { heading: Cow::Borrowed(heading), name, align: Align::Left, in_table: true }
}

/// A column of figures.
pub(crate) const fn right(heading: &'static str, name: &'static str) -> Column {
    Column { heading: Cow::Borrowed(heading), name, align: Align::Right, in_table: true }
}

/// A column for CSV only, where a table has no room.
pub(crate) const fn csv_only(name: &'static str) -> Column {
    Column { heading: Cow::Borrowed(""), name, align: Align::Left, in_table: false }
}

impl Column {
    /// The same column under a heading that is made as the program runs.
    pub(crate) fn under(mut self, heading: String) -> Self {
        self.heading = Cow::Owned(heading);
        self
    }
}

/// Rows under headings.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

struct Row {
    cells: Vec<Cell>,
    is_sum: bool,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, one cell per column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.push(cells.into(), false);
    }

    /// Adds a row of totals. CSV leaves it out: a reader who adds up the column would count everything twice.
    pub(crate) fn sum(&mut self, cells: impl Into<Vec<Cell>>) {
        self.push(cells.into(), true);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn push(&mut self, cells: Vec<Cell>, is_sum: bool) {
        debug_assert_eq!(cells.len(), self.columns.len(), "one cell per column");
        self.rows.push(Row { cells, is_sum });
    }

    /// Returns the table as text, limited to `width` columns if given.
    pub(crate) fn to_text(&self, width: Option<u16>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING).enforce_styling();
        // Styles only around the text: padding inside the codes could not be trimmed from the end of a line.
        table.style_text_only();
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        let shown: Vec<usize> = (0..self.columns.len()).filter(|at| self.columns[*at].in_table).collect();
        let heading = |at: &usize| {
            let Column { heading, align, .. } = &self.columns[*at];
            styled(heading, Tone::Plain, true).set_alignment(alignment(*align))
        };
        table.set_header(shown.iter().map(heading).collect::<Vec<_>>());
        for row in &self.rows {
            let cell = |at: &usize| {
                let cell = &row.cells[*at];
                styled(cell.text(), cell.tone(), row.is_sum).set_alignment(alignment(self.columns[*at].align))
            };
            table.add_row(shown.iter().map(cell).collect::<Vec<_>>());
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Returns the rows as CSV: figures without marks, unknown values empty.
    pub(crate) fn to_csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| column.name))?;
        for row in self.rows.iter().filter(|row| !row.is_sum) {
            writer.write_record(row.cells.iter().map(Cell::raw))?;
        }
        String::from_utf8(writer.into_inner()?).context("CSV is not UTF-8")
    }
}

const fn alignment(align: Align) -> CellAlignment {
    match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    }
}

fn styled(text: &str, tone: Tone, is_bold: bool) -> comfy_table::Cell {
    let shown = comfy_table::Cell::new(text);
    // Codes around an empty text would keep the padding before them from being trimmed.
    if text.is_empty() {
        return shown;
    }
    let shown = if is_bold { shown.add_attribute(Attribute::Bold) } else { shown };
    match tone {
        Tone::Plain => shown,
        Tone::Good => shown.fg(Color::Green),
        Tone::Warn => shown.fg(Color::Yellow),
        Tone::Bad => shown.fg(Color::Red).add_attribute(Attribute::Bold),
        Tone::Faint => shown.add_attribute(Attribute::Dim),
    }
}
