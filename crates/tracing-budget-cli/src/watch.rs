//! `top`: the live panel on the runs in flight, whichever process they are in.

use std::io::{IsTerminal as _, stdout};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::args::TopArgs;
use super::exit::{End, Misused};
use super::session::Session;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::{Filter, Page, Sort, Sqlite, Store};
use tracing_budget_tui::{CostPanel, CostPanelState};

/// More runs at once than anybody pages through.
const MOST: usize = 50;

const KEYS: &str = " q quit · ← → another run · r reset the session";

/// Draws until somebody has seen enough.
pub(super) fn top(args: &TopArgs, session: &Session) -> anyhow::Result<End> {
    if !stdout().is_terminal() {
        let why =
            "top draws on a terminal, and standard output is none; for a file: runs list --status running";
        return Err(Misused(why.to_owned()).into());
    }
    // Whoever watches may be there before the first run is.
    let store = session.store_or_new()?;
    let mut terminal = ratatui::try_init()?;
    let ended = watch(args, &store, &mut terminal);
    ratatui::restore();
    ended.map(|()| End::Good)
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

/// The key that is pressed before then; Ctrl-C is `q`, as the terminal sends no signal for it here.
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
            // The caller draws anew.
            Event::Resize(..) => return Ok(Some(KeyCode::Null)),
            _ => {}
        }
    }
}

/// The runs that are in flight and heard of, oldest first.
fn in_flight(args: &TopArgs, store: &Sqlite) -> anyhow::Result<Vec<RunSummary>> {
    let mut filter = Filter::new().status(Status::Running);
    filter.scope.project.clone_from(&args.project);
    filter.scope.pipeline.clone_from(&args.pipeline);
    let page = store.list(&filter, Sort::default(), &Page::first(MOST))?;
    let mut runs = Vec::new();
    for row in page.runs.iter().rev().filter(|row| row.is_live()) {
        // It may have ended in between.
        runs.extend(store.get(&row.run_id)?.filter(|run| run.status == Status::Running));
    }
    Ok(runs)
}
