//! `top`: the live panel of the running runs, of all processes.

use std::io::{IsTerminal as _, stdout};
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::Stylize;
use ratatui::text::Line;

use crate::exit::{Exit, UsageError};
use crate::session::Session;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::{Filter, Page, Sort, Sqlite, Store};
use tracing_budget_tui::{CostPanel, CostPanelState};

/// Arguments of `top`.
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Project name.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Pipeline name (the root span).
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,

    /// Seconds between two reads of the run history.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) interval: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected seconds from 0.1 to 3600, got {text:?}");
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    (0.1..=3_600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds)).ok_or_else(expected)
}

/// Maximum number of runs to page through: each is read whole, once per interval.
const MAX_RUNS: usize = 50;

const KEYS: &str = " q quit · ← → another run · r reset the session";

/// Draws until a key ends it.
pub(crate) fn run(args: &TopArgs, session: &Session) -> anyhow::Result<Exit> {
    if !stdout().is_terminal() {
        let why =
            "top requires a terminal, and standard output is not one; for a file: runs list --status running";
        return Err(UsageError(why.to_owned()).into());
    }
    // Create a missing history: the panel may start before the first run.
    let store = session.store_or_new()?;
    let mut terminal = ratatui::try_init()?;
    let ended = watch(args, &store, &mut terminal);
    ratatui::restore();
    ended.map(|()| Exit::Success)
}

fn watch(args: &TopArgs, store: &Sqlite, terminal: &mut DefaultTerminal) -> anyhow::Result<()> {
    let mut state = CostPanelState::new();
    loop {
        let runs = in_flight(args, store)?;
        state.observe(&runs);
        let until = Instant::now() + args.interval;
        loop {
            draw(terminal, &runs, &mut state)?;
            match next_key(until)? {
                None => break,
                Some(KeyCode::Char('q') | KeyCode::Esc) => return Ok(()),
                Some(KeyCode::Right | KeyCode::Tab) => state.show_next(&runs),
                Some(KeyCode::Left) => state.show_previous(&runs),
                Some(KeyCode::Char('r')) => state.reset(),
                Some(_) => {}
            }
        }
    }
}

fn draw(
    terminal: &mut DefaultTerminal,
    runs: &[RunSummary],
    state: &mut CostPanelState,
) -> anyhow::Result<()> {
    terminal.draw(|frame| {
        let [panel, keys] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
        frame.render_stateful_widget(CostPanel::new(runs), panel, state);
        frame.render_widget(Line::from(KEYS).dim(), keys);
    })?;
    Ok(())
}

/// Returns the next key before `until`. Ctrl-C becomes `q`: in raw mode the terminal sends no signal for it.
fn next_key(until: Instant) -> anyhow::Result<Option<KeyCode>> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left == Duration::ZERO || !event::poll(left)? {
            return Ok(None);
        }
        match event::read()? {
            Event::Key(KeyEvent { code: KeyCode::Char('c'), modifiers, .. })
                if modifiers.contains(KeyModifiers::CONTROL) =>
            {
                return Ok(Some(KeyCode::Char('q')));
            }
            Event::Key(KeyEvent { code, kind: KeyEventKind::Press, .. }) => return Ok(Some(code)),
            // Any key makes the caller draw again, at the new size.
            Event::Resize(..) => return Ok(Some(KeyCode::Null)),
            _ => {}
        }
    }
}

/// Returns the running runs with a recent heartbeat, oldest first.
fn in_flight(args: &TopArgs, store: &Sqlite) -> anyhow::Result<Vec<RunSummary>> {
    let mut filter = Filter::new().status(Status::Running);
    filter.scope.project.clone_from(&args.project);
    filter.scope.pipeline.clone_from(&args.pipeline);
    let page = store.list(&filter, Sort::default(), &Page::first(MAX_RUNS))?;
    let mut runs = Vec::new();
    for row in page.runs.iter().rev().filter(|row| row.is_live()) {
        // The run may have ended since the list was read.
        runs.extend(store.get(&row.run_id)?.filter(|run| run.status == Status::Running));
    }
    Ok(runs)
}
