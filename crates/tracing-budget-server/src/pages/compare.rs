//! Two runs side by side: a form to choose them, then the differences by stage, model and gate.

use std::cmp::Ordering;

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::format::{money, named, short};
use super::layout::{self, Page, Tab};
use super::query::Query;
use super::row_page::ROWS;
use super::zone::PageZone;
use super::{badges, link};
use crate::app::App;
use crate::find_run::find_run;
use crate::problem::Problem;
use tracing_budget::present::numbers::{self, Money, UNKNOWN};
use tracing_budget::summary::Status;
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::compare::{Comparison, Delta, FiguresDelta, GateChange, RowDelta, compare};
use tracing_budget_history::{Filter, Page as ListPage, RunRow, Sort, Store};

/// Maximum number of runs in each choice.
const MAX_CHOICES: usize = 100;

/// Data of the page: the comparison if two runs are chosen, and the runs to choose from.
struct CompareData {
    comparison: Option<Comparison>,
    /// The id of the first run, if it is chosen.
    a: Option<String>,
    /// The id of the second run, if it is chosen.
    b: Option<String>,
    choices: Vec<RunRow>,
    project: Option<String>,
}

/// Answers `/compare`.
pub(super) async fn show(
    State(app): State<App>,
    zone: PageZone,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    query.words_among(&["project", "tz"], &["a", "b"])?;
    app.read(move |store| Ok::<_, Problem>(draw(&query, &zone, &load(store, &query)?))).await
}

fn load(store: &dyn Store, query: &Query) -> Result<CompareData, Problem> {
    let run = |name| query.get(name).map(|id| find_run(store, id)).transpose();
    let (a, b) = (run("a")?, run("b")?);
    let one = b.as_ref().or(a.as_ref());
    let project = one.map(|run| run.project.clone()).or_else(|| query.get("project").map(str::to_owned));
    let mut filter = Filter::new();
    filter.scope.project.clone_from(&project);
    // After the first run is chosen, only runs of the same pipeline are useful.
    filter.scope.pipeline = one.map(|run| run.pipeline.clone());
    Ok(CompareData {
        a: a.as_ref().map(|run| run.run_id.clone()),
        b: b.as_ref().map(|run| run.run_id.clone()),
        comparison: a.as_ref().zip(b.as_ref()).map(|(a, b)| compare(a, b).at_most(ROWS)),
        choices: store.list(&filter, Sort::default(), &ListPage::first(MAX_CHOICES))?.runs,
        project,
    })
}

fn draw(query: &Query, zone: &PageZone, data: &CompareData) -> Markup {
    let title = match &data.comparison {
        Some(both) => format!("{} … {}", short(&both.a.run_id), short(&both.b.run_id)),
        None => "Compare".to_owned(),
    };
    Page {
        title: &title,
        tab: Tab::Compare,
        project: data.project.as_deref().filter(|project| !project.is_empty()),
        live: false,
        zone: Some(zone),
        body: html! {
            div.top { h1 { "Compare" } }
            @if data.choices.is_empty() && data.comparison.is_none() {
                (layout::no_runs())
            } @else {
                (choice_form(query, zone, data))
                @if let Some(both) = &data.comparison {
                    (heads(zone, both))
                    (tables(both))
                } @else {
                    p.lead { "Choose two runs to see the differences by stage, model and gate." }
                }
            }
        },
    }
    .render()
}

fn heads(zone: &PageZone, both: &Comparison) -> Markup {
    html! {
        div.versus {
            @for (word, run) in [("Before", &both.a), ("After", &both.b)] {
                section.card aria-label=(word) {
                    div.body.head {
                        p.soft.small { (word) }
                        h2 { a href=(link::run(&run.run_id)) { (named(&run.pipeline)) } " " (badges::status(run.status)) }
                        p.facts { span { code { (run.run_id) } } span { "started " (zone.time(run.started_at)) } }
                        @if let Some(stage) = &run.failed_stage { p { "failed in stage " strong { (stage) } } }
                    }
                }
            }
        }
        @if both.a.pipeline != both.b.pipeline {
            p.lead { "These runs belong to different pipelines, so stages of the same name may differ in purpose." }
        }
        nav.actions aria-label="More about these runs" {
            a href=(link::compare(&both.b.run_id, &both.a.run_id)) { "Swap before and after" }
        }
    }
}

/// The form that chooses two runs.
fn choice_form(query: &Query, zone: &PageZone, data: &CompareData) -> Markup {
    html! {
        form.filters method="get" action="/compare" role="search" aria-label="Choose two runs" {
            div.fields.two {
                (choice(zone, "a", "Before", data.a.as_deref(), &data.choices))
                (choice(zone, "b", "After", data.b.as_deref(), &data.choices))
                div { button type="submit" { "Compare" } }
            }
            @if query.get("project").is_some() { input type="hidden" name="project" value=[query.get("project")]; }
        }
    }
}

fn choice(zone: &PageZone, name: &str, title: &str, chosen: Option<&str>, choices: &[RunRow]) -> Markup {
    // A run from the URL that is older than the listed ones is added, so that the choice shows it.
    let unlisted = chosen.filter(|chosen| !choices.iter().any(|run| run.run_id == *chosen));
    html! {
        div {
            label for=(name) { (title) }
            select id=(name) name=(name) required {
                option value="" { "choose a run" }
                @for run in choices {
                    option value=(run.run_id) selected[chosen == Some(run.run_id.as_str())] {
                        (label(zone, run))
                    }
                }
                @if let Some(run_id) = unlisted { option value=(run_id) selected { (run_id) } }
            }
        }
    }
}

fn label(zone: &PageZone, run: &RunRow) -> String {
    let status = if run.stale { "stale" } else { run.status.as_str() };
    let cost = run.cost_usd.map_or_else(|| UNKNOWN.to_owned(), money);
    let (started, pipeline) = (zone.seconds(run.started_at), named(&run.pipeline));
    format!("{started} · {pipeline} · {status} · {cost} · {}", short(&run.run_id))
}

/// The tables of the differences.
fn tables(both: &Comparison) -> Markup {
    html! {
        (totals(&both.total))
        @if !both.stages.is_empty() { (row_table("stages", "By stage", "Stage", &both.stages, true)) }
        @if !both.models.is_empty() { (row_table("models", "By model", "Model", &both.models, false)) }
        @if !both.gates.is_empty() { (gate_table(&both.gates)) }
        @for (left_out, what) in [(both.stages_left_out, "stage"), (both.models_left_out, "model"), (both.gates_left_out, "gate")] {
            @if left_out > 0 { p.small { (numbers::counted(left_out, what)) " with smaller changes, or none, not in a row of their own." } }
        }
    }
}

fn totals(total: &FiguresDelta) -> Markup {
    let figures = [
        ("Cost", usd_change(&total.cost_usd)),
        ("Duration", seconds_change(&total.duration_seconds)),
        ("Tokens", count_change(&total.tokens_used)),
        ("Input tokens", count_change(&total.input_tokens)),
        ("Output tokens", count_change(&total.output_tokens)),
        ("Model calls", count_change(&total.llm_calls)),
        ("Unpriced calls", count_change(&total.unpriced_calls)),
        ("Calls without usage", count_change(&total.calls_without_usage)),
        ("Calls with a part of the usage", count_change(&total.partial_calls)),
    ];
    section(
        "totals",
        "Totals",
        html! {
            thead {
                tr {
                    th scope="col" { "Figure" }
                    th.n scope="col" { "Before" }
                    th.n scope="col" { "After" }
                    th.n scope="col" { "Change" }
                }
            }
            tbody {
                @for (name, change) in &figures {
                    tr { th scope="row" { (name) } td.n { (change.before) } td.n { (change.after) } td.n { (change.render()) } }
                }
            }
        },
    )
}

fn row_table(id: &str, title: &str, first: &str, rows: &[RowDelta], stages: bool) -> Markup {
    section(
        id,
        title,
        html! {
            thead {
                tr {
                    th scope="col" { (first) }
                    @if stages { th scope="col" { "Before" } th scope="col" { "After" } }
                    th.n scope="col" { "Cost" }
                    th.n scope="col" { "Change of cost" }
                    th.n scope="col" { "Tokens" }
                    th.n scope="col" { "Change of tokens" }
                    th.n scope="col" { "Time" }
                    th.n scope="col" { "Change of time" }
                }
            }
            tbody {
                @for row in rows {
                    tr class=[(row.status_b == Some(Status::Failed)).then_some("failed")] {
                        th scope="row" { (row.name) (presence(row)) }
                        @if stages { td { (status_cell(row.status_a)) } td { (status_cell(row.status_b)) } }
                        (value_and_change(&usd_change(&row.figures.cost_usd)))
                        (value_and_change(&count_change(&row.figures.tokens_used)))
                        (value_and_change(&seconds_change(&row.figures.duration_seconds)))
                    }
                }
            }
        },
    )
}

fn presence(row: &RowDelta) -> Markup {
    html! {
        @match (row.in_a, row.in_b) {
            (false, true) => { " " span.tag.soft { "new" } }
            (true, false) => { " " span.tag.soft { "gone" } }
            _ => {}
        }
    }
}

fn status_cell(status: Option<Status>) -> Markup {
    html! { @if let Some(status) = status { (badges::status(status)) } @else { (UNKNOWN) } }
}

fn value_and_change(change: &Change) -> Markup {
    html! { td.n { (change.after) } td.n { (change.render()) } }
}

fn gate_table(gates: &[GateChange]) -> Markup {
    section(
        "gates",
        "Gates",
        html! {
            thead {
                tr {
                    th scope="col" { "Gate" }
                    th scope="col" { "Before" }
                    th scope="col" { "After" }
                    th scope="col" { "Changed" }
                    th scope="col" { "Reason" }
                }
            }
            tbody {
                @for gate in gates {
                    tr class=[broke(gate).then_some("failed")] {
                        th scope="row" { (gate.gate) }
                        td { (verdict_cell(gate.a.as_ref())) }
                        td { (verdict_cell(gate.b.as_ref())) }
                        td { @if gate.changed { strong { "changed" } } @else { "unchanged" } }
                        td { @if let Some(reason) = &gate.reason { (reason) } }
                    }
                }
            }
        },
    )
}

fn broke(gate: &GateChange) -> bool {
    gate.changed && matches!(gate.b, Some(Verdict::Fail | Verdict::Error))
}

fn verdict_cell(verdict: Option<&Verdict>) -> Markup {
    html! { @if let Some(verdict) = verdict { (badges::verdict(verdict)) } @else { span.soft { "missing" } } }
}

fn section(id: &str, title: &str, table: Markup) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            header { h2 id=(id) { (title) } }
            div.body {
                div.scroll role="region" aria-labelledby=(id) tabindex="0" {
                    table { caption.hush { (title) ": the second run against the first" } (table) }
                }
            }
        }
    }
}

/// A figure of two runs as text. For all of them (cost, tokens, time, calls), more is worse.
struct Change {
    before: String,
    after: String,
    /// Direction and size of the change; `None` if one side is unknown.
    change: Option<(Ordering, String)>,
    ratio: Option<f64>,
}

impl Change {
    fn render(&self) -> Markup {
        html! {
            @match &self.change {
                None => (UNKNOWN),
                Some((Ordering::Equal, _)) => span.soft { "none" },
                Some((Ordering::Greater, size)) => span.worse { "+" (size) (self.percent()) },
                Some((Ordering::Less, size)) => span.better { "−" (size) (self.percent()) },
            }
        }
    }

    fn percent(&self) -> String {
        match self.ratio {
            Some(ratio) if ratio.abs() < 0.005 => " (<1%)".to_owned(),
            Some(ratio) if ratio >= 9.0 => format!(" ({:.0}×)", ratio + 1.0),
            Some(ratio) => format!(" ({}{:.0}%)", if ratio < 0.0 { "−" } else { "+" }, ratio.abs() * 100.0),
            None => String::new(),
        }
    }
}

fn usd_change(delta: &Delta<Usd>) -> Change {
    let digits = Money::for_amounts([delta.a, delta.b].into_iter().flatten());
    let write =
        |amount: Option<Usd>| amount.map_or_else(|| UNKNOWN.to_owned(), |amount| digits.write(amount));
    let size = |change: Usd| digits.write(if change < Usd::ZERO { -change } else { change });
    Change {
        before: write(delta.a),
        after: write(delta.b),
        change: delta.change.map(|change| (change.cmp(&Usd::ZERO), size(change))),
        ratio: delta.ratio,
    }
}

fn count_change(delta: &Delta<u64, i64>) -> Change {
    let write = |count: Option<u64>| count.map_or_else(|| UNKNOWN.to_owned(), numbers::count);
    Change {
        before: write(delta.a),
        after: write(delta.b),
        change: delta.change.map(|change| (change.cmp(&0), numbers::count(change.unsigned_abs()))),
        ratio: delta.ratio,
    }
}

fn seconds_change(delta: &Delta<f64>) -> Change {
    let write = |seconds: Option<f64>| seconds.map_or_else(|| UNKNOWN.to_owned(), numbers::duration);
    Change {
        before: write(delta.a),
        after: write(delta.b),
        change: delta.change.map(|change| (change.total_cmp(&0.0), numbers::duration(change.abs()))),
        ratio: delta.ratio,
    }
}
