//! Cost, success, duration, gates and unpriced calls, day by day. Each chart has its figures in a table below it.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::form;
use super::format;
use super::layout::{self, Page, Tab};
use super::query::Query;
use super::zone::PageZone;
use crate::app::App;
use crate::charts::plot::{Plot, SHADES, sample};
use crate::problem::{Problem, ProblemKind};
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, duration, share};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::grammar::RunQuery;
use tracing_budget_history::series::{Amount, By, Line, Measure, Series, SeriesQuery};
use tracing_budget_history::stats::ProjectRow;
use tracing_budget_history::{Scope, Store, StoreError};

/// Answers `/trends`.
pub(super) async fn show(
    State(app): State<App>,
    zone: PageZone,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let trends = TrendsQuery::read(&query, &zone, app.now())?;
    app.read(move |store| Ok::<_, Problem>(draw(&query, &zone, &trends, &TrendsData::load(store, &trends)?)))
        .await
}

fn draw(query: &Query, zone: &PageZone, trends: &TrendsQuery, data: &TrendsData) -> Markup {
    Page {
        title: "Trends",
        tab: Tab::Trends,
        project: query.get("project"),
        live: false,
        zone: Some(zone),
        body: html! {
            div.top { h1 { "Trends" } }
            @if data.projects.is_empty() {
                (layout::no_runs())
            } @else {
                (choice_form(query, trends, data))
                @if no_runs_in(&data.runs) {
                    (layout::no_match("/trends"))
                } @else {
                    p.soft.small.lead { "Runs that have ended, on the day (UTC) on which they started." }
                    (tiles(data))
                    (cost_chart(&data.cost))
                    div.pair {
                        (success(data))
                        (durations(data))
                        (gates(data))
                        (unpriced(data))
                    }
                }
            }
        },
    }
    .render()
}

fn no_runs_in(runs: &Series) -> bool {
    runs.lines.iter().flat_map(|line| &line.values).flatten().all(|runs| runs.to_f64() == 0.0)
}

fn choice_form(query: &Query, trends: &TrendsQuery, data: &TrendsData) -> Markup {
    html! {
        form.filters method="get" action="/trends" role="search" aria-label="Choose project, time and breakdown" {
            div.fields {
                (form::project(query, &data.projects))
                (form::pipeline(query, &data.projects))
                div {
                    label for="days" { "Time" }
                    select #days name="days" {
                        @for (days, _) in DAYS { option value=(days) selected[days == trends.days] { "last " (days) " days" } }
                    }
                }
                div {
                    label for="by" { "Cost by" }
                    select #by name="by" {
                        @for (by, word) in [(By::Stage, "stage"), (By::Model, "model")] {
                            option value=(word) selected[by == trends.by] { (word) }
                        }
                    }
                }
                div { button type="submit" { "Show" } }
            }
        }
    }
}

/// The periods to choose from, in days.
const DAYS: [(&str, i64); 4] = [("7", 7), ("30", 30), ("90", 90), ("365", 365)];

const DAY_MS: i64 = 86_400_000;

/// The parameters of the page.
#[derive(Clone)]
struct TrendsQuery {
    scope: Scope,
    by: By,
    days: &'static str,
}

impl TrendsQuery {
    /// # Errors
    ///
    /// If a parameter is malformed.
    fn read(query: &Query, zone: &PageZone, now: Timestamp) -> Result<Self, Problem> {
        let by = match query.get("by") {
            None | Some("stage") => By::Stage,
            Some("model") => By::Model,
            Some(other) => return Err(bad_request(format!("by is {other:?}, expected stage or model"))),
        };
        let wanted = query.get("days").unwrap_or("30");
        let (days, length) = DAYS
            .into_iter()
            .find(|(word, _)| *word == wanted)
            .ok_or_else(|| bad_request(format!("days is {wanted:?}, expected 7, 30, 90 or 365")))?;
        let mut scope = query.words_among(RunQuery::SCOPE, &["by", "days"])?.scope(now, zone.zone());
        let tomorrow = (now.unix_ms().div_euclid(DAY_MS) + 1) * DAY_MS;
        scope.until = scope.until.or(Timestamp::from_unix_ms(tomorrow));
        let end = scope.until.map_or(tomorrow, Timestamp::unix_ms);
        scope.since = scope.since.or(Timestamp::from_unix_ms(end - length * DAY_MS));
        Ok(Self { scope, by, days })
    }
}

fn bad_request(detail: String) -> Problem {
    Problem::new(ProblemKind::BadRequest, detail)
}

/// The data of the page.
struct TrendsData {
    projects: Vec<ProjectRow>,
    cost: Series,
    runs: Series,
    success: Series,
    p50: Series,
    p95: Series,
    gates: Series,
    unpriced: Series,
}

impl TrendsData {
    fn load(store: &dyn Store, trends: &TrendsQuery) -> Result<Self, StoreError> {
        let series = |measure| store.series(&SeriesQuery::new(trends.scope.clone(), measure));
        Ok(Self {
            projects: store.projects()?,
            cost: store.series(&SeriesQuery::new(trends.scope.clone(), Measure::Cost).by(trends.by))?,
            runs: series(Measure::Runs)?,
            success: series(Measure::SuccessRate)?,
            p50: series(Measure::P50Duration)?,
            p95: series(Measure::P95Duration)?,
            gates: series(Measure::GatePassRate)?,
            unpriced: series(Measure::UnpricedShare)?,
        })
    }
}

fn tiles(data: &TrendsData) -> Markup {
    let of = |series: &Series| text(Row::whole(series, "", 0).total, None);
    let cost = sum(data.cost.lines.iter().map(|line| line.total));
    html! {
        dl.tiles {
            div { dt { "Known cost" } dd.big { (text(cost, None)) } }
            div { dt { "Runs" } dd.big { (of(&data.runs)) } }
            div { dt { "Completed" } dd.big { (of(&data.success)) } }
            div { dt { "Median duration" } dd.big { (of(&data.p50)) } dd { "95% took less than " (of(&data.p95)) } }
            div { dt { "Gates passed" } dd.big { (of(&data.gates)) } }
            div { dt { "Unpriced calls" } dd.big { (of(&data.unpriced)) } }
        }
    }
}

fn cost_chart(series: &Series) -> Markup {
    let by = if series.by == By::Model { "model" } else { "stage" };
    let rows = largest(series);
    let digits = digits(&rows);
    let lines: Vec<_> = rows.iter().map(Row::numbers).collect();
    let steps = days(series);
    let title = format!("Cost per day by {by}");
    let description = match rows.first() {
        Some(row) => {
            format!("{} cost most: {} in the whole period.", row.name, text(row.total, Some(digits)))
        }
        None => "No cost is known.".to_owned(),
    };
    let plot = Plot {
        id: "cost",
        title: &title,
        description: &description,
        steps: &steps,
        tooltips: &tooltips(&steps, &rows, Some(digits)),
        format: &axis_money,
        top: None,
    };
    html! {
        section.card aria-labelledby="cost-heading" {
            header { h2 #cost-heading { (title) } p { "Calls without a price are not included." } }
            div.body {
                div.beside {
                    (plot.columns(&lines))
                    (totals(by, &rows, digits))
                }
                (days_table("cost-days", &title, &steps, &rows, Some(digits)))
            }
        }
    }
}

/// The legend with the totals.
fn totals(by: &str, rows: &[Row], digits: Money) -> Markup {
    let all = sum(rows.iter().map(|row| row.total)).map_or(0.0, Amount::to_f64);
    html! {
        table {
            caption.hush { "Cost by " (by) " in the whole period" }
            thead {
                tr {
                    th scope="col" { @if by == "model" { "Model" } @else { "Stage" } }
                    th.n scope="col" { "Cost" }
                    th.n scope="col" { "Share" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { span.key { (sample(row.shade, false)) (row.name) } }
                        td.n { (text(row.total, Some(digits))) }
                        td.n { (part_of(all, row.total)) }
                    }
                }
            }
        }
    }
}

fn success(data: &TrendsData) -> Markup {
    rate(
        "success",
        "Success rate",
        "Completed runs as a share of all runs that were not cancelled.",
        &data.success,
        data,
    )
}

fn gates(data: &TrendsData) -> Markup {
    rate("gate-rate", "Gate pass rate", "Passed checks as a share of all checks made.", &data.gates, data)
}

fn unpriced(data: &TrendsData) -> Markup {
    rate(
        "unpriced",
        "Unpriced share",
        "Model calls of unknown cost as a share of all model calls.",
        &data.unpriced,
        data,
    )
}

/// A chart of a share. The table also has the number of runs.
fn rate(id: &str, title: &str, note: &str, series: &Series, data: &TrendsData) -> Markup {
    let row = Row::whole(series, title, 0);
    let description = format!("{} in the whole period.", text(row.total, None));
    let table = [row.clone(), Row::whole(&data.runs, "Runs", 0)];
    chart(&Section {
        id,
        title,
        note,
        description: &description,
        series,
        lines: &[row],
        table: &table,
        top: Some(1.0),
        format: &share,
    })
}

fn durations(data: &TrendsData) -> Markup {
    let rows = [Row::whole(&data.p50, "median", 0), Row::whole(&data.p95, "95th percentile", 1)];
    let [median, high] = [&rows[0], &rows[1]].map(|row| text(row.total, None));
    let description = format!("Half of the runs took less than {median}, 95% less than {high}.");
    let table = [rows[0].clone(), rows[1].clone(), Row::whole(&data.runs, "Runs", 0)];
    chart(&Section {
        id: "durations",
        title: "Duration",
        note: "Maximum duration of half of the runs, and of 95% of them.",
        description: &description,
        series: &data.p50,
        lines: &rows,
        table: &table,
        top: None,
        format: &duration,
    })
}

/// A chart of lines with its heading and tables.
struct Section<'a> {
    id: &'a str,
    title: &'a str,
    note: &'a str,
    description: &'a str,
    series: &'a Series,
    lines: &'a [Row],
    table: &'a [Row],
    top: Option<f64>,
    format: &'a dyn Fn(f64) -> String,
}

fn chart(section: &Section<'_>) -> Markup {
    let steps = days(section.series);
    let lines: Vec<_> = section.lines.iter().map(Row::numbers).collect();
    let plot = Plot {
        id: section.id,
        title: section.title,
        description: section.description,
        steps: &steps,
        tooltips: &tooltips(&steps, section.table, None),
        format: section.format,
        top: section.top,
    };
    let heading = format!("{}-heading", section.id);
    html! {
        section.card aria-labelledby=(heading) {
            header { h2 id=(heading) { (section.title) } p { (section.note) } }
            div.body {
                (plot.lines(&lines))
                @if section.lines.len() > 1 {
                    ul.legend {
                        @for (n, row) in section.lines.iter().enumerate() {
                            li { (sample(row.shade, n % 2 == 1)) (row.name) }
                        }
                    }
                }
                (days_table(&format!("{}-days", section.id), section.title, &steps, section.table, None))
            }
        }
    }
}

/// The figures of a chart as a table, for screen readers and for exact values.
fn days_table(id: &str, title: &str, steps: &[String], rows: &[Row], digits: Option<Money>) -> Markup {
    html! {
        details.data id=(id) {
            summary { "Figures by day" span.hush { ": " (title) } }
            div.scroll.tall role="region" aria-label={ "Figures by day: " (title) } tabindex="0" {
                table {
                    caption.hush { (title) " by day" }
                    thead { tr { th scope="col" { "Day" } @for row in rows { th.n scope="col" { (row.name) } } } }
                    tbody {
                        @for (step, day) in steps.iter().enumerate().rev() {
                            tr { th.nowrap scope="row" { (day) } @for row in rows { td.n { (text(row.at(step), digits)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn days(series: &Series) -> Vec<String> {
    // The steps of a series are days of UTC.
    let utc = PageZone::utc();
    series.at.iter().map(|at| utc.day(*at)).collect()
}

/// The tooltip of each day: its known figures.
fn tooltips(steps: &[String], rows: &[Row], digits: Option<Money>) -> Vec<String> {
    let of = |(step, day): (usize, &String)| {
        let known = rows
            .iter()
            .filter_map(|row| Some(format!("{}: {}", row.name, text(Some(row.at(step)?), digits))));
        std::iter::once(day.clone()).chain(known).collect::<Vec<_>>().join("\n")
    };
    steps.iter().enumerate().map(of).collect()
}

/// Amounts of an axis without trailing zeros: `$0`, `$0.5`, `$20`.
fn axis_money(usd: f64) -> String {
    let text = format!("{usd:.6}");
    format!("${}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A line of a series with a name to display.
#[derive(Clone)]
struct Row {
    name: String,
    values: Vec<Option<Amount>>,
    total: Option<Amount>,
    /// Index of the colour.
    shade: usize,
}

impl Row {
    /// The one line of a series of whole runs.
    fn whole(series: &Series, name: &str, shade: usize) -> Self {
        let line = series.lines.first();
        Self {
            name: name.to_owned(),
            values: line.map(|line| line.values.clone()).unwrap_or_default(),
            total: line.and_then(|line| line.total),
            shade,
        }
    }

    fn numbers(&self) -> Vec<Option<f64>> {
        self.values.iter().map(|value| value.map(Amount::to_f64)).collect()
    }

    fn at(&self, step: usize) -> Option<Amount> {
        self.values.get(step).copied().flatten()
    }
}

/// The most expensive lines, and all others as one.
fn largest(series: &Series) -> Vec<Row> {
    let row = |(shade, line): (usize, &Line)| Row {
        name: if line.name.is_empty() { "(unnamed)".to_owned() } else { line.name.clone() },
        values: line.values.clone(),
        total: line.total,
        shade,
    };
    let mut rows: Vec<Row> = series.lines.iter().enumerate().map(row).collect();
    if rows.len() > SHADES {
        let others = rows.split_off(SHADES - 1);
        let values = (0..series.at.len()).map(|step| sum(others.iter().map(|row| row.at(step)))).collect();
        // The last line of a large series is many stages or models already.
        let number = others.len() as u64 + series.lines_left_out.saturating_sub(1);
        let name = format!("{} others", count(number));
        rows.push(Row { name, values, total: sum(others.iter().map(|row| row.total)), shade: SHADES - 1 });
    }
    rows
}

/// The sum of the known amounts of money; `None` if none is known.
fn sum(amounts: impl Iterator<Item = Option<Amount>>) -> Option<Amount> {
    let known = amounts.filter_map(|amount| match amount {
        Some(Amount::Usd(usd)) => Some(usd),
        _ => None,
    });
    known.reduce(|sum: Usd, usd| sum + usd).map(Amount::Usd)
}

/// The number of digits for the column of totals.
fn digits(rows: &[Row]) -> Money {
    Money::for_amounts(rows.iter().filter_map(|row| match row.total {
        Some(Amount::Usd(usd)) => Some(usd),
        _ => None,
    }))
}

/// The share of a row in the total of all rows.
fn part_of(all: f64, row: Option<Amount>) -> String {
    match row {
        Some(amount) if all > 0.0 => share(amount.to_f64() / all),
        _ => UNKNOWN.to_owned(),
    }
}

fn text(amount: Option<Amount>, digits: Option<Money>) -> String {
    match (amount, digits) {
        (None, _) => UNKNOWN.to_owned(),
        (Some(Amount::Usd(usd)), Some(digits)) => digits.write(usd),
        (Some(Amount::Usd(usd)), None) => format::money(usd),
        (Some(Amount::Count(number)), _) => count(number),
        (Some(Amount::Ratio(part)), _) => share(part),
        (Some(Amount::Seconds(seconds)), _) => duration(seconds),
    }
}
