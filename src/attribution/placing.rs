//! Placing a span: call, agent, tool or container; stage or not; and what its descendants inherit.

use super::callsite_schema::CallByFields;
use super::names::NameField;
use super::operations::OperationKind;
use super::place::{CallKinds, SpanKind};
use super::rules::{CallsiteFlags, Rules};
use super::span::Span;
use crate::ledger::{StageId, Symbol};

impl Rules {
    /// What a span is before its operation is known, for the way in which its first figures accumulate.
    // Inlined: one comparison.
    #[inline]
    pub(crate) fn first_kind(&self, flags: CallsiteFlags) -> SpanKind {
        match flags.schema.call_by_fields {
            CallByFields::No => SpanKind::Plain,
            CallByFields::ShortNames | CallByFields::LongNames if flags.is_declared_stage() => {
                SpanKind::Plain
            }
            CallByFields::ShortNames => SpanKind::Plain,
            _ => SpanKind::Call(OperationKind::Text),
        }
    }

    /// Places a span by what it has recorded so far and by what is around it: at its creation, and again if it records its
    /// operation, stage or agent later.
    // Always inlined into the layer's way to open a span: a dozen stores into one struct. All others are rare.
    #[inline(always)]
    pub(crate) fn place(&self, flags: CallsiteFlags, span: &mut Span) {
        let kind = self.kind(flags, span);
        if kind != span.kind {
            if kind.accumulate() != span.kind.accumulate() {
                span.reading.change_accumulation(kind.accumulate());
            }
            span.kind = kind;
        }
        span.place = span.outer;
        let stage = self.stage_name(flags, span, kind);
        span.is_stage = stage.is_some();
        let is_agent = span.is_agent_as(kind);
        if let Some(stage) = stage {
            span.place.stage = Some(StageId::intern(stage, span.outer.stage));
        }
        if flags.schema.has_names {
            place_names(span, kind, is_agent);
        } else if is_agent {
            span.place.agent = Some(span.schema.name);
        }
        let separates = span.is_stage || is_agent || flags.schema.has_gate || kind == SpanKind::Tool;
        if separates {
            span.place.calls = CallKinds::NONE;
        }
        if let SpanKind::Call(kind) = kind {
            span.place.calls = span.place.calls.with(kind);
        }
    }

    /// The kind of a span (A3).
    // Inlined: nearly always one comparison of pointers.
    #[inline]
    fn kind(&self, flags: CallsiteFlags, span: &Span) -> SpanKind {
        let by_fields = flags.schema.call_by_fields;
        if let Some(operation) = span.reading.named(NameField::Operation) {
            return match self.operation_kind(operation) {
                OperationKind::Agent => SpanKind::Agent,
                OperationKind::Tool => SpanKind::Tool,
                OperationKind::Container if by_fields == CallByFields::Own => {
                    SpanKind::Call(OperationKind::Text)
                }
                OperationKind::Container => SpanKind::Container,
                kind => SpanKind::Call(kind),
            };
        }
        let is_call = match by_fields {
            CallByFields::No => false,
            CallByFields::Own | CallByFields::Emitter => true,
            CallByFields::LongNames => !flags.is_declared_stage(),
            // An author's root, or right below it a stage, with short names has usage of its own.
            CallByFields::ShortNames => {
                let is_authors = span.is_root || span.is_child_of_root && self.finds_stages();
                !flags.is_declared_stage() && !is_authors
            }
        };
        if is_call { SpanKind::Call(OperationKind::Text) } else { SpanKind::Plain }
    }

    /// The name of the stage that a span is, if it is one (A2).
    // Inlined into `place`, where half of its tests are known.
    #[inline]
    fn stage_name(&self, flags: CallsiteFlags, span: &Span, kind: SpanKind) -> Option<Symbol> {
        let name = flags.schema.name;
        if flags.is_declared_stage() {
            let recorded = span.reading.named(NameField::Stage).filter(|_| flags.schema.has_stage);
            return recorded.or(Some(name));
        }
        if !self.finds_stages() {
            return None;
        }
        match kind {
            SpanKind::Agent => Some(span.reading.named(NameField::Agent).unwrap_or(name)),
            SpanKind::Plain | SpanKind::Container if span.is_child_of_root && !flags.schema.has_gate => {
                // A span without a name has none to give to a row.
                Some(name).filter(|name| !name.as_str().is_empty())
            }
            _ => None,
        }
    }
}

/// What a span that names a provider, a model or an agent passes on.
// Inlined: a few tests for each call.
#[inline]
fn place_names(span: &mut Span, kind: SpanKind, is_agent: bool) {
    let (reading, place) = (&span.reading, &mut span.place);
    let named = |field: NameField| reading.named(field);
    if is_agent {
        place.agent = named(NameField::Agent).or(Some(span.schema.name));
    } else if let (SpanKind::Call(_), Some(agent)) = (kind, named(NameField::Agent)) {
        // A call belongs to the agent that it names itself.
        place.agent = Some(agent);
    }
    if is_agent || span.is_stage {
        place.provider = named(NameField::Provider).or(place.provider);
        place.model = reading.model().or(place.model);
    }
}
