//! Recording the verdict of a gate.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ledger::Verdict;

/// Starts the record of a gate's verdict. [`pass`](GateBuilder::pass), [`fail`](GateBuilder::fail) and
/// [`emit`](GateBuilder::emit) record it.
///
/// ```
/// use tracing_budget::gate;
///
/// gate("lint").pass();
/// gate("coverage").score(61.5).diagnostic("files", 12).fail("below 80 %");
/// gate("links").verdict("warn").reason("two redirects").emit();
/// ```
pub fn gate(name: &str) -> GateBuilder<'_> {
    GateBuilder {
        name,
        verdict: None,
        reason: None,
        score: None,
        blocking: true,
        diagnostics: BTreeMap::new(),
    }
}

/// The verdict of a gate before it is recorded; see [`gate`].
#[derive(Clone, Debug)]
#[must_use = "a verdict is recorded by `pass`, `fail` or `emit`"]
pub struct GateBuilder<'a> {
    name: &'a str,
    verdict: Option<Verdict>,
    reason: Option<&'a str>,
    score: Option<f64>,
    blocking: bool,
    diagnostics: BTreeMap<&'a str, Value>,
}

impl<'a> GateBuilder<'a> {
    /// Sets the verdict: a [`Verdict`], or its word. A gate without one is an `error`.
    pub fn verdict(mut self, verdict: impl Into<Verdict>) -> Self {
        self.verdict = Some(verdict.into());
        self
    }

    /// Sets the score, in whatever unit the gate has.
    pub fn score(mut self, score: f64) -> Self {
        self.score = Some(score);
        self
    }

    /// Sets the reason.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Sets whether a `fail` of this gate fails the run, `true` by default.
    pub fn blocking(mut self, blocking: bool) -> Self {
        self.blocking = blocking;
        self
    }

    /// Adds a detail that is kept with the verdict.
    pub fn diagnostic(mut self, name: &'a str, value: impl Into<Value>) -> Self {
        self.diagnostics.insert(name, value.into());
        self
    }

    /// Records that the check holds.
    pub fn pass(self) {
        self.verdict(Verdict::Pass).emit();
    }

    /// Records that the check does not hold, and why. A blocking gate fails the run.
    pub fn fail(self, reason: &'a str) {
        self.verdict(Verdict::Fail).reason(reason).emit();
    }

    /// Records the verdict, as one event in the current span. Without [`verdict`](Self::verdict), it is `error`.
    pub fn emit(self) {
        let diagnostics = match self.diagnostics.is_empty() {
            true => None,
            false => serde_json::to_string(&self.diagnostics).ok(),
        };
        let reason = self.reason.or(self.verdict.is_none().then_some("no verdict was given"));
        let verdict = self.verdict.unwrap_or(Verdict::Error);
        tracing::info!(
            target: "tracing_budget::gate",
            gate = self.name,
            verdict = verdict.as_str(),
            blocking = self.blocking,
            score = self.score,
            reason,
            diagnostics = diagnostics.as_deref(),
        );
    }
}
