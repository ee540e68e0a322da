//! The charts, each with its figures in a table.

use maud::{Markup, html};

use super::asked::Answers;
use super::rows::{Row, dearest, digits, sum, text};
use crate::charts::palette::sample;
use crate::charts::plot::Plot;
use crate::pages::figures;
use tracing_budget::present::numbers::{Money, UNKNOWN, duration, share};
use tracing_budget_history::series::{Amount, By, Series};

pub(super) fn tiles(answers: &Answers) -> Markup {
    let of = |series: &Series| text(Row::whole(series, "", 0).total, None);
    let cost = sum(answers.cost.lines.iter().map(|line| line.total));
    html! {
        dl.tiles {
            div { dt { "Known cost" } dd.big { (text(cost, None)) } }
            div { dt { "Runs" } dd.big { (of(&answers.runs)) } }
            div { dt { "Completed" } dd.big { (of(&answers.success)) } }
            div { dt { "Median duration" } dd.big { (of(&answers.p50)) } dd { "95% took less than " (of(&answers.p95)) } }
            div { dt { "Gates passed" } dd.big { (of(&answers.gates)) } }
            div { dt { "Unpriced calls" } dd.big { (of(&answers.unpriced)) } }
        }
    }
}

pub(super) fn cost(series: &Series) -> Markup {
    let by = if series.by == By::Model { "model" } else { "stage" };
    let rows = dearest(series);
    let digits = digits(&rows);
    let lines: Vec<_> = rows.iter().map(Row::numbers).collect();
    let steps = days(series);
    let title = format!("Cost per day by {by}");
    let said = match rows.first() {
        Some(row) => {
            format!("{} cost most: {} over the whole time.", row.name, text(row.total, Some(digits)))
        }
        None => "Nothing has a known cost.".to_owned(),
    };
    let plot = Plot {
        id: "cost",
        title: &title,
        said: &said,
        steps: &steps,
        hints: &hints(&steps, &rows, Some(digits)),
        write: &axis_money,
        top: None,
    };
    html! {
        section.card aria-labelledby="cost-heading" {
            header { h2 #cost-heading { (title) } p { "Calls without a price are in none of it." } }
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

/// The legend, which has the totals, too.
fn totals(by: &str, rows: &[Row], digits: Money) -> Markup {
    let all = sum(rows.iter().map(|row| row.total)).map_or(0.0, Amount::to_f64);
    html! {
        table {
            caption.hush { "Cost by " (by) " over the whole time" }
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
                        td.n { @match row.total { Some(total) if all > 0.0 => (share(total.to_f64() / all)), _ => (UNKNOWN) } }
                    }
                }
            }
        }
    }
}

pub(super) fn success(answers: &Answers) -> Markup {
    rate(
        "success",
        "Success rate",
        "The part of the runs that completed, without those cancelled.",
        &answers.success,
        answers,
    )
}

pub(super) fn gates(answers: &Answers) -> Markup {
    rate("gate-rate", "Gate pass rate", "The part of the checks made that passed.", &answers.gates, answers)
}

pub(super) fn unpriced(answers: &Answers) -> Markup {
    rate(
        "unpriced",
        "Unpriced share",
        "The part of the model calls whose cost nobody knows.",
        &answers.unpriced,
        answers,
    )
}

/// A part of a whole; the table also tells of how many runs it is.
fn rate(id: &str, title: &str, note: &str, series: &Series, answers: &Answers) -> Markup {
    let row = Row::whole(series, title, 0);
    let said = format!("{} over the whole time.", text(row.total, None));
    let table = [row.clone(), Row::whole(&answers.runs, "Runs", 0)];
    chart(&Section {
        id,
        title,
        note,
        said: &said,
        series,
        lines: &[row],
        table: &table,
        top: Some(1.0),
        write: &share,
    })
}

pub(super) fn durations(answers: &Answers) -> Markup {
    let rows = [Row::whole(&answers.p50, "median", 0), Row::whole(&answers.p95, "95th percentile", 1)];
    let [median, high] = [&rows[0], &rows[1]].map(|row| text(row.total, None));
    let said = format!("Half of the runs took less than {median}, 95% less than {high}.");
    let table = [rows[0].clone(), rows[1].clone(), Row::whole(&answers.runs, "Runs", 0)];
    chart(&Section {
        id: "durations",
        title: "Duration",
        note: "How long half of the runs, and 95% of them, took at most.",
        said: &said,
        series: &answers.p50,
        lines: &rows,
        table: &table,
        top: None,
        write: &duration,
    })
}

/// A chart of lines, and what stands around it.
struct Section<'a> {
    id: &'a str,
    title: &'a str,
    note: &'a str,
    said: &'a str,
    series: &'a Series,
    lines: &'a [Row],
    table: &'a [Row],
    top: Option<f64>,
    write: &'a dyn Fn(f64) -> String,
}

fn chart(section: &Section<'_>) -> Markup {
    let steps = days(section.series);
    let lines: Vec<_> = section.lines.iter().map(Row::numbers).collect();
    let plot = Plot {
        id: section.id,
        title: section.title,
        said: section.said,
        steps: &steps,
        hints: &hints(&steps, section.table, None),
        write: section.write,
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
                        @for (n, row) in section.lines.iter().enumerate() { li { (sample(row.shade, n % 2 == 1)) (row.name) } }
                    }
                }
                (days_table(&format!("{}-days", section.id), section.title, &steps, section.table, None))
            }
        }
    }
}

/// The same figures for whoever reads instead of looking.
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
    series.at.iter().map(|at| figures::day(*at)).collect()
}

/// What is said of each day on hovering: all that is known of it.
fn hints(steps: &[String], rows: &[Row], digits: Option<Money>) -> Vec<String> {
    let of = |(step, day): (usize, &String)| {
        let known = rows
            .iter()
            .filter_map(|row| Some(format!("{}: {}", row.name, text(Some(row.at(step)?), digits))));
        std::iter::once(day.clone()).chain(known).collect::<Vec<_>>().join("\n")
    };
    steps.iter().enumerate().map(of).collect()
}

/// Round amounts, as an axis has them: `$0`, `$0.5`, `$20`.
fn axis_money(usd: f64) -> String {
    let text = format!("{usd:.6}");
    format!("${}", text.trim_end_matches('0').trim_end_matches('.'))
}
