//! The two streams: data goes to standard output, talk to standard error.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

/// Where a command writes. A reader that has gone away (`| head`) ends the writing and nothing else.
pub(super) struct Screen {
    data: RefCell<Box<dyn Write>>,
    reader_left: Cell<bool>,
    width: Option<u16>,
}

impl Screen {
    /// The streams of this process; styles are taken out of the data unless `color` lets them through.
    pub(super) fn new(color: ColorChoice) -> Self {
        let width = io::stdout().is_terminal().then(terminal_width).flatten();
        let data = io::BufWriter::new(AutoStream::new(io::stdout(), color));
        Self { data: RefCell::new(Box::new(data)), reader_left: Cell::new(false), width }
    }

    /// Columns of the terminal that the data is read on; `None` where it is read by something else.
    pub(super) const fn width(&self) -> Option<u16> {
        self.width
    }

    /// Writes data as it is.
    pub(super) fn data(&self, text: impl AsRef<[u8]>) -> io::Result<()> {
        self.write(|out| out.write_all(text.as_ref()))
    }

    /// Writes a value as indented JSON.
    pub(super) fn json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut json = serde_json::to_string_pretty(value)?;
        json.push('\n');
        Ok(self.data(json)?)
    }

    /// Brings out what was written.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.write(|out| out.flush())
    }

    /// Says something to whoever sits there. A closed standard error is nobody's loss.
    pub(super) fn talk(&self, text: impl AsRef<str>) {
        let _ = writeln!(anstream::stderr(), "{}", text.as_ref());
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

/// As the table writer measures it.
fn terminal_width() -> Option<u16> {
    comfy_table::Table::new().set_content_arrangement(comfy_table::ContentArrangement::Dynamic).width()
}
