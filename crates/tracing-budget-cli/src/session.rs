//! What every command has at hand: the screen, the format asked for, and the way to the run history.

use std::path::PathBuf;

use anstream::ColorChoice;
use anyhow::Context as _;
use serde::Serialize;

use super::args::{Cli, Color, Format};
use super::page::Page;
use super::screen::Screen;
use tracing_budget_history::{Sqlite, StoreError};

/// What every command has at hand.
pub(super) struct Session {
    pub(super) screen: Screen,
    format: Format,
    db: Option<PathBuf>,
}

impl Session {
    pub(super) fn new(cli: &Cli) -> Self {
        let color = match cli.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { screen: Screen::new(color), format: cli.format, db: cli.db.clone() }
    }

    /// Shows a result in the format asked for. `page` is only made where somebody reads it.
    pub(super) fn show(&self, value: &impl Serialize, page: impl FnOnce() -> Page) -> anyhow::Result<()> {
        match self.format {
            Format::Json => self.screen.json(value)?,
            Format::Csv => self.screen.data(page().csv()?)?,
            Format::Table => self.screen.data(page().written(self.screen.width()))?,
        }
        Ok(())
    }

    /// Says something about a table that is no part of the result.
    pub(super) fn remark(&self, text: impl AsRef<str>) {
        if self.format == Format::Table {
            self.screen.talk(text);
        }
    }

    /// The run history, which must be there.
    pub(super) fn store(&self) -> anyhow::Result<Sqlite> {
        let path = self.path()?;
        match Sqlite::open_existing(&path) {
            Err(missing @ StoreError::Missing { .. }) => Err(missing).context(
                "no run history\n\
                 to make one, store what your runs have left behind: tracing-budget import target/budget\n\
                 or have them stored as they end: the sink `HistorySink` of the feature `history`\n\
                 if it is somewhere else, name the file with --db or TRACING_BUDGET_DB",
            ),
            opened => Ok(opened?),
        }
    }

    /// The run history, if there is one.
    pub(super) fn store_if_any(&self) -> anyhow::Result<Option<Sqlite>> {
        match Sqlite::open_existing(self.path()?) {
            Err(StoreError::Missing { .. }) => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// The run history, begun if it is not there.
    pub(super) fn store_or_new(&self) -> anyhow::Result<Sqlite> {
        Ok(Sqlite::open(self.path()?)?)
    }

    fn path(&self) -> Result<PathBuf, StoreError> {
        self.db.clone().map_or_else(Sqlite::default_path, Ok)
    }
}
