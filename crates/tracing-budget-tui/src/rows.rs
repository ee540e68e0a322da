//! The tables: figures by stage and by model.

use ratatui::layout::Constraint;
use ratatui::style::Style;
use ratatui::text::Text;
use ratatui::widgets::{Cell, Row, Table};

use super::head::{status_text, style};
use tracing_budget::present::columns::one_line;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, measured, share};
use tracing_budget::present::stages::{self, StageNode};
use tracing_budget::summary::{Figures, RunSummary};

/// Column widths, for amounts below 10,000 USD, counts below 10^9 and durations below 100 hours.
const WIDTHS: [Constraint; 7] = [
    Constraint::Fill(1),
    Constraint::Length(13),
    Constraint::Length(12),
    Constraint::Length(6),
    Constraint::Length(12),
    Constraint::Length(6),
    Constraint::Length(9),
];

pub(super) fn stage_table(run: &RunSummary, money: Money) -> Table<'_> {
    let nodes = stages::tree(&run.budget_summary.per_agent).into_iter();
    let rows = nodes.map(|StageNode { name, depth, row }| {
        let cells = [
            Cell::from(format!("{:indent$}{}", "", one_line(name), indent = depth * 2)),
            Cell::from(status_text(row.status)).style(style(row.status)),
            right(row.figures.cost_cell(money)),
            right(row.share_of_cost.map_or(UNKNOWN.to_owned(), share)),
        ];
        Row::new(cells.into_iter().chain(usage_cells(&row.figures, row.measured_seconds())))
    });
    table(rows, ["stage", "status", "cost", "share", "tokens", "calls", "time"])
}

pub(super) fn model_table(run: &RunSummary, money: Money) -> Table<'_> {
    let rows = run.budget_summary.per_model.iter().map(|(name, row)| {
        let cells = [
            Cell::from(name),
            Cell::from(""),
            right(row.figures.cost_cell(money)),
            right(share_of_cost(run, &row.figures)),
        ];
        Row::new(cells.into_iter().chain(usage_cells(&row.figures, row.duration_seconds)))
    });
    table(rows, ["model", "", "cost", "share", "tokens", "calls", "time"])
}

fn share_of_cost(run: &RunSummary, figures: &Figures) -> String {
    let total =
        run.budget_summary.total.cost_usd.map(tracing_budget::Usd::to_f64).filter(|total| *total > 0.0);
    let part = figures.cost_usd.zip(total).map(|(cost, total)| share(cost.to_f64() / total));
    part.unwrap_or_else(|| UNKNOWN.to_owned())
}

fn usage_cells(figures: &Figures, seconds: Option<f64>) -> [Cell<'static>; 3] {
    [right(figures.all_tokens_cell()), right(count(figures.llm_calls)), right(measured(seconds))]
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Text::from(text).right_aligned())
}

fn table<'a>(rows: impl Iterator<Item = Row<'a>>, head: [&'static str; 7]) -> Table<'a> {
    let titles = head.into_iter().enumerate().map(|(at, title)| {
        let text = Text::from(title);
        Cell::from(if at < 2 { text } else { text.right_aligned() })
    });
    Table::new(rows, WIDTHS).header(Row::new(titles).style(Style::new().dim())).column_spacing(1)
}
