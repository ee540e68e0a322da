//! The lines around the tables: title, totals, burn rate, limit, session.

use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};

use super::state::CostPanelState;
use tracing_budget::Usd;
use tracing_budget::present::numbers::limit as limit_text;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, duration, share};
use tracing_budget::present::status::{self, Tone};
use tracing_budget::summary::{RunSummary, Status};

/// Returns the style of a status. Its text is always shown too: a colour alone is invisible on some screens.
pub(super) fn style(status: Status) -> Style {
    match status::tone(status) {
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Active => Style::new().fg(Color::Cyan),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Warn => Style::new().fg(Color::Yellow),
        Tone::Faint => Style::new().add_modifier(Modifier::DIM),
    }
}

/// Returns the glyph and the word of a status.
pub(super) fn status_text(status: Status) -> String {
    format!("{} {}", status::glyph(status), status::word(status))
}

pub(super) fn spent(run: &RunSummary, state: &CostPanelState, money: Money) -> Line<'static> {
    let total = &run.budget_summary.total;
    let mut spans = vec![
        Span::from("cost ").dim(),
        Span::from(total.cost_cell(money)).bold(),
        Span::from("   tokens ").dim(),
        Span::from(total.all_tokens_cell()).bold(),
        Span::from("   calls ").dim(),
        Span::from(count(total.llm_calls)),
        Span::from("   burn ").dim(),
        Span::from(burn(run, state)),
    ];
    if total.unpriced_calls > 0 {
        spans.push(Span::from(format!("   {} unpriced", count(total.unpriced_calls))).yellow());
    }
    Line::from(spans)
}

/// Returns the burn rate of the last minute; before there is one, that of the whole run.
fn burn(run: &RunSummary, state: &CostPanelState) -> String {
    let efficiency = &run.efficiency;
    let usd = state.burn.usd_per_minute().or(efficiency.usd_per_minute);
    let tokens = state.burn.tokens_per_minute().or(efficiency.tokens_per_minute);
    let usd = usd.and_then(Usd::from_f64).map(|usd| Money::for_amounts([usd].into_iter()).write(usd));
    // The cast saturates.
    let tokens = tokens.map(|tokens| count(tokens.round() as u64));
    match (usd, tokens) {
        (None, None) => UNKNOWN.to_owned(),
        (usd, tokens) => format!(
            "{}/min, {} tokens/min",
            usd.as_deref().unwrap_or(UNKNOWN),
            tokens.as_deref().unwrap_or(UNKNOWN)
        ),
    }
}

/// Returns the used part of the limit as a bar for a line of this width; `None` without a limit.
pub(super) fn gauge(run: &RunSummary, state: &CostPanelState, width: u16) -> Option<Line<'static>> {
    let budget = &run.budget_summary;
    let limits = &budget.limits;
    let by_usd = limits.usd.map(|limit| {
        let used = budget.total.cost_usd.map(Usd::to_f64);
        (limit_text(limit), part(used, limit.to_f64()), state.burn.until_usd(limit))
    });
    let by_tokens = limits.tokens.map(|limit| {
        let used = budget.total.tokens_used.map(|tokens| tokens as f64);
        (format!("{} tokens", count(limit)), part(used, limit as f64), state.burn.until_tokens(limit))
    });
    // Of two limits, the one that is used up first.
    let of = |gauge: &(String, Option<f64>, _)| gauge.1.unwrap_or(0.0);
    let nearer = by_usd.into_iter().chain(by_tokens).max_by(|one, two| of(one).total_cmp(&of(two)))?;
    let (limit, used, until) = nearer;
    let style = match used {
        Some(used) if used >= 1.0 => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Some(used) if used >= 0.8 => Style::new().fg(Color::Yellow),
        _ => Style::new().fg(Color::Green),
    };
    let cells = usize::from(width.saturating_sub(46)).clamp(4, 40);
    // Clamped: usage above the limit must not widen the bar. The cast saturates.
    let full = (used.unwrap_or(0.0) * cells as f64).floor().clamp(0.0, cells as f64) as usize;
    let end = match (used, until) {
        (Some(used), _) if used >= 1.0 => "   EXHAUSTED".to_owned(),
        (_, Some(until)) => format!("   full in {}", duration(until.as_secs_f64())),
        _ => String::new(),
    };
    Some(Line::from(vec![
        Span::from("limit ").dim(),
        Span::from(limit),
        Span::from(" "),
        Span::styled("█".repeat(full), style),
        Span::from("░".repeat(cells - full)).dim(),
        Span::styled(format!(" {}", used.map_or(UNKNOWN.to_owned(), share)), style),
        Span::styled(end, style),
    ]))
}

/// Returns the used part. A limit of 0 is always fully used: 0 / 0 would be unknown.
fn part(used: Option<f64>, limit: f64) -> Option<f64> {
    used.map(|used| if limit > 0.0 { used / limit } else { 1.0 })
}

pub(super) fn title(run: &RunSummary, at: usize, of: usize) -> Line<'static> {
    let mut spans = vec![
        Span::from(format!(" {} ", run.pipeline)).bold(),
        Span::styled(format!("{} ", status_text(run.status)), style(run.status)),
        Span::from(format!("{} ", duration(run.duration_seconds))),
    ];
    if of > 1 {
        spans.push(Span::from(format!("{} of {of} ", at + 1)).dim());
    }
    Line::from(spans)
}

pub(super) fn foot(state: &CostPanelState) -> Line<'static> {
    let session = state.session();
    let cost = session.cost_usd();
    let at_least = if session.is_in_part() { "≥" } else { "" };
    let money = Money::for_amounts([cost].into_iter());
    let runs = session.runs();
    Line::from(format!(
        " session {at_least}{} · {at_least}{} tokens · {} {} ",
        money.write(cost),
        count(session.tokens_used()),
        count(runs),
        if runs == 1 { "run" } else { "runs" }
    ))
}
