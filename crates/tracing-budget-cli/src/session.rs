//! What every command uses: the screen, the output format, the time zone, and the run history.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::SystemTime;

use anstream::ColorChoice;
use anyhow::Context as _;
use clap::{Args, ValueEnum, ValueHint};
use serde::Serialize;

use crate::exit::UsageError;
use crate::output::{Output, Screen};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::grammar::{When, Zone};
use tracing_budget_history::{Sqlite, StoreError};

/// Arguments of every command.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// File of the run history; default: a file in the platform's data directory.
    #[arg(long, global = true, value_name = "FILE", env = "TRACING_BUDGET_DB", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) db: Option<PathBuf>,

    /// Output format; tables are for people, and their shape may change.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Colours in tables; `auto` follows the terminal, NO_COLOR and CLICOLOR_FORCE.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,

    /// Time zone of days and of the times in tables: UTC, local, or an IANA name.
    #[arg(long, global = true, value_name = "ZONE", default_value = "local")]
    pub(crate) tz: Zone,
}

/// Output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: the whole result; unknown values are null.
    Json,
    /// For spreadsheets: the main rows; unknown values are empty.
    Csv,
}

/// Colours in tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Also in a pipe.
    Always,
    /// No colours.
    Never,
}

/// What every command uses.
pub(crate) struct Session {
    pub(crate) screen: Screen,
    format: Format,
    db: Option<PathBuf>,
    zone: Zone,
    now: Timestamp,
    has_warned: Cell<bool>,
}

impl Session {
    pub(crate) fn new(args: &GlobalArgs) -> Self {
        let color = match args.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self {
            screen: Screen::new(color),
            format: args.format,
            db: args.db.clone(),
            zone: args.tz.clone(),
            now: SystemTime::now().into(),
            has_warned: Cell::new(false),
        }
    }

    /// Writes a result in the chosen format. `output` is called only for tables and CSV.
    pub(crate) fn show(&self, value: &impl Serialize, output: impl FnOnce() -> Output) -> anyhow::Result<()> {
        match self.format {
            Format::Json => self.screen.json(value)?,
            Format::Csv => self.screen.csv(&output().to_csv()?)?,
            Format::Table => self.screen.data(output().to_text(self.screen.width()))?,
        }
        Ok(())
    }

    /// Writes a note beside a table. JSON and CSV have none: their readers are programs.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if self.format == Format::Table {
            self.screen.message(text);
        }
    }

    /// Opens the run history, which must exist.
    pub(crate) fn store(&self) -> anyhow::Result<Sqlite> {
        let path = self.path()?;
        match Sqlite::open_existing(&path) {
            Err(missing @ StoreError::Missing { .. }) => Err(missing).context(
                "cannot read the run history\n\
                 to create one from the summary files of your runs: tracing-budget import target/budget\n\
                 to store runs as they end: `.history(path)` on the layer's builder (crate tracing-budget-history)\n\
                 to use another file: --db FILE, or the variable TRACING_BUDGET_DB",
            ),
            opened => Ok(self.warned_of(opened?)),
        }
    }

    /// Opens the run history; `None` if there is no file.
    pub(crate) fn store_if_any(&self) -> anyhow::Result<Option<Sqlite>> {
        match Sqlite::open_existing(self.path()?) {
            Err(StoreError::Missing { .. }) => Ok(None),
            opened => Ok(Some(self.warned_of(opened?))),
        }
    }

    /// Opens the run history; creates a missing file.
    pub(crate) fn store_or_new(&self) -> anyhow::Result<Sqlite> {
        Ok(self.warned_of(Sqlite::open(self.path()?)?))
    }

    /// Warns once if every user of the machine can read the history.
    fn warned_of(&self, store: Sqlite) -> Sqlite {
        if store.is_readable_by_others() && !self.has_warned.replace(true) {
            let path = store.path();
            self.screen.message(format!(
                "warning: other users can read {path:?}; to keep it private: chmod 600 {path:?}"
            ));
        }
        store
    }

    /// The time at which the command started: every `7d` of one command counts from the same instant.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The time zone of days, and of the times in tables.
    pub(crate) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Resolves the time of an argument; a day is its beginning. `ever` is an error: it is a bound of a period, and
    /// `runs prune --older-than ever` must not delete every run.
    pub(crate) fn instant(&self, argument: &str, when: When) -> anyhow::Result<Timestamp> {
        let error = || UsageError(format!("{argument}: expected a day, a time or an age, got \"ever\""));
        Ok(when.since(self.now, &self.zone).ok_or_else(error)?)
    }

    fn path(&self) -> Result<PathBuf, StoreError> {
        self.db.clone().map_or_else(Sqlite::default_path, Ok)
    }
}
