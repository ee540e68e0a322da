//! What a span is, and what its descendants inherit.

use super::accumulate::Accumulate;
use super::operations::OperationKind;
use crate::ledger::{StageId, Symbol};

/// Where the amounts of a span belong, and what its descendants inherit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The nearest stage, the span itself included.
    pub(crate) stage: Option<StageId>,
    /// The nearest agent, the span itself included (A13).
    pub(crate) agent: Option<Symbol>,
    /// Provider and model of the nearest stage or agent that has them (A3).
    pub(crate) provider: Option<Symbol>,
    pub(crate) model: Option<Symbol>,
    /// What the enclosing calls do, the span itself included, up to a stage, tool, agent or gate (A5).
    pub(crate) calls: CallKinds,
}

/// Kinds of calls. A call inside two calls of different kinds may be that of the outer one: a set, not the nearest kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallKinds(u16);

impl CallKinds {
    pub(crate) const NONE: Self = Self(0);

    // Inlined, as the test below: one instruction.
    #[inline]
    pub(super) fn with(self, kind: OperationKind) -> Self {
        Self(self.0 | 1 << kind as u16)
    }

    #[inline]
    pub(crate) fn has(self, kind: OperationKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }
}

/// What a span is. Exactly one of these; a stage or a gate can be any of them.
// The tag is a byte of its own. In the niche of a call's kind it would take four instructions more to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SpanKind {
    /// None of the others: figures by short names are its own, figures by long names are those of everything inside.
    #[default]
    Plain,
    /// A model call (A3).
    Call(OperationKind),
    /// An agent's run. Its figures are those of everything inside.
    Agent,
    /// A tool that a model called. Its figures are those of everything inside.
    Tool,
    /// Any other operation. Its figures are those of everything inside.
    Container,
}

impl SpanKind {
    /// How figures that the span records accumulate (A4, A6).
    // Inlined: a comparison, once per record.
    #[inline]
    pub(crate) fn accumulate(self) -> Accumulate {
        match self {
            Self::Call(_) => Accumulate::Newest,
            Self::Plain => Accumulate::Sum,
            Self::Agent | Self::Tool | Self::Container => Accumulate::Inclusive,
        }
    }
}
