//! `runs health`: the newest runs against those before them.

use crate::args::HealthArgs;
use crate::cell::{Cell, Tone};
use crate::exit::End;
use crate::page::Page;
use crate::session::Session;
use crate::sheet::{Sheet, csv_only, left, right};
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget_history::Store;
use tracing_budget_history::health::{Health, HealthQuery, Severity};

/// Judges each pipeline by its own history.
pub(crate) fn health(args: &HealthArgs, session: &Session) -> anyhow::Result<End> {
    let query = HealthQuery::new(args.scope.scope()).recent(args.recent.into()).history(args.history.into());
    let health = session.store()?.health(&query)?;
    session.show(&health, || page(&health))?;
    if health.pipelines.is_empty() {
        session.remark("no run matches");
    }
    Ok(if args.fail_on.is_reached_by(health.severity) { End::Bad } else { End::Good })
}

fn page(health: &Health) -> Page {
    if health.pipelines.is_empty() {
        return Page::new().for_csv(findings(health));
    }
    let pipelines = counted(health.pipelines.len() as u64, "pipeline");
    let headline = match health.findings.len() {
        0 => format!("✓ ok: {pipelines}, nothing out of the ordinary"),
        found => {
            let cell = severity(health.severity);
            format!("{}: {} in {pipelines}", cell.text(), counted(found as u64, "finding"))
        }
    };
    Page::new().text(headline).sheet(findings(health)).sheet(figures(health))
}

fn findings(health: &Health) -> Sheet {
    let mut sheet = Sheet::new([
        left("SEVERITY", "severity"),
        csv_only("kind"),
        left("PROJECT", "project"),
        left("PIPELINE", "pipeline"),
        csv_only("subject"),
        left("WHAT", "text"),
        csv_only("recent"),
        csv_only("usual"),
    ]);
    for finding in &health.findings {
        let kind = serde_json::to_value(finding.kind).ok();
        sheet.row([
            severity(finding.severity),
            Cell::words_or_empty(kind.as_ref().and_then(|kind| kind.as_str())),
            Cell::words(&finding.project),
            Cell::words(&finding.pipeline),
            Cell::words_or_empty(finding.subject.as_ref()),
            Cell::whole(&finding.text),
            Cell::number(finding.recent),
            Cell::number(finding.usual),
        ]);
    }
    sheet
}

fn severity(severity: Severity) -> Cell {
    let (mark, tone) = match severity {
        Severity::Ok => ('✓', Tone::Good),
        Severity::Notice => ('·', Tone::Plain),
        Severity::Warning => ('!', Tone::Warn),
        Severity::Critical => ('✗', Tone::Bad),
    };
    let word = severity.as_str();
    let word = if severity == Severity::Critical { word.to_uppercase() } else { word.to_owned() };
    Cell::short(format!("{mark} {word}"), severity.as_str()).in_tone(tone)
}

fn figures(health: &Health) -> Sheet {
    let mut sheet = Sheet::new([
        left("PROJECT", "project"),
        left("PIPELINE", "pipeline"),
        right("RUNS", "recent_runs"),
        right("BEFORE", "history_runs"),
        right("FAILED", "failure_rate"),
        right("USUALLY", "usual_failure_rate"),
        right("COST", "cost_usd"),
        right("USUALLY", "usual_cost_usd"),
        right("TIME", "duration_seconds"),
        right("USUALLY", "usual_duration_seconds"),
        right("UNPRICED", "unpriced_share"),
    ]);
    let costs = health.pipelines.iter().flat_map(|pipeline| [pipeline.cost_usd, pipeline.usual_cost_usd]);
    let money = Money::for_amounts(costs.flatten());
    for pipeline in &health.pipelines {
        sheet.row([
            Cell::words(&pipeline.project),
            Cell::words(&pipeline.pipeline),
            Cell::count(pipeline.recent_runs),
            Cell::count(pipeline.history_runs),
            Cell::share(pipeline.failure_rate),
            Cell::share(pipeline.usual_failure_rate),
            Cell::money(money, pipeline.cost_usd, false),
            Cell::money(money, pipeline.usual_cost_usd, false),
            Cell::seconds(pipeline.duration_seconds),
            Cell::seconds(pipeline.usual_duration_seconds),
            Cell::share(pipeline.unpriced_share),
        ]);
    }
    sheet
}
