//! What a frame of the panel takes: six stages, three models, 100 by 30 cells.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tracing_budget::{
    RunSummary,
    summary::{ModelRow, StageRow},
};
use tracing_budget_tui::{CostPanel, CostPanelState};

const FRAMES: usize = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    for stage in ["discovery", "implementation", "assessment", "review", "fix", "report"] {
        run.budget_summary.per_agent.insert(stage, StageRow::default());
    }
    for model in ["anthropic/claude-sonnet-4-5", "openai/gpt-5", "google/gemini-2.5-pro"] {
        run.budget_summary.per_model.insert(model, ModelRow::default());
    }
    let runs = [run];
    let mut state = CostPanelState::new();
    let mut terminal = Terminal::new(TestBackend::new(100, 30))?;
    let mut taken: Vec<Duration> = Vec::with_capacity(FRAMES);
    for _ in 0..FRAMES {
        let start = Instant::now();
        state.observe(&runs);
        terminal.draw(|frame| {
            frame.render_stateful_widget(CostPanel::new(&runs), frame.area(), &mut state);
        })?;
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    println!("a frame: median {:?}, 99 of 100 below {:?}", taken[FRAMES / 2], taken[FRAMES * 99 / 100]);
    Ok(())
}
