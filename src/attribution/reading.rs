//! The reading of a span or an event: everything that it has recorded so far.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use serde_json::Value;

use super::accumulate::Accumulate;
use super::field_value::FieldValue;
use super::names::{FieldRole, NameField, Scope};
use super::operations::operation_of;
use super::recordings::Recordings;
use crate::ledger::{
    CallNames, CallText, CallTexts, CellTotals, IS_MESSAGE, Kind, Outcome, RunAttributes, Sources, Symbol,
    Usage, Usd, Verdict, bounds, response_hash,
};

/// Provider and model as an emitter names them.
pub(crate) type ModelName = (Option<Symbol>, Option<Symbol>);

/// What decides the price of a call beside its provider and model: the requested model, of which the answered one may have lost a
/// suffix, and the tier that served it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PriceTerms {
    pub(crate) requested: Option<Symbol>,
    pub(crate) tier: Option<Symbol>,
}

impl PriceTerms {
    /// Those of a call's record.
    pub(crate) fn of(names: &CallNames) -> Self {
        Self { requested: names.requested, tier: names.tier }
    }

    /// These, and of the other what is unknown here.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { requested: self.requested.or(other.requested), tier: self.tier.or(other.tier) }
    }

    /// Whether two are the same, by address.
    // Always inlined: two comparisons on the path of every priced call.
    #[inline(always)]
    pub(crate) fn is(self, other: Self) -> bool {
        Symbol::same_option(self.requested, other.requested) && Symbol::same_option(self.tier, other.tier)
    }
}

/// Everything recorded so far. The common part lies flat; what few spans have is behind a pointer.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Its own amount: a call's usage, or what a stage has used by itself, and the cost of that where the emitter recorded it.
    /// It is completed where it lies when the span closes: to move it would cost more than to work it out.
    pub(crate) own: CellTotals,
    /// Names that it recorded, each at the place of its [`NameField`].
    names: [Option<Symbol>; NameField::COUNT],
    /// Hash of the provider's id of the response; 0 if unknown. The highest bit is whether the id begins with `msg_`.
    pub(crate) response_id: u64,
    /// Texts for the record of a call.
    pub(crate) texts: CallTexts,
    /// Nanoseconds until the first token of the response.
    first_token: Option<NonZeroU64>,
    /// Figures for everything inside the span.
    pub(crate) inclusive: Option<Box<Inclusive>>,
    pub(crate) remarks: Option<Box<Remarks>>,
}

/// Figures for everything inside a span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inclusive {
    pub(crate) usage: Usage,
    pub(crate) cost: Option<Usd>,
}

impl Inclusive {
    /// The figures that a reading has of its own.
    pub(crate) fn of(reading: &Reading) -> Self {
        Self { usage: reading.own.usage.clone(), cost: reading.cost() }
    }
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
    /// The currency of a reported cost.
    pub(crate) currency: Option<Box<str>>,
    /// Names for the pipeline: the field `pipeline`, and `otel.name`.
    pub(crate) pipeline: Option<Box<str>>,
    /// Whether the run ends now, whatever is open inside: its explicit end was recorded.
    pub(crate) is_ended: bool,
    pub(crate) otel_name: Option<Box<str>>,
    /// The name of an event in the OpenTelemetry sense.
    pub(crate) event_name: Option<Box<str>>,
    /// Sums under further names of a figure: two names of one figure are one figure (A10).
    synonyms: Vec<Synonym>,
    /// Figures of the events with a call's details: the larger of each (A7).
    pub(crate) details: Option<Box<Inclusive>>,
    /// Own usage that was recorded several times.
    pub(crate) recordings: Recordings,
}

/// What was recorded under a further name of a figure.
#[derive(Debug)]
struct Synonym {
    field: &'static str,
    scope: Scope,
    /// The unit; `None` is money.
    kind: Option<Kind>,
    count: u64,
    cost: Usd,
}

/// The fields of an operation's event, beside its cost.
#[derive(Debug, Default)]
pub(crate) struct RecordReading {
    pub(crate) duration: Option<Duration>,
    pub(crate) meta: BTreeMap<String, Value>,
}

/// A failure and its text. A message replaces a type.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub(crate) failed: bool,
    kind: Option<Box<str>>,
    text: Option<Box<str>>,
}

impl Failure {
    /// A text for a failure that is still to be decided.
    pub(crate) fn text_only(text: &str) -> Self {
        Self { failed: false, kind: None, text: Some(text.into()) }
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

impl Reading {
    /// Takes one recorded value.
    pub(crate) fn take(
        &mut self,
        role: FieldRole,
        field: &'static str,
        value: FieldValue<'_>,
        how: Accumulate,
    ) {
        match role {
            FieldRole::Usage(kind, scope) => self.take_usage(kind, scope, field, value, how),
            FieldRole::Cost(scope) => self.take_cost(scope, field, value, how),
            FieldRole::AlsoUsage(kind, scope) if how != Accumulate::Newest => match value.count_of(kind) {
                Ok(Some(count)) => self.synonym(field, scope, Some(kind)).count += count,
                Ok(None) => {}
                Err(refusal) => self.refuse(field, value, refusal),
            },
            FieldRole::AlsoUsage(kind, scope) => self.take_usage(kind, scope, field, value, how),
            FieldRole::AlsoCost(scope) if how != Accumulate::Newest => match value.usd() {
                Ok(Some(usd)) => self.synonym(field, scope, None).cost += usd,
                Ok(None) => {}
                Err(refusal) => self.refuse(field, value, refusal),
            },
            FieldRole::AlsoCost(scope) => self.take_cost(scope, field, value, how),
            FieldRole::Other => {}
            FieldRole::Units => self.take_units(value, how),
            FieldRole::FinishReasons => {
                if let Some(reasons) = value.text(finish_reasons).flatten() {
                    self.name(NameField::FinishReason, reasons);
                }
            }
            // A name once recorded is only replaced by another.
            FieldRole::Name(name) => {
                if let Some(text) = value.text(Symbol::intern) {
                    self.name(name, text);
                }
            }
            FieldRole::SpanKind => {
                if let Some(operation) = value.text(|kind| Symbol::intern(operation_of(kind))) {
                    self.name(NameField::Operation, operation);
                }
            }
            FieldRole::ResponseId => {
                let _ = value.text(|id| self.take_response_id(id));
            }
            FieldRole::Conversation => {
                let _ = value.text(|id| self.texts.set(CallText::Conversation, id));
            }
            FieldRole::FirstToken => {
                let time = value.number().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let nanos = time.and_then(|time| NonZeroU64::new(u64::try_from(time.as_nanos()).ok()?));
                self.first_token = nanos.or(self.first_token);
            }
            other => self.remarks.get_or_insert_default().take(other, field, value),
        }
    }

    /// Takes a name.
    // Inlined: one store into an array.
    #[inline]
    pub(crate) fn name(&mut self, field: NameField, name: Symbol) {
        self.names[field as usize] = Some(name);
    }

    /// The name that it recorded last of those that name the same.
    // Inlined: one load from an array.
    #[inline]
    pub(crate) fn named(&self, field: NameField) -> Option<Symbol> {
        self.names[field as usize]
    }

    // Inlined: one load.
    #[inline]
    pub(crate) fn operation(&self) -> Option<Symbol> {
        self.named(NameField::Operation)
    }

    /// The model to book the usage under: the one that answered, else the requested one.
    // Inlined: two loads and a choice.
    #[inline]
    pub(crate) fn model(&self) -> Option<Symbol> {
        self.named(NameField::ResponseModel).or(self.named(NameField::RequestModel))
    }

    /// What decides the price of a call beside its provider and model.
    // Inlined: a few loads and choices.
    #[inline]
    pub(crate) fn price_terms(&self) -> PriceTerms {
        PriceTerms {
            requested: self.named(NameField::RequestModel),
            tier: self.named(NameField::ServedTier).or(self.named(NameField::RequestedTier)),
        }
    }

    /// Takes the provider's id of a response.
    pub(crate) fn take_response_id(&mut self, id: &str) {
        self.response_id = response_hash(id);
        self.texts.set(CallText::ResponseId, id);
    }

    /// The names that the record of a call has, where this is one of a call of these: provider, and model if it names none itself.
    // Inlined: a dozen loads and stores.
    #[inline(always)]
    pub(crate) fn call_names(&self, (provider, model): ModelName) -> CallNames {
        let answered = self.named(NameField::ResponseModel);
        let requested = self.named(NameField::RequestModel);
        CallNames {
            provider,
            requested: if answered.is_none() { requested.or(model) } else { requested },
            answered,
            tier: self.named(NameField::ServedTier).or(self.named(NameField::RequestedTier)),
            finish_reason: self.named(NameField::FinishReason),
            prompt: self.named(NameField::Prompt),
            prompt_version: self.named(NameField::PromptVersion),
            first_token: self.first_token,
        }
    }

    /// Takes over from an event with a call's details what only the record has, where it is unknown (A7).
    pub(crate) fn complete_record(&mut self, details: &Self) {
        for name in NameField::FOR_RECORDS {
            self.names[name as usize] = self.named(name).or(details.named(name));
        }
        self.texts.fill(&details.texts);
        self.first_token = self.first_token.or(details.first_token);
    }

    /// Puts the text of its failure where the record of a call has it.
    #[cold]
    pub(crate) fn note_error(&mut self) {
        if let Outcome::Failed(Some(text)) = self.outcome() {
            self.texts.set(CallText::Error, &text);
        }
    }

    /// Whether the id of the response begins with `msg_`, as those of Anthropic do: some emitters record nothing else of the provider.
    pub(crate) fn is_message(&self) -> bool {
        self.response_id & IS_MESSAGE != 0
    }

    /// Takes a count.
    // Always inlined: of a call it is two stores. What adds up is out of line, as it is larger.
    #[inline(always)]
    pub(crate) fn add(&mut self, kind: Kind, scope: Scope, count: u64, how: Accumulate) {
        match how {
            // 0 never replaces a figure above 0: the last chunk of a stream often carries 0 (A4).
            Accumulate::Newest if count == 0 => self.own.usage.add(kind, 0),
            Accumulate::Newest => self.own.usage.set(kind, count),
            // On a container too: a short and a long name of one figure are one figure, and are joined when it closes.
            Accumulate::Sum | Accumulate::Inclusive => self.add_up(kind, scope, count),
        }
    }

    #[inline(never)]
    fn add_up(&mut self, kind: Kind, scope: Scope, count: u64) {
        if scope == Scope::Inclusive {
            self.inclusive.get_or_insert_default().usage.add(kind, count);
            return;
        }
        if Recordings::may_begin_with(kind) && self.own.usage.get(kind).is_some() {
            self.begin_recording(kind);
        }
        self.own.usage.add(kind, count);
    }

    /// A figure of own usage comes again: what was recorded before may be a call of its own (A4).
    #[cold]
    fn begin_recording(&mut self, kind: Kind) {
        let remarks = self.remarks.get_or_insert_default();
        remarks.recordings.begin(kind, &self.own.usage);
    }

    fn take_usage(
        &mut self,
        kind: Kind,
        scope: Scope,
        field: &'static str,
        value: FieldValue<'_>,
        how: Accumulate,
    ) {
        match value.count_of(kind) {
            Ok(Some(count)) => self.add(kind, scope, count, how),
            Ok(None) => {}
            Err(refusal) => self.refuse(field, value, refusal),
        }
    }

    /// Takes counts of several units in one text.
    #[cold]
    fn take_units(&mut self, value: FieldValue<'_>, how: Accumulate) {
        let pairs = value.text(|text| {
            let pair = |pair: &str| {
                let (key, count) = pair.split_once('=')?;
                let kind = Kind::from_key(key)?;
                Some((kind, FieldValue::Text(count).count_of(kind).ok()??))
            };
            text.split(' ').filter_map(pair).collect::<Vec<_>>()
        });
        for (kind, count) in pairs.into_iter().flatten() {
            self.add(kind, Scope::Own, count, how);
        }
    }

    fn take_cost(&mut self, scope: Scope, field: &'static str, value: FieldValue<'_>, how: Accumulate) {
        let usd = match value.usd() {
            Ok(Some(usd)) => usd,
            Ok(None) => return,
            Err(refusal) => return self.refuse(field, value, refusal),
        };
        match (how, scope) {
            (Accumulate::Newest, _) if usd == Usd::ZERO => self.set_cost(self.cost().unwrap_or_default()),
            (Accumulate::Newest, _) => self.set_cost(usd),
            (Accumulate::Sum | Accumulate::Inclusive, Scope::Own) => {
                self.set_cost(self.cost().unwrap_or_default() + usd);
            }
            (Accumulate::Sum | Accumulate::Inclusive, Scope::Inclusive) => {
                let cost = &mut self.inclusive.get_or_insert_default().cost;
                *cost = Some(cost.unwrap_or_default() + usd);
            }
        }
    }

    fn synonym(&mut self, field: &'static str, scope: Scope, kind: Option<Kind>) -> &mut Synonym {
        let synonyms = &mut self.remarks.get_or_insert_default().synonyms;
        let at = synonyms.iter().position(|synonym| synonym.field == field).unwrap_or_else(|| {
            synonyms.push(Synonym { field, scope, kind, count: 0, cost: Usd::ZERO });
            synonyms.len() - 1
        });
        &mut synonyms[at]
    }

    fn refuse(&mut self, field: &'static str, value: FieldValue<'_>, refusal: &'static str) {
        let warning = format!("{field} = {} was taken as not reported: {refusal}", value.json());
        self.remarks.get_or_insert_default().warnings.push(warning);
    }

    /// Forgets its figures: they only repeat those of others.
    #[cold]
    pub(crate) fn forget_figures(&mut self) {
        self.own.clear();
        self.inclusive = None;
        if let Some(remarks) = &mut self.remarks {
            remarks.synonyms.clear();
        }
    }

    /// Forgets everything.
    // Not inlined: it frees boxes that few spans have.
    #[inline(never)]
    pub(crate) fn wipe(&mut self) {
        (self.inclusive, self.remarks) = (None, None);
        self.wipe_figures();
    }

    /// Forgets everything, where there are but figures and names.
    // Inlined: a few stores of zero at the end of every call.
    #[inline(always)]
    pub(crate) fn wipe_figures(&mut self) {
        self.own.clear();
        self.names = [None; NameField::COUNT];
        (self.response_id, self.first_token) = (0, None);
        self.texts.clear();
    }

    /// The cost that it recorded as its own.
    // Inlined: one test.
    #[inline]
    pub(crate) fn cost(&self) -> Option<Usd> {
        let own = &self.own;
        own.sources.contains(Sources::REPORTED).then_some(own.cost)
    }

    pub(crate) fn set_cost(&mut self, cost: Usd) {
        (self.own.cost, self.own.sources) = (cost, Sources::REPORTED);
    }

    /// Takes the cost that it recorded as its own back.
    pub(crate) fn take_cost_back(&mut self) -> Option<Usd> {
        let cost = self.cost()?;
        (self.own.cost, self.own.sources) = (Usd::ZERO, Sources::default());
        Some(cost)
    }

    /// Whether there is an amount of the span's own to book.
    // Inlined: two tests.
    #[inline]
    pub(crate) fn has_amount(&self) -> bool {
        let own = &self.own;
        !own.usage.is_empty() || own.sources.contains(Sources::REPORTED)
    }

    /// Takes its figures so far for figures that accumulate in another way: the span has just recorded its operation.
    #[cold]
    pub(crate) fn change_accumulation(&mut self, how: Accumulate) {
        let inclusive = self.inclusive.take().map(|inclusive| *inclusive).unwrap_or_default();
        let own = Inclusive::of(self);
        let all = own.larger(&inclusive);
        self.own = CellTotals::default();
        if all.usage.is_empty() && all.cost.is_none() {
            return;
        }
        match how {
            Accumulate::Inclusive => self.inclusive = Some(Box::new(all)),
            Accumulate::Newest | Accumulate::Sum => {
                self.own.usage = all.usage;
                if let Some(cost) = all.cost {
                    self.set_cost(cost);
                }
            }
        }
    }

    /// Whether a further name of a figure alone makes an amount: as the span's own, or above 0.
    pub(crate) fn has_synonym_amount(&self, is_plain: bool) -> bool {
        let synonyms = self.remarks.iter().flat_map(|remarks| &remarks.synonyms);
        let is_own = |synonym: &Synonym| is_plain && synonym.scope == Scope::Own;
        synonyms.into_iter().any(|synonym| is_own(synonym) || synonym.count > 0 || synonym.cost > Usd::ZERO)
    }

    /// Joins what was recorded under several names of one figure: the larger counts, and once (A10).
    pub(crate) fn join_synonyms(&mut self, how: Accumulate) {
        let synonyms = self.remarks.as_mut().map(|remarks| std::mem::take(&mut remarks.synonyms));
        for Synonym { scope, kind, count, cost, .. } in synonyms.unwrap_or_default() {
            let is_own = how != Accumulate::Newest && scope == Scope::Own;
            match kind {
                Some(kind) if is_own => self.own.usage.set(kind, self.own.usage.count(kind).max(count)),
                Some(kind) => {
                    let usage = &mut self.inclusive.get_or_insert_default().usage;
                    usage.set(kind, usage.count(kind).max(count));
                }
                None if is_own => self.set_cost(self.cost().unwrap_or_default().max(cost)),
                None => {
                    let known = &mut self.inclusive.get_or_insert_default().cost;
                    *known = Some(known.unwrap_or_default().max(cost));
                }
            }
        }
        match how {
            Accumulate::Newest => {}
            Accumulate::Sum if self.inclusive.is_some() => self.join_scopes(),
            Accumulate::Sum => {}
            Accumulate::Inclusive => {
                let cost = self.take_cost_back();
                let own = Inclusive { usage: std::mem::take(&mut self.own.usage), cost };
                if !own.usage.is_empty() || own.cost.is_some() {
                    let inclusive = self.inclusive.get_or_insert_default();
                    **inclusive = own.larger(inclusive);
                }
            }
        }
    }

    /// Joins a figure that came under a short and under a long name.
    fn join_scopes(&mut self) {
        let Some(inclusive) = &mut self.inclusive else { return };
        let own = Inclusive {
            usage: self.own.usage.clone(),
            cost: self.own.sources.contains(Sources::REPORTED).then_some(self.own.cost),
        };
        if !inclusive.usage.is_split() && inclusive.usage.get(Kind::Tokens).is_some() {
            if own.usage.is_split() {
                // A total beside its parts: it is never added to them. Where it contradicts them, the parts' reader warns.
                self.own.usage.set(Kind::Tokens, inclusive.usage.count(Kind::Tokens));
                inclusive.usage.forget(Kind::Tokens);
            } else {
                // Parts beside nothing but a total are inside the total.
                **inclusive = Inclusive { cost: inclusive.cost, ..own.larger(inclusive) };
                self.own.usage = Usage::new();
            }
        }
        for (kind, count) in own.usage.iter() {
            if self.own.usage.get(kind).is_some()
                && let Some(all) = inclusive.usage.get(kind)
            {
                inclusive.usage.set(kind, count.max(all));
                self.own.usage.forget(kind);
            }
        }
        if own.cost.is_some() && inclusive.cost.is_some() {
            inclusive.cost = inclusive.cost.max(own.cost);
            (self.own.cost, self.own.sources) = (Usd::ZERO, Sources::default());
        }
        if inclusive.usage.is_empty() && inclusive.cost.is_none() {
            self.inclusive = None;
        }
    }

    /// Keeps the figures of an event with a call's details (A7).
    pub(crate) fn take_details(&mut self, details: &Inclusive) {
        let known = &mut self.remarks.get_or_insert_default().details;
        let larger = known.as_deref().map_or_else(|| details.clone(), |known| known.larger(details));
        *known = Some(Box::new(larger));
    }

    /// Supplies what a call has not recorded from the events with its details. 0 gives way to more, as in A4.
    pub(crate) fn complete(&mut self) {
        let details = self.remarks.as_mut().and_then(|remarks| remarks.details.take());
        let Some(Inclusive { usage, cost }) = details.map(|details| *details) else { return };
        for (kind, count) in usage.iter() {
            if self.own.usage.count(kind) == 0 {
                self.own.usage.set(kind, count);
            }
        }
        if let Some(cost) = cost
            && self.cost().unwrap_or_default() == Usd::ZERO
        {
            self.set_cost(cost);
        }
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

    // Inlined: a test of a pointer that is nearly always none.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.remarks.as_ref().is_some_and(|remarks| remarks.failure.failed)
    }

    /// What it recorded of a failure, if anything.
    // Inlined: a test of a pointer that is nearly always none.
    #[inline]
    pub(crate) fn known_failure(&self) -> Option<&Failure> {
        self.remarks.as_ref().map(|remarks| &remarks.failure)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.remarks.as_ref().map(|remarks| remarks.failure.outcome()).unwrap_or_default()
    }
}

/// The reasons of a list, as emitters write it: `["stop"]`, `[Stop]`, `stop`.
fn finish_reasons(list: &str) -> Option<Symbol> {
    let inside = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(list);
    let reasons = inside.split(',').map(|reason| reason.trim().trim_matches(['"', '\'']));
    let mut known: Vec<&str> = reasons.filter(|reason| !reason.is_empty()).collect();
    known.dedup();
    match known[..] {
        [] => None,
        [one] => Some(Symbol::intern(one)),
        _ => Some(Symbol::intern(&known.join(", "))),
    }
}

/// The values of a JSON object that is not too large.
fn object(text: &str) -> Option<serde_json::Map<String, Value>> {
    if text.len() > bounds::OBJECT {
        return None;
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

impl Inclusive {
    /// The larger of each figure.
    fn larger(&self, other: &Self) -> Self {
        let mut usage = self.usage.clone();
        for (kind, count) in other.usage.iter() {
            usage.set(kind, usage.count(kind).max(count));
        }
        Self { usage, cost: self.cost.max(other.cost) }
    }
}

impl Remarks {
    fn take(&mut self, role: FieldRole, field: &'static str, value: FieldValue<'_>) {
        match role {
            FieldRole::Error => {
                if let Some(text) = value.failure() {
                    self.failure.failed = true;
                    self.failure.text = self.failure.text.take().or(text);
                }
            }
            FieldRole::ErrorType => {
                if let Some(kind) = value.failure() {
                    self.failure.failed = true;
                    self.failure.kind = kind.or(self.failure.kind.take());
                }
            }
            FieldRole::ErrorMessage => self.failure.text = value.boxed().or(self.failure.text.take()),
            FieldRole::StatusCode => {
                self.failure.failed |= value.text(|code| code.eq_ignore_ascii_case("error")).unwrap_or(false);
            }
            FieldRole::Message => self.message = value.boxed(),
            FieldRole::Currency => self.currency = value.name(),
            FieldRole::Pipeline => self.pipeline = value.name(),
            FieldRole::OtelName => self.otel_name = value.name(),
            FieldRole::EventName => self.event_name = value.name(),
            FieldRole::RunId
            | FieldRole::Project
            | FieldRole::Tag
            | FieldRole::Count
            | FieldRole::ValueUsd
            | FieldRole::Iteration => {
                if let Err(warning) = self.run.get_or_insert_default().take(role, field, value) {
                    self.warnings.push(warning);
                }
            }
            FieldRole::Refusal => self.warnings.extend(value.text(str::to_owned)),
            FieldRole::End => self.is_ended = value.flag() == Some(true),
            FieldRole::Seconds | FieldRole::Meta => self.record.get_or_insert_default().take(role, value),
            _ => self.gate.get_or_insert_default().take(role, field, value),
        }
    }
}

impl RecordReading {
    fn take(&mut self, role: FieldRole, value: FieldValue<'_>) {
        match (role, value) {
            (FieldRole::Seconds, value) => {
                self.duration = value.number().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            }
            (_, FieldValue::Text(text)) => {
                match object(text) {
                    Some(object) => self.meta.extend(object),
                    // Too large for an object: what there is of it as a text.
                    None if text.len() > bounds::OBJECT => {
                        self.meta.insert("meta".to_owned(), value.json());
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }
}

impl GateReading {
    fn take(&mut self, role: FieldRole, field: &'static str, value: FieldValue<'_>) {
        match role {
            FieldRole::Gate => self.name = value.name(),
            FieldRole::Evaluation => {
                self.name = value.name();
                self.is_evaluation = true;
            }
            FieldRole::Verdict => self.verdict = value.text(|word| Verdict::from(&*bounds::name(word))),
            FieldRole::Score => self.score = value.number(),
            FieldRole::Blocking => self.blocking = value.flag(),
            FieldRole::Reason => self.reason = value.boxed(),
            FieldRole::Diagnostics => match value {
                FieldValue::Text(text) => match object(text) {
                    Some(object) => self.diagnostics.extend(object),
                    None => drop(self.diagnostics.insert(field.to_owned(), value.json())),
                },
                other => drop(self.diagnostics.insert(field.to_owned(), other.json())),
            },
            _ => drop(self.diagnostics.insert(field.to_owned(), value.json())),
        }
    }
}

impl RunAttributes {
    fn take(&mut self, role: FieldRole, field: &'static str, value: FieldValue<'_>) -> Result<(), String> {
        let refuse = |expected| Err(format!("{field} = {} was ignored: expected {expected}", value.json()));
        match role {
            FieldRole::RunId => self.run_id = value.name(),
            FieldRole::Project => self.project = value.name(),
            FieldRole::Tag => {
                if let Some(label) = value.boxed() {
                    self.tags.insert(field.trim_start_matches("tag.").to_owned(), label.into());
                }
            }
            FieldRole::Count => match value.whole() {
                Some(number) => {
                    self.counts.insert(field.trim_start_matches("count.").to_owned(), number);
                }
                None => return refuse("a whole number"),
            },
            FieldRole::ValueUsd => match value.usd() {
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
