//! The widget: its border, and the layout inside.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, StatefulWidget, Widget};

use super::state::CostPanelState;
use super::{head, rows};
use tracing_budget::present::numbers::Money;
use tracing_budget::summary::RunSummary;

/// Totals, limit, burn rate, stages and models of a run in flight.
///
/// ```
/// use ratatui::{Terminal, backend::TestBackend};
/// use tracing_budget_tui::{CostPanel, CostPanelState};
///
/// let (budget, guard) = tracing_budget::layer().build::<tracing_subscriber::Registry>()?;
/// let handle = guard.handle();
/// let mut state = CostPanelState::new();
/// let mut terminal = Terminal::new(TestBackend::new(80, 24))?; // or `ratatui::init()`
///
/// // Every frame, or once a second:
/// let runs = handle.snapshot();
/// state.observe(&runs);
/// terminal.draw(|frame| frame.render_stateful_widget(CostPanel::new(&runs), frame.area(), &mut state))?;
/// # drop(budget);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CostPanel<'a> {
    runs: &'a [RunSummary],
}

impl<'a> CostPanel<'a> {
    /// Creates a panel over these runs; the state selects the run that it shows.
    #[must_use]
    pub const fn new(runs: &'a [RunSummary]) -> Self {
        Self { runs }
    }
}

impl StatefulWidget for CostPanel<'_> {
    type State = CostPanelState;

    fn render(self, area: Rect, buffer: &mut Buffer, state: &mut Self::State) {
        let block = Block::bordered().title_bottom(head::foot(state));
        let Some(at) = state.index(self.runs) else {
            let waiting = Line::from("no run in flight").dim().centered();
            let block = block.title(" tracing-budget ");
            Paragraph::new(waiting).block(block).render(area, buffer);
            return;
        };
        let run = &self.runs[at];
        let block = block.title(head::title(run, at, self.runs.len()));
        let inside = block.inner(area);
        block.render(area, buffer);
        run_inside(run, state, inside, buffer);
    }
}

fn run_inside(run: &RunSummary, state: &CostPanelState, area: Rect, buffer: &mut Buffer) {
    let budget = &run.budget_summary;
    let money = Money::for_amounts(budget.total.cost_usd.into_iter());
    let gauge = head::gauge(run, state, area.width);
    let models = u16::try_from(budget.per_model.len() + 1).unwrap_or(u16::MAX);
    // Models take at most a third of the height: many models must not hide the stages.
    let models = models.min(area.height / 3);
    let [spent, limit, _, stages, _, by_model] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(gauge.is_some())),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(models),
    ])
    .areas(area);
    head::spent(run, state, money).render(spent, buffer);
    if let Some(gauge) = gauge {
        gauge.render(limit, buffer);
    }
    Widget::render(rows::stage_table(run, money), stages, buffer);
    Widget::render(rows::model_table(run, money), by_model, buffer);
}
