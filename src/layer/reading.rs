//! The reading of a span or an event: everything that it has recorded so far.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::callsite::{Naming, Role, Scope};
use super::direct::RecordReading;
use super::field_value::FieldValue;
use super::models::ModelName;
use super::settlement::{Amounts, Rest, Settlement};
pub(crate) use crate::ledger::RunAttributes;
use crate::ledger::{CellTotals, Kind, Outcome, Sources, Symbol, Usage, Usd, Verdict};

/// Everything recorded so far. The common part lies flat; what few spans have is behind a pointer.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Its own amount: a call's usage, or what a stage has used by itself, and the cost of that where the emitter recorded it.
    /// It is completed where it lies when the span is settled: to move it would cost more than to work it out.
    pub(crate) own: CellTotals,
    /// Names that it recorded, each at the place of its [`Naming`].
    names: [Option<Symbol>; Naming::COUNT],
    /// Usage that includes what is below.
    pub(crate) inclusive: Option<Box<Inclusive>>,
    /// What is to be booked beside its own amount, once it is settled.
    pub(crate) rest: Rest,
    pub(crate) remarks: Option<Box<Remarks>>,
}

/// A figure for all that is inside a span, and what its descendants have recorded meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Inclusive {
    pub(crate) usage: Usage,
    pub(crate) cost: Option<Usd>,
    /// What was settled below.
    pub(crate) below: CellTotals,
}

/// What few spans record.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    pub(crate) failure: Failure,
    pub(crate) gate: Option<Box<GateReading>>,
    pub(crate) run: Option<Box<RunAttributes>>,
    pub(crate) record: Option<Box<RecordReading>>,
    pub(crate) warnings: Vec<String>,
    /// An event's text.
    pub(crate) message: Option<Box<str>>,
}

/// A failure and its text. A message replaces a type.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub(crate) failed: bool,
    kind: Option<Box<str>>,
    text: Option<Box<str>>,
}

impl Failure {
    /// A failure without a message.
    pub(crate) fn without_text() -> Self {
        Self { failed: true, ..Self::default() }
    }

    pub(crate) fn of(text: &str) -> Self {
        Self { failed: true, kind: None, text: Some(text.into()) }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if !self.failed {
            return Outcome::Completed;
        }
        Outcome::Failed(match (&self.kind, &self.text) {
            (Some(kind), Some(text)) if !text.contains(&**kind) => Some(format!("{kind}: {text}").into()),
            (kind, text) => text.clone().or_else(|| kind.clone()),
        })
    }

    /// Takes over another's failure; the first text stays.
    pub(crate) fn join(&mut self, other: Self) {
        self.failed |= other.failed;
        self.kind = self.kind.take().or(other.kind);
        self.text = self.text.take().or(other.text);
    }
}

/// What a gate has recorded so far.
#[derive(Debug, Default)]
pub(crate) struct GateReading {
    pub(crate) name: Option<Box<str>>,
    /// Whether it came as an evaluation, which scores and does not block.
    pub(crate) is_evaluation: bool,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) score: Option<f64>,
    pub(crate) blocking: Option<bool>,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) diagnostics: BTreeMap<String, Value>,
}

/// How a usage field is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// On any span that is no model call: the figures of several calls, one after another.
    Sum,
    /// On a model call: the newest figure is the figure.
    Call,
}

impl Reading {
    /// Takes one recorded value.
    pub(crate) fn take(&mut self, role: Role, field: &'static str, value: FieldValue<'_>, manner: Manner) {
        match role {
            Role::Usage(kind, scope) => self.take_usage(kind, scope, field, value, manner),
            Role::Cost(scope) => self.take_cost(scope, field, value, manner),
            Role::Other => {}
            // A name once recorded is only replaced by another.
            Role::Name(naming) => {
                if let Some(name) = value.text(Symbol::intern) {
                    self.name(naming, name);
                }
            }
            other => self.remarks.get_or_insert_default().take(other, field, value),
        }
    }

    /// Takes a name.
    // Inlined: one store into an array.
    #[inline]
    pub(crate) fn name(&mut self, naming: Naming, name: Symbol) {
        self.names[naming as usize] = Some(name);
    }

    /// The name that it recorded last of those that name the same.
    // Inlined: one load from an array.
    #[inline]
    pub(crate) fn named(&self, naming: Naming) -> Option<Symbol> {
        self.names[naming as usize]
    }

    // Inlined: one load.
    #[inline]
    pub(crate) fn provider(&self) -> Option<Symbol> {
        self.named(Naming::Provider)
    }

    // Inlined: one load.
    #[inline]
    pub(crate) fn operation(&self) -> Option<Symbol> {
        self.named(Naming::Operation)
    }

    /// Takes a count of tokens.
    // Inlined: with `kind` and `scope` known from the callsite it is a load, an addition and a store.
    #[inline]
    pub(crate) fn add(&mut self, kind: Kind, scope: Scope, count: u64, manner: Manner) {
        match (manner, scope) {
            (Manner::Call, _) => self.own.usage.set(kind, count),
            (Manner::Sum, Scope::Own) => self.own.usage.add(kind, count),
            (Manner::Sum, Scope::Inclusive) => self.add_inclusive(kind, count),
        }
    }

    // Not inlined: figures with inclusive names come on few spans that are not calls.
    #[inline(never)]
    fn add_inclusive(&mut self, kind: Kind, count: u64) {
        self.inclusive.get_or_insert_default().usage.add(kind, count);
    }

    fn take_usage(
        &mut self,
        kind: Kind,
        scope: Scope,
        field: &'static str,
        value: FieldValue<'_>,
        manner: Manner,
    ) {
        match value.count() {
            Ok(Some(count)) => self.add(kind, scope, count, manner),
            Ok(None) => {}
            Err(refusal) => self.refuse(field, value, refusal),
        }
    }

    fn take_cost(&mut self, scope: Scope, field: &'static str, value: FieldValue<'_>, manner: Manner) {
        match value.usd() {
            Ok(Some(usd)) => match (manner, scope) {
                (Manner::Call, _) => self.set_cost(usd),
                (Manner::Sum, Scope::Own) => self.set_cost(self.cost().unwrap_or_default() + usd),
                (Manner::Sum, Scope::Inclusive) => {
                    let cost = &mut self.inclusive.get_or_insert_default().cost;
                    *cost = Some(cost.unwrap_or_default() + usd);
                }
            },
            Ok(None) => {}
            Err(refusal) => self.refuse(field, value, refusal),
        }
    }

    fn refuse(&mut self, field: &'static str, value: FieldValue<'_>, refusal: &'static str) {
        let warning = format!("{field} = {} was taken as not reported: {refusal}", value.json());
        self.remarks.get_or_insert_default().warnings.push(warning);
    }

    /// Forgets everything.
    // Not inlined: it frees boxes that few spans have.
    #[inline(never)]
    pub(crate) fn wipe(&mut self) {
        (self.inclusive, self.rest, self.remarks) = (None, Rest::default(), None);
        self.wipe_figures();
    }

    /// Forgets everything, where there are but figures and names.
    // Inlined: a few stores of zero at the end of every call.
    #[inline(always)]
    pub(crate) fn wipe_figures(&mut self) {
        self.own.clear();
        self.names = [None; Naming::COUNT];
    }

    /// Turns refused values into warnings of the run.
    pub(crate) fn warn_of_remarks(&mut self) {
        let refused = self.remarks.iter_mut().flat_map(|remarks| remarks.warnings.drain(..));
        refused.for_each(|warning| self.rest.warn(warning));
    }

    /// All that it adds.
    // Inlined: returns a view, no copy.
    #[inline]
    pub(crate) fn amounts(&self, settlement: Settlement) -> Amounts<'_> {
        Amounts { settlement, own: &self.own, rest: &self.rest }
    }

    /// The cost that it recorded.
    pub(crate) fn cost(&self) -> Option<Usd> {
        let own = &self.own;
        own.sources.contains(Sources::REPORTED).then_some(own.cost)
    }

    fn set_cost(&mut self, cost: Usd) {
        (self.own.cost, self.own.sources) = (cost, Sources::REPORTED);
    }

    /// Takes its figures for figures of everything inside the span.
    pub(crate) fn make_inclusive(&mut self) {
        if self.has_amount() {
            let (usage, cost) = (self.own.usage, self.cost());
            self.own = CellTotals::default();
            let inclusive = self.inclusive.get_or_insert_default();
            inclusive.usage.merge(&usage);
            inclusive.cost = cost.or(inclusive.cost);
        }
    }

    /// The model to book the usage under.
    pub(crate) fn model(&self) -> Option<Symbol> {
        self.named(Naming::ResponseModel).or(self.named(Naming::RequestModel))
    }

    /// The provider and the model.
    // Inlined: two loads and a choice.
    #[inline]
    pub(crate) fn model_name(&self) -> ModelName {
        (self.provider(), self.model())
    }

    /// Whether there is an amount of the span's own to book.
    // Inlined: two tests.
    #[inline]
    pub(crate) fn has_amount(&self) -> bool {
        let own = &self.own;
        !own.usage.is_empty() || own.sources.contains(Sources::REPORTED)
    }

    /// Whether it has recorded the name of a gate.
    pub(crate) fn has_gate(&self) -> bool {
        let gate = self.remarks.as_ref().and_then(|remarks| remarks.gate.as_ref());
        gate.is_some_and(|gate| gate.name.is_some())
    }

    /// The id that it has recorded for its run.
    pub(crate) fn run_id(&self) -> Option<&str> {
        self.remarks.as_ref()?.run.as_ref()?.run_id.as_deref()
    }

    pub(crate) fn failure(&mut self) -> &mut Failure {
        &mut self.remarks.get_or_insert_default().failure
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.remarks.as_ref().is_some_and(|remarks| remarks.failure.failed)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.remarks.as_ref().map(|remarks| remarks.failure.outcome()).unwrap_or_default()
    }
}

impl Remarks {
    fn take(&mut self, role: Role, field: &'static str, value: FieldValue<'_>) {
        match role {
            Role::Error => match value {
                FieldValue::Flag(failed) => self.failure.failed |= failed,
                _ => {
                    if let Some(text) = value.boxed() {
                        self.failure.failed = true;
                        self.failure.text.get_or_insert(text);
                    }
                }
            },
            Role::ErrorType => {
                if let Some(kind) = value.boxed() {
                    self.failure.failed = true;
                    self.failure.kind = Some(kind);
                }
            }
            Role::ErrorMessage => self.failure.text = value.boxed().or(self.failure.text.take()),
            Role::StatusCode => {
                self.failure.failed |= value.text(|code| code.eq_ignore_ascii_case("error")).unwrap_or(false);
            }
            Role::Message => self.message = value.boxed(),
            Role::RunId | Role::Project | Role::Tag | Role::Count | Role::ValueUsd | Role::Iteration => {
                if let Err(warning) = self.run.get_or_insert_default().take(role, field, value) {
                    self.warnings.push(warning);
                }
            }
            Role::Refusal => self.warnings.extend(value.text(str::to_owned)),
            Role::Seconds | Role::Meta => self.record.get_or_insert_default().take(role, value),
            _ => self.gate.get_or_insert_default().take(role, field, value),
        }
    }
}

impl RecordReading {
    fn take(&mut self, role: Role, value: FieldValue<'_>) {
        match (role, value) {
            (Role::Seconds, value) => {
                self.duration = value.number().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            }
            (_, FieldValue::Text(text)) => {
                if let Ok(Value::Object(object)) = serde_json::from_str(text) {
                    self.meta.extend(object);
                }
            }
            _ => {}
        }
    }
}

impl GateReading {
    fn take(&mut self, role: Role, field: &'static str, value: FieldValue<'_>) {
        match role {
            Role::Gate => self.name = value.boxed(),
            Role::Evaluation => {
                self.name = value.boxed();
                self.is_evaluation = true;
            }
            Role::Verdict => self.verdict = value.text(|word| Verdict::from(word)),
            Role::Score => self.score = value.number(),
            Role::Blocking => self.blocking = value.flag(),
            Role::Reason => self.reason = value.boxed(),
            Role::Diagnostics => match value {
                FieldValue::Text(text) => match serde_json::from_str(text) {
                    Ok(Value::Object(object)) => self.diagnostics.extend(object),
                    _ => drop(self.diagnostics.insert(field.to_owned(), text.into())),
                },
                other => drop(self.diagnostics.insert(field.to_owned(), other.json())),
            },
            _ => drop(self.diagnostics.insert(field.to_owned(), value.json())),
        }
    }
}

impl RunAttributes {
    fn take(&mut self, role: Role, field: &'static str, value: FieldValue<'_>) -> Result<(), String> {
        let refuse = |expected| Err(format!("{field} = {} was ignored: expected {expected}", value.json()));
        match role {
            Role::RunId => self.run_id = value.boxed(),
            Role::Project => self.project = value.boxed(),
            Role::Tag => {
                if let Some(label) = value.text(str::to_owned) {
                    self.tags.insert(field.trim_start_matches("tag.").to_owned(), label);
                }
            }
            Role::Count => match value.whole() {
                Some(number) => {
                    self.counts.insert(field.trim_start_matches("count.").to_owned(), number);
                }
                None => return refuse("a whole number"),
            },
            Role::ValueUsd => match value.usd() {
                Ok(value) => self.value = value,
                Err(_) => return refuse("an amount in USD"),
            },
            _ => match value.count() {
                Ok(iteration) => self.iteration = iteration,
                Err(_) => return refuse("the number of an iteration"),
            },
        }
        Ok(())
    }

    /// The labels of it: recorded twice, they are the same.
    pub(crate) fn labels(&self) -> Self {
        let (run_id, project, tags) = (self.run_id.clone(), self.project.clone(), self.tags.clone());
        Self { run_id, project, tags, ..Self::default() }
    }
}
