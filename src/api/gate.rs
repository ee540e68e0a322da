//! Telling what a gate said.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ledger::Verdict;

/// Begins to tell what the gate of this name said. Nothing is told before [`GateBuilder::emit`].
///
/// ```
/// use tracing_budget::{Verdict, gate};
///
/// gate("lint").verdict(Verdict::Pass).emit();
/// gate("coverage").verdict("fail").score(61.5).reason("below 80 %").diagnostic("files", 12).emit();
/// ```
pub fn gate(name: &str) -> GateBuilder<'_> {
    GateBuilder {
        name,
        verdict: Verdict::Error,
        reason: Some("no verdict was given"),
        score: None,
        blocking: true,
        diagnostics: BTreeMap::new(),
    }
}

/// What a gate says; see [`gate`].
#[derive(Clone, Debug)]
#[must_use = "a gate has said nothing before it is emitted"]
pub struct GateBuilder<'a> {
    name: &'a str,
    verdict: Verdict,
    reason: Option<&'a str>,
    score: Option<f64>,
    blocking: bool,
    diagnostics: BTreeMap<&'a str, Value>,
}

impl<'a> GateBuilder<'a> {
    /// Sets the verdict: a [`Verdict`], or its word. A gate without one is an `error`.
    pub fn verdict(mut self, verdict: impl Into<Verdict>) -> Self {
        self.verdict = verdict.into();
        self.reason = None;
        self
    }

    /// Sets the score, in whatever unit the gate has.
    pub fn score(mut self, score: f64) -> Self {
        self.score = Some(score);
        self
    }

    /// Says why.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Sets whether a `fail` of this gate fails the run, as it does unless told otherwise.
    pub fn blocking(mut self, blocking: bool) -> Self {
        self.blocking = blocking;
        self
    }

    /// Adds one thing for whoever looks into it.
    pub fn diagnostic(mut self, name: &'a str, value: impl Into<Value>) -> Self {
        self.diagnostics.insert(name, value.into());
        self
    }

    /// Tells it, as one event in the current span.
    pub fn emit(self) {
        let diagnostics = match self.diagnostics.is_empty() {
            true => None,
            false => serde_json::to_string(&self.diagnostics).ok(),
        };
        tracing::info!(
            target: "tracing_budget::gate",
            gate = self.name,
            verdict = self.verdict.as_str(),
            blocking = self.blocking,
            score = self.score,
            reason = self.reason,
            diagnostics = diagnostics.as_deref(),
        );
    }
}
