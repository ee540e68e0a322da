//! The rules that a program sets: stages, roots, targets with usage, emitters that count apart.

use std::collections::HashSet;

use super::callsite_schema::{CallsiteKind, CallsiteSchema};
use super::operations::{OperationKind, kind_of};
use crate::ledger::Symbol;

/// The settings of a program, and the names that the rules look for.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Declared stages; if empty, stages are found by position and by operation (A2).
    pub(crate) stages: HashSet<Box<str>>,
    /// Named roots; empty is «every span without a parent».
    pub(crate) roots: HashSet<Box<str>>,
    /// Targets with events that count as calls.
    pub(crate) usage_events: Vec<String>,
    /// Emitters that report input without the tokens from the cache.
    pub(crate) exclusive_cache: Vec<ApartEmitter>,
    /// Whether an ERROR event fails its span.
    pub(crate) error_events_fail: bool,
    /// The common operations with their kinds: a pointer is compared, not a text.
    operations: [(Symbol, OperationKind); 8],
    /// OpenInference's kinds of spans, with the operations that they are.
    kinds_of_spans: [(Symbol, Symbol); 5],
    /// The operation of a call that has none.
    pub(crate) chat: Symbol,
    /// The operation of a cost that has none.
    pub(crate) unattributed: Symbol,
}

/// An emitter that counts cached tokens apart, by where its spans come from and whom it calls.
#[derive(Clone, Debug)]
pub(crate) struct ApartEmitter {
    /// The beginning of the target of its spans.
    pub(crate) target: String,
    /// The provider that it calls; `None` is any.
    pub(crate) provider: Option<String>,
}

impl ApartEmitter {
    /// Whether a span with this target, and a call to this provider, are the emitter's.
    pub(super) fn covers(&self, target: Symbol, provider: Option<Symbol>) -> bool {
        let names_it = |named: &str| provider.is_some_and(|provider| provider.as_str() == named);
        target.as_str().starts_with(&self.target) && self.provider.as_deref().is_none_or(names_it)
    }
}

impl Default for Rules {
    fn default() -> Self {
        let operation = |name: &str| (Symbol::intern(name), kind_of(name));
        Self {
            stages: HashSet::new(),
            roots: HashSet::new(),
            usage_events: Vec::new(),
            exclusive_cache: Vec::new(),
            error_events_fail: false,
            // In the order of their frequency: nearly all are chats.
            operations: [
                "chat",
                "execute_tool",
                "invoke_agent",
                "embeddings",
                "generate_content",
                "text_completion",
                "invoke_workflow",
                "create_agent",
            ]
            .map(operation),
            kinds_of_spans: [
                ("LLM", "chat"),
                ("EMBEDDING", "embeddings"),
                ("RERANKER", "rerank"),
                ("AGENT", "invoke_agent"),
                ("TOOL", "execute_tool"),
            ]
            .map(|(kind, name)| (Symbol::intern(kind), Symbol::intern(name))),
            chat: Symbol::intern("chat"),
            unattributed: Symbol::intern("unattributed"),
        }
    }
}

impl Rules {
    /// The kind of an operation.
    // Inlined: nearly always one comparison of two pointers.
    #[inline]
    pub(crate) fn operation_kind(&self, operation: Symbol) -> OperationKind {
        match self.operations.iter().find(|(known, _)| *known == operation) {
            Some((_, kind)) => *kind,
            None => kind_of(operation.as_str()),
        }
    }

    /// The conventions' name of an operation: OpenInference writes kinds of spans.
    // Inlined: nearly always one comparison of two pointers.
    #[inline]
    pub(crate) fn operation_name(&self, operation: Symbol) -> Symbol {
        if operation == self.chat {
            return operation;
        }
        let known = self.kinds_of_spans.iter().find(|(kind, _)| *kind == operation);
        known.map_or(operation, |(_, name)| *name)
    }

    /// Whether direct children of the root are stages, and agents: so if none were declared.
    // Inlined: one load.
    #[inline]
    pub(crate) fn finds_stages(&self) -> bool {
        self.stages.is_empty()
    }

    /// What a callsite's spans are for a program with these rules.
    pub(crate) fn flags(&self, schema: &'static CallsiteSchema) -> CallsiteFlags {
        let name = schema.name.as_str();
        let is_declared_stage = self.stages.contains(name) && !schema.is_run;
        let is_named_root = self.roots.contains(name);
        let mut bits = 0;
        for (flag, holds) in [
            (IS_DECLARED_STAGE, is_declared_stage || schema.has_stage),
            (MAY_BE_ROOT, is_named_root || self.roots.is_empty() || schema.is_run),
            (MATTERS, schema.is_relevant || schema.emitter.is_call || is_declared_stage || is_named_root),
            (MATTERS_UNDER_ROOT, self.finds_stages()),
            (IS_NAMED_ROOT, is_named_root && schema.kind == CallsiteKind::Span),
            (COUNTS, schema.kind != CallsiteKind::Span && self.counts(schema)),
        ] {
            bits |= if holds { flag } else { 0 };
        }
        CallsiteFlags { schema, bits }
    }

    /// Whether usage in the events of a callsite counts (A7).
    fn counts(&self, schema: &CallsiteSchema) -> bool {
        let target = schema.target.as_str();
        let is_in = |opted: &String| {
            target.strip_prefix(opted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        schema.is_usage_event() || self.usage_events.iter().any(is_in)
    }
}

/// A callsite's schema and what one program's rules make of it: two words, to be passed in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallsiteFlags {
    pub(crate) schema: &'static CallsiteSchema,
    bits: u8,
}

// Bits of one byte, so that `CallsiteFlags` is two words and is passed in registers.
const IS_DECLARED_STAGE: u8 = 1;
const MAY_BE_ROOT: u8 = 2;
const MATTERS: u8 = 4;
const MATTERS_UNDER_ROOT: u8 = 8;
const COUNTS: u8 = 16;
const IS_NAMED_ROOT: u8 = 32;

impl CallsiteFlags {
    /// Its spans are stages at any depth, and each of them makes its run accountable.
    // Inlined, as all of these: one test of a bit, where a call would cost more than the test.
    #[inline]
    pub(crate) fn is_declared_stage(self) -> bool {
        self.bits & IS_DECLARED_STAGE != 0
    }

    /// Its spans may open a run.
    #[inline]
    pub(crate) fn may_be_root(self) -> bool {
        self.bits & MAY_BE_ROOT != 0
    }

    /// The program lists its spans' name among its roots.
    pub(crate) fn is_named_root(self) -> bool {
        self.bits & IS_NAMED_ROOT != 0
    }

    /// Its spans matter at any depth; others matter only as roots, or as direct children of one.
    #[inline]
    pub(crate) fn matters(self) -> bool {
        self.bits & MATTERS != 0
    }

    /// Its spans matter right under a root, where they are stages if none were declared.
    #[inline]
    pub(crate) fn matters_under_root(self) -> bool {
        self.bits & MATTERS_UNDER_ROOT != 0
    }

    /// Usage in its events counts (A7).
    #[inline]
    pub(crate) fn counts_events(self) -> bool {
        self.bits & COUNTS != 0
    }
}
