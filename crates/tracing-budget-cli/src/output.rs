//! What a command writes: paragraphs and tables, the two streams, and a progress bar.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressStyle};

use tracing_budget::present::columns::{is_control, printable};

use crate::table::Table;

/// Paragraphs and tables, in order. CSV has one table: the one set by [`for_csv`](Self::for_csv), else the first.
#[derive(Default)]
pub(crate) struct Output {
    parts: Vec<Part>,
    for_csv: Option<Table>,
}

enum Part {
    Text(String),
    Table(Table),
}

impl Output {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a paragraph of one line; an empty one is left out. Names in it may be hostile.
    pub(crate) fn line(self, line: impl AsRef<str>) -> Self {
        self.lines([line])
    }

    /// Adds a paragraph of some lines, in which names may be hostile; one without lines is left out.
    pub(crate) fn lines(self, lines: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let lines: Vec<String> = lines.into_iter().map(|line| printable(line.as_ref())).collect();
        self.shown(lines.join("\n"))
    }

    /// Adds a paragraph that is made of clean lines already; an empty one is left out.
    pub(crate) fn shown(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.parts.push(Part::Text(text));
        }
        self
    }

    /// Adds a table; people see it only if it has rows.
    pub(crate) fn table(mut self, table: Table) -> Self {
        self.parts.push(Part::Table(table));
        self
    }

    /// Sets the table for CSV, where people see another one.
    pub(crate) fn for_csv(mut self, table: Table) -> Self {
        self.for_csv = Some(table);
        self
    }

    /// Returns paragraphs and tables with an empty line between them.
    pub(crate) fn to_text(&self, width: Option<u16>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let part = match part {
                Part::Text(paragraph) => format!("{}\n", paragraph.trim_end()),
                Part::Table(table) if table.is_empty() => continue,
                Part::Table(table) => table.to_text(width),
            };
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&part);
        }
        text
    }

    /// Returns the CSV table.
    pub(crate) fn to_csv(&self) -> anyhow::Result<String> {
        let first = self.parts.iter().find_map(|part| match part {
            Part::Table(table) => Some(table),
            Part::Text(_) => None,
        });
        self.for_csv.as_ref().or(first).map_or_else(|| Ok(String::new()), Table::to_csv)
    }
}

/// Standard output for data, standard error for messages. If the reader closes the pipe (`| head`), writing stops
/// without an error.
pub(crate) struct Screen {
    data: RefCell<Box<dyn Write>>,
    reader_left: Cell<bool>,
    width: Option<u16>,
}

impl Screen {
    /// The streams of this process; styles are removed from the data unless `color` allows them.
    pub(crate) fn new(color: ColorChoice) -> Self {
        let width = io::stdout().is_terminal().then(terminal_width).flatten();
        let data = io::BufWriter::new(AutoStream::new(io::stdout(), color));
        Self { data: RefCell::new(Box::new(data)), reader_left: Cell::new(false), width }
    }

    /// Columns of the terminal; `None` if standard output is not a terminal.
    pub(crate) const fn width(&self) -> Option<u16> {
        self.width
    }

    /// Writes data as it is.
    pub(crate) fn data(&self, text: impl AsRef<[u8]>) -> io::Result<()> {
        self.write(|out| out.write_all(text.as_ref()))
    }

    /// Writes a value as indented JSON.
    pub(crate) fn json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut json = escaped(serde_json::to_string_pretty(value)?);
        json.push('\n');
        Ok(self.data(json)?)
    }

    /// Flushes the data.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.write(|out| out.flush())
    }

    /// Writes CSV: to a terminal without the characters that it obeys, and to a program as it is.
    pub(crate) fn csv(&self, csv: &str) -> io::Result<()> {
        if self.width.is_none() {
            return self.data(csv);
        }
        self.data(csv.replace(|c: char| c != '\n' && is_control(c), "\u{FFFD}"))
    }

    /// A writer that writes CSV as [`csv`](Self::csv) does.
    pub(crate) fn for_csv(&self) -> impl Write {
        CsvWriter(self)
    }

    /// Writes a message of one line or more for people. A closed standard error is ignored: the data must not fail with it.
    pub(crate) fn message(&self, text: impl AsRef<str>) {
        let lines: Vec<String> = text.as_ref().lines().map(printable).collect();
        let _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
    }

    fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        if self.reader_left.get() {
            return Ok(());
        }
        match write(&mut **self.data.borrow_mut()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_left.set(true);
                Ok(())
            }
            outcome => outcome,
        }
    }
}

impl Write for &Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.data(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Screen::flush(self)
    }
}

struct CsvWriter<'a>(&'a Screen);

impl Write for CsvWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.csv(text)?,
            Err(_) => self.0.data(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// JSON with escapes for the characters that a terminal obeys. Outside of texts it has none of them but new lines, so that programs
/// read the same.
pub(crate) fn escaped(json: String) -> String {
    let is_obeyed = |c: char| c != '\n' && is_control(c);
    if !json.contains(is_obeyed) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_obeyed(c) { escaped += &format!("\\u{:04x}", u32::from(c)) } else { escaped.push(c) }
    }
    escaped
}

/// Uses the measure of the table writer, so that both agree on the width.
fn terminal_width() -> Option<u16> {
    comfy_table::Table::new().set_content_arrangement(comfy_table::ContentArrangement::Dynamic).width()
}

/// A progress counter on standard error; draws only on a terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts a counter for work of unknown length.
    pub(crate) fn start(activity: &'static str) -> Self {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos}, {per_sec}") {
            bar.set_style(style);
        }
        bar.set_message(activity);
        Self(bar)
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
