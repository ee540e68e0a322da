//! The schema of a callsite: what its fields are, and what its spans or events are by their declaration alone.

use super::emitters::{Known, known};
use super::names::{FieldRole, NameField, Scope, misspelt, role_of};
use super::reading::Reading;
use crate::ledger::{Kind, Symbol};

/// The target of events that record an operation, of this crate's own functions.
pub(crate) const OPERATION_TARGET: &str = "tracing_budget::operation";

/// The target of events that `record_usage` emits.
const USAGE_TARGET: &str = "tracing_budget::usage";

/// Targets of this crate's own functions. Usage in their events counts.
const OWN_TARGETS: [&str; 3] = [USAGE_TARGET, "tracing_budget::gate", OPERATION_TARGET];

/// The target of spans that `call` opens: calls, whatever their operation is called.
const CALL_TARGET: &str = "tracing_budget::call";

/// The target of spans that `run` opens: roots, and no stages, whatever the program lists.
const RUN_TARGET: &str = "tracing_budget::run";

/// The semantic conventions' event with the details of a call. It completes its call and never adds.
const DETAILS_EVENT: &str = "gen_ai.client.inference.operation.details";

/// The declaration of a callsite: `tracing` metadata, or the instrumentation scope and attributes of another source of spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration<'a> {
    pub(crate) name: &'a str,
    pub(crate) target: &'a str,
    /// The source file, where known: a registry's folder names crate and version.
    pub(crate) file: Option<&'a str>,
    pub(crate) fields: &'a [&'a str],
    pub(crate) kind: CallsiteKind,
}

/// What a callsite makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallsiteKind {
    Span,
    Event,
    /// An event of level ERROR.
    ErrorEvent,
}

/// Whether the spans of a callsite are calls if they record no operation (A3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallByFields {
    No,
    /// It declares a model and tokens, by this crate's short names alone: an author's stage may do so as well.
    ShortNames,
    /// It declares a model and tokens, at least one of them by a convention's name.
    LongNames,
    /// A known emitter opens it for calls.
    Emitter,
    /// This crate's own `call` opens it: a call whatever its operation is called.
    Own,
}

/// What a callsite's spans or events mean. Worked out once per callsite, so that a visitor only looks up an index.
#[derive(Debug)]
pub(crate) struct CallsiteSchema {
    /// The span's name.
    pub(crate) name: Symbol,
    pub(crate) target: Symbol,
    pub(crate) kind: CallsiteKind,
    pub(crate) call_by_fields: CallByFields,
    pub(crate) emitter: Known,
    /// Whether any field has a role.
    pub(crate) is_relevant: bool,
    /// Whether a field reports tokens or a cost.
    pub(crate) has_figures: bool,
    /// Whether a field reports a figure for everything inside the span.
    pub(crate) is_inclusive: bool,
    /// Whether it names an operation of the GenAI conventions: a root of its own makes no sense while another span is current (A9).
    pub(crate) is_gen_ai: bool,
    pub(crate) has_stage: bool,
    pub(crate) has_gate: bool,
    /// Whether it names a provider, a model or an agent, which calls inside inherit.
    pub(crate) has_names: bool,
    /// Whether its events are usage by this crate's own functions (A7).
    pub(crate) is_own_event: bool,
    /// Whether its events are those of `record_usage`: calls, also without usage.
    pub(crate) is_usage_record: bool,
    /// Whether its events record an operation that is no span.
    pub(crate) is_operation_record: bool,
    /// Whether this crate's own `run` opens its spans: always roots, and never stages (A1).
    pub(crate) is_run: bool,
    /// Whether its events complete their call and never add (A7).
    is_details: bool,
    may_be_details: bool,
    /// Whether it has an `error` field, and whether that is all it has: `#[instrument(err)]` emits such events (A12).
    pub(crate) has_error: bool,
    pub(crate) is_error_alone: bool,
    /// The role of each field.
    pub(crate) roles: Box<[FieldRole]>,
}

impl CallsiteSchema {
    pub(crate) fn of(declaration: Declaration<'_>) -> Self {
        let Declaration { name, target, file, fields, kind } = declaration;
        let is_event = kind != CallsiteKind::Span;
        let mut roles: Box<[FieldRole]> = fields.iter().map(|field| role_of(field)).collect();
        let has = |role: FieldRole| roles.contains(&role);
        let has_name = |name: NameField| has(FieldRole::Name(name));
        let has_gate = has(FieldRole::Gate) || has(FieldRole::Evaluation);
        let has_usage = roles.iter().any(|role| matches!(role, FieldRole::Usage(..)));
        let has_figures = has_usage || roles.iter().any(|role| matches!(role, FieldRole::Cost(_)));
        let inclusive = |role: &FieldRole| {
            matches!(role, FieldRole::Usage(_, Scope::Inclusive) | FieldRole::Cost(Scope::Inclusive))
        };
        let is_inclusive = roles.iter().any(inclusive);
        let has_model = has_name(NameField::RequestModel) || has_name(NameField::ResponseModel);
        let emitter = known(name, target, file, is_event);
        let call_by_fields = match target {
            CALL_TARGET => CallByFields::Own,
            _ if emitter.is_call => CallByFields::Emitter,
            _ if !(has_usage && has_model) => CallByFields::No,
            _ if has_long_name(fields, &roles) => CallByFields::LongNames,
            _ => CallByFields::ShortNames,
        };
        let names_operation = |field: &&str| {
            field.contains('.')
                && matches!(role_of(field), FieldRole::Name(NameField::Operation) | FieldRole::SpanKind)
        };
        let is_gen_ai = emitter.is_call || fields.iter().any(names_operation);
        let has_names = has_model || has_name(NameField::Provider) || has_name(NameField::Agent);
        let is_own_event = is_event && OWN_TARGETS.contains(&target);
        let is_usage_record = is_event && target == USAGE_TARGET;
        let is_operation_record = is_event && target == OPERATION_TARGET;
        let is_run = !is_event && target == RUN_TARGET;
        let is_details = is_event && name == DETAILS_EVENT;
        let may_be_details = is_event && has(FieldRole::EventName);
        let is_nothing =
            |role: &FieldRole| matches!(role, FieldRole::Other | FieldRole::Message) || role.is_for_records();
        let is_relevant = !roles.iter().all(is_nothing);
        let (has_stage, has_error) = (has_name(NameField::Stage), has(FieldRole::Error));
        let is_error_alone = has_error && fields.len() == 1;
        for (name, role) in fields.iter().zip(&mut roles) {
            *role = match (*name, *role) {
                ("duration_seconds", _) if is_operation_record => FieldRole::Seconds,
                ("meta", _) if is_operation_record => FieldRole::Meta,
                ("refusal", _) if is_operation_record || is_usage_record || target == CALL_TARGET => {
                    FieldRole::Refusal
                }
                ("units", _) if is_usage_record || target == CALL_TARGET => FieldRole::Units,
                ("ended", _) if is_run => FieldRole::End,
                // The better of two names, whichever is recorded last: `llm.provider` is the host, which bills; an operation of the
                // GenAI conventions is finer than OpenInference's kind of span.
                ("llm.system", _) if fields.contains(&"llm.provider") => FieldRole::Other,
                ("openinference.span.kind", _) if fields.contains(&"gen_ai.operation.name") => {
                    FieldRole::Other
                }
                // All that a gate records is kept with its verdict.
                (_, role) if has_gate && (role == FieldRole::Other || role.is_for_records()) => {
                    FieldRole::Diagnostic
                }
                // A session may have several conversations.
                ("session.id", _) if fields.contains(&"gen_ai.conversation.id") => FieldRole::Other,
                (_, role) => role,
            };
        }
        mark_synonyms(&mut roles);
        Self {
            name: Symbol::intern(name),
            target: Symbol::intern(target),
            kind,
            call_by_fields,
            emitter,
            is_relevant,
            has_figures,
            is_inclusive,
            is_gen_ai,
            has_stage,
            has_gate,
            has_names,
            is_own_event,
            is_usage_record,
            is_operation_record,
            is_run,
            is_details,
            may_be_details,
            has_error,
            is_error_alone,
            roles,
        }
    }

    /// The role of a field by its index.
    // Inlined: one indexed load for every field of every span that matters.
    #[inline]
    pub(crate) fn role(&self, index: usize) -> FieldRole {
        self.roles.get(index).copied().unwrap_or(FieldRole::Other)
    }

    /// Fields that are one edit away from a known name, with that name. Without another known field they are names of other programs.
    pub(crate) fn misspelt_fields<'a>(
        &self,
        fields: &'a [&'a str],
    ) -> impl Iterator<Item = (&'a str, &'static str)> {
        let fields = if self.is_relevant { fields } else { &[] };
        // A name that is declared as well is not the one that was meant.
        let known = move |field: &&'a str| misspelt(field).filter(|known| !fields.contains(known));
        fields.iter().filter_map(move |field| Some((*field, known(field)?)))
    }

    /// Whether an event is the conventions' event with the details of a call, by its own name or by the field `event.name`.
    pub(crate) fn is_details(&self, reading: &Reading) -> bool {
        let named = || reading.remarks.as_ref().and_then(|remarks| remarks.event_name.as_deref());
        self.is_details || self.may_be_details && named() == Some(DETAILS_EVENT)
    }

    /// Whether usage in its events counts without a setting of the program (A7).
    pub(crate) fn is_usage_event(&self) -> bool {
        self.is_own_event || self.emitter.is_usage_event
    }
}

/// Whether a token, cost or model field has a convention's name, which has a dot.
fn has_long_name(fields: &[&str], roles: &[FieldRole]) -> bool {
    let of_a_call = |role: &FieldRole| {
        matches!(
            role,
            FieldRole::Usage(..)
                | FieldRole::Cost(_)
                | FieldRole::Name(NameField::RequestModel | NameField::ResponseModel)
        )
    };
    fields.iter().zip(roles).any(|(field, role)| field.contains('.') && of_a_call(role))
}

/// Marks each further name of one figure: two names of one figure on one span are one figure (A10).
fn mark_synonyms(roles: &mut [FieldRole]) {
    let mut seen: Vec<(Option<Kind>, Scope)> = Vec::new();
    for role in roles {
        let (figure, synonym) = match *role {
            FieldRole::Usage(kind, scope) => ((Some(kind), scope), FieldRole::AlsoUsage(kind, scope)),
            FieldRole::Cost(scope) => ((None, scope), FieldRole::AlsoCost(scope)),
            _ => continue,
        };
        if seen.contains(&figure) {
            *role = synonym;
        } else {
            seen.push(figure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misspelt_in<'a>(fields: &'a [&'a str]) -> Vec<(&'a str, &'static str)> {
        let declaration =
            Declaration { name: "stage", target: "app", file: None, fields, kind: CallsiteKind::Span };
        CallsiteSchema::of(declaration).misspelt_fields(fields).collect()
    }

    #[test]
    fn a_misspelt_field_is_found_beside_known_fields_alone() {
        assert_eq!(misspelt_in(&["model", "inptu_tokens"]), [("inptu_tokens", "input_tokens")]);
        assert_eq!(misspelt_in(&["inptu_tokens"]), []);
        assert_eq!(misspelt_in(&["model", "input_tokens", "input_token"]), []);
        assert_eq!(misspelt_in(&["message", "output_token"]), []);
    }

    /// `llm.system` is the maker of the model, `llm.provider` the host that bills.
    #[test]
    fn the_better_of_two_names_counts_in_either_order() {
        for fields in [["llm.system", "llm.provider"], ["llm.provider", "llm.system"]] {
            let declaration = Declaration {
                name: "llm",
                target: "app",
                file: None,
                fields: &fields,
                kind: CallsiteKind::Span,
            };
            let schema = CallsiteSchema::of(declaration);
            for (at, field) in fields.iter().enumerate() {
                let is_read = schema.role(at) == FieldRole::Name(NameField::Provider);
                assert_eq!(is_read, *field == "llm.provider", "{fields:?}");
            }
        }
    }
}
