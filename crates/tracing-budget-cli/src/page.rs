//! What a command shows: lines of words and sheets of rows, one after the other.

use super::sheet::Sheet;

/// What a command shows. CSV has one sheet: the one made for it, else the first.
#[derive(Default)]
pub(super) struct Page {
    parts: Vec<Part>,
    for_csv: Option<Sheet>,
}

enum Part {
    Text(String),
    Sheet(Sheet),
}

impl Page {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a paragraph.
    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.parts.push(Part::Text(text));
        }
        self
    }

    /// Adds a sheet; a table without rows is left out.
    pub(super) fn sheet(mut self, sheet: Sheet) -> Self {
        self.parts.push(Part::Sheet(sheet));
        self
    }

    /// Sets the sheet that CSV has, where it is none of those that people see.
    pub(super) fn for_csv(mut self, sheet: Sheet) -> Self {
        self.for_csv = Some(sheet);
        self
    }

    /// Paragraphs and tables with an empty line between them.
    pub(super) fn written(&self, width: Option<u16>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let part = match part {
                Part::Text(words) => format!("{}\n", words.trim_end()),
                Part::Sheet(sheet) if sheet.is_empty() => continue,
                Part::Sheet(sheet) => sheet.table(width),
            };
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&part);
        }
        text
    }

    /// The sheet for programs.
    pub(super) fn csv(&self) -> anyhow::Result<String> {
        let first = self.parts.iter().find_map(|part| match part {
            Part::Sheet(sheet) => Some(sheet),
            Part::Text(_) => None,
        });
        self.for_csv.as_ref().or(first).map_or_else(|| Ok(String::new()), Sheet::csv)
    }
}
