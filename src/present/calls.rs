//! The calls of a run: which cost most, where, with which model, and how they ended; as a list, and as a table of 80 columns.

use super::columns::{Align, Columns, cut};
use super::numbers::{Money, UNKNOWN, count, counted, duration};
use super::status;
use crate::ledger::{Kind, Usd};
use crate::summary::{CallRecord, RunSummary};

use Align::{Left, Right};

/// Maximum width of a stage's name and of a model's, in cells: with the figures a line has 80.
const STAGE: usize = 16;
const MODEL: usize = 18;

/// Maximum width of a line about a failure, in cells.
const NOTE: usize = 76;

/// Calls of a run that are listed, and what is not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listing<'a> {
    /// The most expensive first, then failed ones, then the newest.
    pub lines: Vec<Line<'a>>,
    /// Sentences about the calls that are not listed, one a line; empty if all are.
    pub rest: String,
}

/// A call with the figures and texts that every face shows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The call.
    pub call: &'a CallRecord,
    /// In USD, with `≥` if the call is known in part.
    pub cost: String,
    /// In tokens, with `≥` if the call is known in part.
    pub tokens: String,
    /// The model that answered, or else the one that was requested.
    pub model: Option<&'a str>,
    /// That it failed, or was a retry inside its client.
    pub note: Option<String>,
}

/// Lists calls of a run, at most `most` of them, the most expensive first. The error is a sentence with the reason if it lists no call.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget::present::calls;
/// use tracing_budget::summary::CallRecord;
///
/// let at = "2026-04-19T09:12:03Z".parse()?;
/// let mut run = RunSummary::new("0193c0de", at);
/// let mut call = CallRecord::new(at, "chat");
/// (call.model_requested, call.cost_usd) = (Some("gpt-5".into()), "0.25".parse().ok());
/// run.budget_summary.calls = Some(vec![call]);
/// let listing = calls::listing(&run, 20).unwrap();
/// assert_eq!((listing.lines[0].cost.as_str(), listing.lines[0].model), ("$0.2500", Some("gpt-5")));
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
///
/// # Errors
///
/// If the summary has no list of calls, or none were made or kept.
pub fn listing(run: &RunSummary, most: usize) -> Result<Listing<'_>, String> {
    let Some(listed) = &run.budget_summary.calls else {
        return Err("Calls were not kept: an earlier version wrote this summary.".to_owned());
    };
    if listed.is_empty() {
        return Err(match run.budget_summary.calls_left_out {
            0 => "No model was called.".to_owned(),
            made => format!("{} made, and none kept.", counted(made, "model call")),
        });
    }
    let mut calls: Vec<&CallRecord> = listed.iter().collect();
    // Stable: calls of one cost stay in their order, the failed ones and then the newest first.
    calls.sort_by_key(|call| std::cmp::Reverse(call.cost_usd));
    let (shown, hidden) = calls.split_at(calls.len().min(most));
    let money = Money::for_amounts(shown.iter().filter_map(|call| call.cost_usd));
    let lines = shown.iter().map(|call| Line::new(call, money)).collect();
    Ok(Listing { lines, rest: rest(run, hidden) })
}

/// Returns a table of the calls that a run lists, at most `most` of them, the most expensive first. Below a call that failed, or was a
/// retry inside its client, is a line with that.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget::present::calls;
/// use tracing_budget::summary::CallRecord;
///
/// let at = "2026-04-19T09:12:03Z".parse()?;
/// let mut run = RunSummary::new("0193c0de", at);
/// let mut call = CallRecord::new(at, "chat");
/// (call.model_requested, call.cost_usd) = (Some("gpt-5".into()), "0.25".parse().ok());
/// run.budget_summary.calls = Some(vec![call]);
/// assert!(calls::table(&run, 20).contains("$0.2500"));
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
#[must_use]
pub fn table(run: &RunSummary, most: usize) -> String {
    let Listing { lines, rest } = match listing(run, most) {
        Ok(listing) => listing,
        Err(why) => return why + "\n",
    };
    let headings = [("", Left), ("COST", Right), ("TOKENS", Right), ("TIME", Right), ("STARTED", Left)];
    let mut columns = Columns::new(&[&headings[..], &[("STAGE", Left), ("MODEL", Left)]].concat());
    for line in &lines {
        columns.line(line.cells());
    }
    let mut text = String::new();
    for (line, call) in columns.to_string().lines().zip(std::iter::once(None).chain(lines.iter().map(Some))) {
        text += line;
        text.push('\n');
        if let Some(note) = call.and_then(|call| call.note.as_deref()) {
            text += &format!("     {}\n", cut(note, NOTE - 1));
        }
    }
    text + &rest
}

impl<'a> Line<'a> {
    fn new(call: &'a CallRecord, money: Money) -> Self {
        let tokens = match (call.usage.tokens_used(), call.is_partly_known()) {
            (None, _) => UNKNOWN.to_owned(),
            (Some(tokens), true) => format!("≥{}", count(tokens)),
            (Some(tokens), false) => count(tokens),
        };
        let cost = match (call.cost_usd, call.is_partly_known()) {
            (None, _) | (Some(Usd::ZERO), true) => UNKNOWN.to_owned(),
            (Some(cost), true) => format!("≥{}", money.write(cost)),
            (Some(cost), false) => money.write(cost),
        };
        let model = call.model_answered.as_ref().or(call.model_requested.as_ref()).or(call.model.as_ref());
        Self { call, cost, tokens, model: model.map(String::as_str), note: note(call) }
    }

    fn cells(&self) -> [String; 7] {
        let time = self.call.started_at.to_string();
        // Hours, minutes and seconds: the day is that of the run, which the head names.
        let time = time.split('T').nth(1).and_then(|time| time.get(..8)).unwrap_or_default().to_owned();
        let name =
            |name: Option<&str>, cells| name.map_or_else(|| UNKNOWN.to_owned(), |name| cut(name, cells));
        [
            status::glyph(self.call.status).to_string(),
            self.cost.clone(),
            self.tokens.clone(),
            self.call.duration_seconds.map_or_else(|| UNKNOWN.to_owned(), duration),
            time,
            name(self.call.stage.as_deref(), STAGE),
            name(self.model, MODEL),
        ]
    }
}

impl CallRecord {
    /// Returns whether it is known in part, so that tokens and cost are at least these: input without output, a unit without a price.
    ///
    /// ```
    /// use tracing_budget::{Usage, summary::CallRecord};
    ///
    /// let mut call = CallRecord::new("2026-04-19T09:12:03Z".parse()?, "chat");
    /// call.usage = Usage::new().output(10);
    /// assert!(call.is_partly_known());
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn is_partly_known(&self) -> bool {
        // Other operations, such as embeddings, have no output. Beside tokens without a split the half is part of these (A11).
        let is_known = |kind| self.usage.get(kind).is_some();
        // Documents of earlier versions do not have the key.
        self.partial
            || matches!(self.operation.as_str(), "chat" | "text_completion" | "generate_content")
                && is_known(Kind::Input) != is_known(Kind::Output)
                && !is_known(Kind::Tokens)
    }
}

/// What a person has to know of a call beside its figures.
fn note(call: &CallRecord) -> Option<String> {
    let attempt = (call.attempt > 1).then(|| format!("attempt {}", call.attempt));
    let error = call.has_failed().then(|| call.error.clone().unwrap_or_else(|| "failed".to_owned()));
    let words: Vec<String> = attempt.into_iter().chain(error).collect();
    (!words.is_empty()).then(|| words.join(": "))
}

/// What the table does not show.
fn rest(run: &RunSummary, hidden: &[&CallRecord]) -> String {
    let mut text = String::new();
    if !hidden.is_empty() {
        let failed = hidden.iter().filter(|call| call.has_failed()).count() as u64;
        let of_them = if failed > 0 { format!(", {} of them failed", count(failed)) } else { String::new() };
        text += &format!("Not shown: {}{of_them}.\n", counted(hidden.len() as u64, "call"));
    }
    let left_out = run.budget_summary.calls_left_out;
    if left_out > 0 {
        text += &format!("Not kept: {}, cheaper than these or older.\n", counted(left_out, "call"));
    }
    text
}
