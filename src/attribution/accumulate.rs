//! How the figures of a span accumulate.

/// How figures accumulate on a span.
// In the order of the kinds of spans, so that one follows from the other without a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accumulate {
    /// On a span that is neither: short names are figures of its own, long names those of everything inside; each adds up.
    Sum,
    /// On a model call: the newest figure counts, but 0 replaces nothing (A4).
    Newest,
    /// On an operation that contains calls: all figures are those of everything inside (A6).
    Inclusive,
}
