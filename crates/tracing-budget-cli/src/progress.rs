//! How far long work has come, for those who watch: on a terminal and nowhere else.

use indicatif::{ProgressBar, ProgressStyle};

/// How far it has come. Nothing is drawn where standard error is not a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Work whose end nobody knows.
    pub(super) fn open(doing: &'static str) -> Self {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos}, {per_sec}") {
            bar.set_style(style);
        }
        bar.set_message(doing);
        Self(bar)
    }

    pub(super) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
