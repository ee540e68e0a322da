//! The JSON form of ledger and summary types in a journal's lines.
//!
//! Every field is named here: a field that is new in the ledger does not compile until the journal has it. The ledger's
//! own types carry no serde derives, because a summary shows the same amounts in another form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::record::OpenStage;
use crate::ledger::{
    AgentTotals, Attempt, Attempts, Call, CallNames, CellKey, CellTotals, Kind, Ledger, Outcome,
    RunAttributes, Sources, StageEnd, StageId, StageTotals, Symbol, Usage, Usd, Verdict, response_hash,
};
use crate::summary::{GateVerdict, OperationRecord, Timestamp};

/// The most that the counts of one run may come to. No program counts so far, each JSON reader has such a number exactly, and
/// sums of two of them are far from the end of an `i64`: a sum of hostile counts would panic, or wrap to a figure that no line has.
pub(super) const MAX_COUNT: u64 = 1 << 53;

/// The most pico-dollars that one run's amounts may come to: 10²⁴ USD. Sums and differences of two of them fit in an `i128`.
pub(super) const MAX_PICO: u128 = 10_u128.pow(36);

/// The most stages around each other that are read as such. What is deeper is a row directly below these: a walk along the
/// stages around one is recursive, and a line with a million of them would end the process.
pub(super) const MAX_DEPTH: usize = 256;

pub(super) fn is_zero<T: Default + PartialEq>(count: &T) -> bool {
    *count == T::default()
}

/// A count that is no part of a ledger, at most [`MAX_COUNT`].
pub(super) mod count {
    use serde::{Deserialize, Deserializer, de};

    use super::MAX_COUNT;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let count = u64::deserialize(deserializer)?;
        let beyond = || de::Error::custom(format!("a count of {count} is beyond {MAX_COUNT}"));
        (count <= MAX_COUNT).then_some(count).ok_or_else(beyond)
    }
}

/// A number that begins at 1.
mod ordinal {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form of serde's `with`")]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        number.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        match u64::deserialize(deserializer)? {
            0 => Err(de::Error::custom("a verdict has the number 0, and the first one has 1")),
            number => Ok(number),
        }
    }
}

/// Money as decimal text. Most JSON readers take a number for a double, which loses digits.
pub(super) mod money {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::MAX_PICO;
    use crate::ledger::Usd;

    /// An amount beyond 10¹⁵ USD, which people do not write and sums may come to.
    fn beyond(text: &str) -> Option<Usd> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > 12 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // As one integer: a product of the whole and its scale would overflow for the longest of them.
        let pico: i128 = format!("{whole}{fraction:0<12}").parse().ok()?;
        (pico.unsigned_abs() <= MAX_PICO).then(|| Usd::from_pico(pico))
    }

    pub(crate) fn serialize<S: Serializer>(usd: &Option<Usd>, serializer: S) -> Result<S::Ok, S::Error> {
        match usd {
            Some(usd) => serializer.collect_str(usd),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let amount = |text: String| {
            text.parse().or_else(|error| beyond(&text).ok_or_else(|| de::Error::custom(error)))
        };
        text.map(amount).transpose()
    }
}

/// Wall time in nanoseconds after the Unix epoch.
pub(super) mod unix_nanos {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        // 64 bits last until the year 2554.
        serializer.serialize_u64(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        Ok(UNIX_EPOCH + Duration::from_nanos(u64::deserialize(deserializer)?))
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::intern(&text))
    }
}

/// The name of a kind of usage: those of nearly every call are shorter than their keys in documents.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Input => "input",
        Kind::Output => "output",
        Kind::CacheRead => "cache_read",
        Kind::CacheWrite => "cache_write",
        Kind::CacheWrite1h => "cache_write_1h",
        Kind::Reasoning => "reasoning",
        Kind::AudioInput => "audio_input",
        Kind::AudioOutput => "audio_output",
        Kind::Requests => "requests",
        Kind::Tokens => "tokens",
        other => other.key(),
    }
}

/// Only reported kinds: absent is unknown, and a written 0 would be read as a reported 0.
#[derive(Debug, Default, PartialEq)]
struct Counts(Usage);

impl Counts {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, count)| (kind_name(kind), count)))
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut usage = Usage::new();
        for (name, count) in BTreeMap::<String, u64>::deserialize(deserializer)? {
            let known = Kind::ALL.iter().find(|kind| kind_name(**kind) == name);
            let unknown = || D::Error::custom(format!("{name} is no kind of usage"));
            usage.set(*known.ok_or_else(unknown)?, count);
        }
        Ok(Self(usage))
    }
}

/// Where a price came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PriceSource {
    Reported,
    Override,
    Corrections,
    Book,
    MultipliedBook,
    MultipliedCorrections,
}

impl PriceSource {
    const ALL: [(Self, Sources); 6] = [
        (Self::Reported, Sources::REPORTED),
        (Self::Override, Sources::OVERRIDE),
        (Self::Corrections, Sources::CORRECTIONS),
        (Self::Book, Sources::BOOK),
        (Self::MultipliedBook, Sources::MULTIPLIED_BOOK),
        (Self::MultipliedCorrections, Sources::MULTIPLIED_CORRECTIONS),
    ];
}

fn price_sources(sources: Sources) -> Vec<PriceSource> {
    let known = PriceSource::ALL.into_iter().filter(|(_, source)| sources.contains(*source));
    known.map(|(name, _)| name).collect()
}

fn all_sources(names: &[PriceSource]) -> Sources {
    let named = PriceSource::ALL.into_iter().filter(|(name, _)| names.contains(name));
    named.fold(Sources::default(), |all, (_, source)| all.union(source))
}

/// The stages around a stage: the nearest, which earlier versions have alone, and those around that, the outermost first.
type Enclosing = (Option<Symbol>, Vec<Symbol>);

fn enclosing(stage: StageId) -> Enclosing {
    let outwards = std::iter::successors(stage.parent(), |stage| stage.parent());
    let mut names: Vec<Symbol> = outwards.map(StageId::name).collect();
    names.reverse();
    (names.pop(), names)
}

fn stage_id(name: Symbol, (parent, around): Enclosing) -> StageId {
    let around = around.into_iter().chain(parent).take(MAX_DEPTH);
    StageId::intern(name, around.fold(None, |outer, name| Some(StageId::intern(name, outer))))
}

/// A stage that is open.
#[derive(Serialize, Deserialize)]
pub(super) struct OpenStageWire {
    stage: Symbol,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    around: Vec<Symbol>,
    at: u64,
}

impl From<OpenStage> for OpenStageWire {
    fn from(OpenStage { stage, at }: OpenStage) -> Self {
        let (parent, around) = enclosing(stage);
        Self { stage: stage.name(), parent, around, at }
    }
}

impl From<OpenStageWire> for OpenStage {
    fn from(OpenStageWire { stage, parent, around, at }: OpenStageWire) -> Self {
        Self { stage: stage_id(stage, (parent, around)), at }
    }
}

/// What was added to one cell: its key and its tally, side by side.
#[derive(Debug, Serialize, Deserialize)]
struct Cell {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    around: Vec<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Symbol>,
    operation: Symbol,
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    usage: Counts,
    #[serde(with = "money", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "is_zero")]
    count: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    llm_calls: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    unpriced: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    without_usage: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    partial: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    errors: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    nanos: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<PriceSource>,
}

impl Cell {
    fn new(key: CellKey, tally: CellTotals) -> Self {
        // No `..`: a new field must be written, or a kill would lose it without a trace.
        let CellKey { stage, agent, model, operation } = key;
        let CellTotals {
            usage,
            cost,
            count,
            llm_calls,
            unpriced,
            without_usage,
            partial,
            errors,
            nanos,
            sources,
        } = tally;
        let (parent, around) = stage.map(enclosing).unwrap_or_default();
        Self {
            stage: stage.map(StageId::name),
            parent,
            around,
            agent,
            model,
            operation,
            usage: Counts(usage),
            // Zero is absent. Whether a cost is unknown is in `unpriced` and `without_usage`, so no figure is lost by this.
            cost_usd: (cost != Usd::ZERO).then_some(cost),
            count,
            llm_calls,
            unpriced,
            without_usage,
            partial,
            errors,
            nanos,
            sources: price_sources(sources),
        }
    }

    fn add_to(self, ledger: &mut Ledger) {
        let enclosing = (self.parent, self.around);
        let stage = self.stage.map(|name| stage_id(name, enclosing));
        let key = CellKey { stage, agent: self.agent, model: self.model, operation: self.operation };
        let tally = CellTotals {
            usage: self.usage.0,
            cost: self.cost_usd.unwrap_or_default(),
            count: self.count,
            llm_calls: self.llm_calls,
            unpriced: self.unpriced,
            without_usage: self.without_usage,
            partial: self.partial,
            errors: self.errors,
            nanos: self.nanos,
            sources: all_sources(&self.sources),
        };
        ledger.add(key, &tally);
    }
}

/// What was added to one stage.
#[derive(Debug, Serialize, Deserialize)]
struct Stage {
    stage: Symbol,
    /// How many attempts were opened.
    begun: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    open: u64,
    nanos: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    errors: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    around: Vec<Symbol>,
    /// The start of the first attempt, in nanoseconds after the origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    /// The end of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    /// The outcome of that attempt.
    #[serde(flatten, with = "outcome")]
    outcome: Outcome,
    /// Attempts one by one; absent where the other fields are those of the only attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<AttemptWire>,
}

/// One attempt of a stage that has ended.
#[derive(Debug, Serialize, Deserialize)]
struct AttemptWire {
    from: u64,
    nanos: u64,
    #[serde(flatten, with = "outcome")]
    outcome: Outcome,
}

impl Stage {
    fn new(stage: StageId, tally: &StageTotals) -> Self {
        // No `..`, as in `Cell::new`.
        let StageTotals { attempts: begun, open, nanos, errors, first, last, kept } = tally;
        let (to, outcome) = match last {
            Some(StageEnd { at, outcome }) => (Some(*at), outcome.clone()),
            None => (None, Outcome::default()),
        };
        let (parent, around) = enclosing(stage);
        let is_only_one = (*begun, *open) == (1, 0);
        let attempts = kept.listed().into_iter().filter(|_| !is_only_one);
        Self {
            stage: stage.name(),
            begun: *begun,
            open: *open,
            nanos: *nanos,
            errors: *errors,
            parent,
            around,
            from: *first,
            to,
            outcome,
            attempts: attempts
                .map(|Attempt { started, nanos, outcome }| AttemptWire {
                    from: *started,
                    nanos: *nanos,
                    outcome: outcome.clone(),
                })
                .collect(),
        }
    }

    /// Whether no more attempts are open or listed than were begun.
    fn is_sound(&self) -> bool {
        let ended = self.begun.checked_sub(self.open);
        ended.is_some_and(|ended| self.attempts.len() as u64 <= ended)
    }

    fn add_to(self, ledger: &mut Ledger) {
        let Self { stage, begun, open, nanos, errors, parent, around, from, to, outcome, attempts } = self;
        let mut kept = Attempts::default();
        if let (1, 0, Some(started), Some(_)) = (begun, open, from, to) {
            kept.push(Attempt { started, nanos, outcome: outcome.clone() });
        } else {
            for AttemptWire { from: started, nanos, outcome } in attempts {
                kept.push(Attempt { started, nanos, outcome });
            }
        }
        let tally = StageTotals {
            attempts: begun,
            open,
            nanos,
            errors,
            first: from,
            last: to.map(|at| StageEnd { at, outcome }),
            kept,
        };
        ledger.add_stage(stage_id(stage, (parent, around)), &tally);
    }
}

/// What was added to one agent, as one other agent called it.
#[derive(Debug, Serialize, Deserialize)]
struct Agent {
    agent: Symbol,
    /// The agent that called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<Symbol>,
    #[serde(default, skip_serializing_if = "is_zero")]
    executions: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    nanos: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    errors: u64,
}

impl Agent {
    fn new((agent, caller, totals): (Symbol, Option<Symbol>, &AgentTotals)) -> Self {
        // No `..`, as in `Cell::new`.
        let AgentTotals { executions, nanos, errors } = *totals;
        Self { agent, caller, executions, nanos, errors }
    }

    fn add_to(self, ledger: &mut Ledger) {
        let Self { agent, caller, executions, nanos, errors } = self;
        ledger.add_agent(agent, caller, &AgentTotals { executions, nanos, errors });
    }
}

/// ERROR events of one stage that failed nothing.
#[derive(Debug, Serialize, Deserialize)]
struct ErrorEvents {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    around: Vec<Symbol>,
    events: u64,
}

impl ErrorEvents {
    fn new((stage, events): (Option<StageId>, u64)) -> Self {
        let (parent, around) = stage.map(enclosing).unwrap_or_default();
        Self { stage: stage.map(StageId::name), parent, around, events }
    }

    fn add_to(self, ledger: &mut Ledger) {
        let Self { stage, parent, around, events } = self;
        ledger.add_error_events(stage.map(|name| stage_id(name, (parent, around))), events);
    }
}

/// A call that is kept one by one.
// Its row, its usage and its cost are in a cell of the same line as well. A reference would be shorter, and would tie a call to the
// place of its cell: the line of a compacted run has sums of many calls in one cell, and the calls beside them.
#[derive(Debug, Serialize, Deserialize)]
struct CallWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    around: Vec<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Symbol>,
    operation: Symbol,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finish_reason: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt_version: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_token_nanos: Option<NonZeroU64>,
    /// When it began, in nanoseconds after the origin.
    // With the response's id it identifies the call: an id alone comes again once its run has forgotten the first.
    from: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    nanos: u64,
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    usage: Counts,
    #[serde(with = "money", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<PriceSource>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    attempt: u16,
    /// How many further records of its response have completed it. Above 0 it is that of an earlier line.
    // A number and not a flag: two threads write their lines in any order, and the one with more completions has all figures.
    #[serde(default, skip_serializing_if = "is_zero")]
    completions: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl CallWire {
    fn new(call: Call<'_>) -> Self {
        // No `..`, as in `Cell::new`. The hash of the id is worked out again, as it may be another one in the next version.
        let Call {
            key: CellKey { stage, agent, model, operation },
            names,
            started,
            nanos,
            usage,
            cost,
            sources,
            has_failed,
            is_partial,
            attempt,
            completions,
            response: _,
            texts,
        } = call;
        let CallNames {
            provider,
            requested,
            answered,
            tier,
            finish_reason,
            prompt,
            prompt_version,
            first_token,
        } = names;
        let (parent, around) = stage.map(enclosing).unwrap_or_default();
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let [response_id, conversation, error] = texts.map(text);
        Self {
            stage: stage.map(StageId::name),
            parent,
            around,
            agent,
            model,
            operation,
            provider,
            requested,
            answered,
            tier,
            finish_reason,
            prompt,
            prompt_version,
            first_token_nanos: first_token,
            from: started,
            nanos,
            usage: Counts(usage.into_owned()),
            cost_usd: (cost != Usd::ZERO).then_some(cost),
            sources: price_sources(sources),
            failed: has_failed,
            partial: is_partial,
            attempt,
            completions,
            response_id,
            conversation,
            error,
        }
    }

    fn add_to(self, ledger: &mut Ledger) {
        let stage = self.stage.map(|name| stage_id(name, (self.parent, self.around)));
        let text = |text: &'_ Option<String>| text.as_deref().unwrap_or_default().to_owned();
        let texts = [&self.response_id, &self.conversation, &self.error].map(text);
        ledger.add_call(&Call {
            key: CellKey { stage, agent: self.agent, model: self.model, operation: self.operation },
            names: CallNames {
                provider: self.provider,
                requested: self.requested,
                answered: self.answered,
                tier: self.tier,
                finish_reason: self.finish_reason,
                prompt: self.prompt,
                prompt_version: self.prompt_version,
                first_token: self.first_token_nanos,
            },
            started: self.from,
            nanos: self.nanos,
            usage: Cow::Owned(self.usage.0),
            cost: self.cost_usd.unwrap_or_default(),
            sources: all_sources(&self.sources),
            has_failed: self.failed,
            is_partial: self.partial,
            attempt: self.attempt,
            completions: self.completions,
            response: self.response_id.as_deref().map_or(0, response_hash),
            texts: [&texts[0], &texts[1], &texts[2]],
        });
    }
}

/// A ledger, or what was added to one.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LedgerWire {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cells: Vec<Cell>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<Stage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    agents: Vec<Agent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    error_events: Vec<ErrorEvents>,
    // In the line of their amounts, and not in one of their own: a kill between the two would leave a run with calls that have no
    // record, or a record without its amount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallWire>,
}

impl LedgerWire {
    /// Returns why the numbers of a line cannot be added to a ledger.
    fn check(&self) -> Result<(), String> {
        let mut size = Size::default();
        for cell in &self.cells {
            let counts =
                [cell.count, cell.llm_calls, cell.unpriced, cell.without_usage, cell.partial, cell.errors];
            size.add(counts.map(i64::unsigned_abs), cell.cost_usd.unwrap_or_default());
        }
        for stage in &self.stages {
            size.add([stage.begun, stage.open, stage.errors], Usd::ZERO);
        }
        self.agents.iter().for_each(|agent| size.add([agent.executions, agent.errors], Usd::ZERO));
        self.error_events.iter().for_each(|row| size.add([row.events], Usd::ZERO));
        if let Some(stage) = self.stages.iter().find(|stage| !stage.is_sound()) {
            return Err(format!(
                "more attempts of stage {} are open or listed than were begun",
                stage.stage.as_str()
            ));
        }
        size.check()
    }
}

/// What the numbers of a ledger come to without their signs. As long as it is within bounds, no sum of them overflows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    counts: u64,
    pico: u128,
}

impl Size {
    /// The size of a whole ledger.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut size = Self::default();
        for (_, cell) in ledger.cells() {
            let counts =
                [cell.count, cell.llm_calls, cell.unpriced, cell.without_usage, cell.partial, cell.errors];
            size.add(counts.map(i64::unsigned_abs), cell.cost);
        }
        ledger
            .stages()
            .for_each(|(_, stage)| size.add([stage.attempts, stage.open, stage.errors], Usd::ZERO));
        ledger.agents().for_each(|(_, _, agent)| size.add([agent.executions, agent.errors], Usd::ZERO));
        ledger.error_events().for_each(|(_, events)| size.add([events], Usd::ZERO));
        size
    }

    fn add<const N: usize>(&mut self, counts: [u64; N], cost: Usd) {
        self.counts = counts.into_iter().fold(self.counts, u64::saturating_add);
        self.pico = self.pico.saturating_add(cost.pico().unsigned_abs());
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { counts: self.counts.saturating_add(other.counts), pico: self.pico.saturating_add(other.pico) }
    }

    /// Returns why a ledger of this size is no run's.
    pub(super) fn check(self) -> Result<(), String> {
        if self.counts > MAX_COUNT {
            return Err(format!("its run's counts come to {}, beyond {MAX_COUNT}", self.counts));
        }
        if self.pico > MAX_PICO {
            return Err("its run's costs come to more than 10^24 USD".to_owned());
        }
        Ok(())
    }
}

pub(super) mod ledger {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(ledger: &Ledger, serializer: S) -> Result<S::Ok, S::Error> {
        let cells = ledger.cells().map(|(key, tally)| Cell::new(*key, tally.clone())).collect();
        let stages = ledger.stages().map(|(stage, tally)| Stage::new(stage, tally)).collect();
        let agents = ledger.agents().map(Agent::new).collect();
        let error_events = ledger.error_events().map(ErrorEvents::new).collect();
        let calls = ledger.calls().iter().map(CallWire::new).collect();
        LedgerWire { cells, stages, agents, error_events, calls }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ledger, D::Error> {
        let wire = LedgerWire::deserialize(deserializer)?;
        // Before anything is added: the cells of one line may have one key, and their sum would overflow here already.
        wire.check().map_err(D::Error::custom)?;
        let LedgerWire { cells, stages, agents, error_events, calls } = wire;
        let mut ledger = Ledger::default();
        cells.into_iter().for_each(|cell| cell.add_to(&mut ledger));
        stages.into_iter().for_each(|stage| stage.add_to(&mut ledger));
        agents.into_iter().for_each(|agent| agent.add_to(&mut ledger));
        error_events.into_iter().for_each(|events| events.add_to(&mut ledger));
        calls.into_iter().for_each(|call| call.add_to(&mut ledger));
        Ok(ledger)
    }
}

pub(super) mod boxed_ledger {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(amount: &Ledger, serializer: S) -> Result<S::Ok, S::Error> {
        ledger::serialize(amount, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Ledger>, D::Error> {
        ledger::deserialize(deserializer).map(Box::new)
    }
}

/// An outcome as two fields, both absent where nothing failed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct OutcomeWire {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Box<str>>,
}

pub(super) mod outcome {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match outcome {
            Outcome::Completed => OutcomeWire::default(),
            Outcome::Failed(error) => OutcomeWire { failed: true, error: error.clone() },
        };
        wire.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
        let OutcomeWire { failed, error } = OutcomeWire::deserialize(deserializer)?;
        Ok(if failed { Outcome::Failed(error) } else { Outcome::Completed })
    }
}

/// Attributes that spans recorded for their whole run.
#[derive(Serialize, Deserialize)]
#[serde(remote = "RunAttributes")]
pub(super) struct RunAttributesWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    counts: BTreeMap<String, i64>,
    #[serde(rename = "value_usd", with = "money", default, skip_serializing_if = "Option::is_none")]
    value: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iteration: Option<u64>,
}

/// An operation that was recorded directly. Its time is `recorded_at`, because `at` is the record's own.
#[derive(Serialize, Deserialize)]
#[serde(remote = "OperationRecord")]
struct OperationWire {
    operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(with = "money", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iteration: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    meta: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "recorded_at", default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

/// The verdict of a gate. Its time is `spoke_at`, because `at` is the record's own.
#[derive(Serialize, Deserialize)]
#[serde(remote = "GateVerdict")]
struct GateWire {
    #[serde(with = "ordinal")]
    seq: u64,
    #[serde(rename = "gate")]
    gate_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_stage: Option<String>,
    verdict: Verdict,
    blocking: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    diagnostics: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "spoke_at", default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    #[serde(with = "money", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
}

/// A boxed value in the JSON form that `$wire` defines for it. Serde's remote definitions do not read into boxes; the
/// records have boxes so that a queue of 65,536 of them stays small.
macro_rules! boxed {
    ($module:ident, $type:ty, $wire:ident) => {
        pub(super) mod $module {
            use super::*;

            pub(crate) fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                $wire::serialize(value, serializer)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Box<$type>, D::Error> {
                $wire::deserialize(deserializer).map(Box::new)
            }
        }
    };
}

boxed!(attributes, RunAttributes, RunAttributesWire);
boxed!(operation, OperationRecord, OperationWire);
boxed!(gate, GateVerdict, GateWire);
