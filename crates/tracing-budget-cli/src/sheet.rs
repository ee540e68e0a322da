//! Rows under headings, written as a table for people or as CSV for programs.

use anyhow::Context as _;
use comfy_table::{Attribute, Cell as Shown, CellAlignment, Color, ContentArrangement, Table};

use super::cell::{Cell, Tone};

/// Where the text of a column stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// One column: what stands over it in a table, and its name in CSV.
#[derive(Clone, Copy)]
pub(super) struct Column {
    heading: &'static str,
    name: &'static str,
    align: Align,
    in_table: bool,
}

/// A column of words.
pub(super) const fn left(heading: &'static str, name: &'static str) -> Column {
    Column { heading, name, align: Align::Left, in_table: true }
}

/// A column of figures.
pub(super) const fn right(heading: &'static str, name: &'static str) -> Column {
    Column { heading, name, align: Align::Right, in_table: true }
}

/// A column that only CSV has: what a program wants and a table has no room for.
pub(super) const fn csv_only(name: &'static str) -> Column {
    Column { heading: "", name, align: Align::Left, in_table: false }
}

/// Rows under headings.
pub(super) struct Sheet {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

struct Row {
    cells: Vec<Cell>,
    is_sum: bool,
}

impl Sheet {
    pub(super) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub(super) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.push(cells.into(), false);
    }

    /// Adds a row that sums up those above. A table shows it apart; CSV does not have it, as it would be added twice.
    pub(super) fn sum(&mut self, cells: impl Into<Vec<Cell>>) {
        self.push(cells.into(), true);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn push(&mut self, cells: Vec<Cell>, is_sum: bool) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(Row { cells, is_sum });
    }

    /// The table; on a terminal as wide as that, else as wide as it needs to be.
    pub(super) fn table(&self, width: Option<u16>) -> String {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING).enforce_styling();
        // Blanks outside the codes can be cut off at the end of a line.
        table.style_text_only();
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        let shown: Vec<usize> = (0..self.columns.len()).filter(|at| self.columns[*at].in_table).collect();
        let heading = |at: &usize| {
            let Column { heading, align, .. } = self.columns[*at];
            shown_cell(heading, Tone::Plain, true).set_alignment(alignment(align))
        };
        table.set_header(shown.iter().map(heading).collect::<Vec<_>>());
        for row in &self.rows {
            let cell = |at: &usize| {
                let cell = &row.cells[*at];
                shown_cell(cell.text(), cell.tone(), row.is_sum)
                    .set_alignment(alignment(self.columns[*at].align))
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

    /// The same rows as CSV: figures without marks, and nothing where nothing is known.
    pub(super) fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| column.name))?;
        for row in self.rows.iter().filter(|row| !row.is_sum) {
            writer.write_record(row.cells.iter().map(Cell::raw))?;
        }
        String::from_utf8(writer.into_inner()?).context("CSV is made of text")
    }
}

const fn alignment(align: Align) -> CellAlignment {
    match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    }
}

fn shown_cell(text: &str, tone: Tone, is_bold: bool) -> Shown {
    let shown = Shown::new(text);
    // Codes around nothing would keep the blanks before them from being cut off.
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
