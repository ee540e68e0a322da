//! The figures that the summary must have, and how to read them from its document.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Debug;

use serde_json::Value as Json;

/// The names of a row's stages, outermost first; empty for `unattributed`.
pub(crate) type Path = Vec<String>;

/// The figures that add up. Money in pico-dollars.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) input: i128,
    pub(crate) output: i128,
    /// Tokens without a split.
    pub(crate) unsplit: i128,
    pub(crate) cached: i128,
    pub(crate) reasoning: i128,
    pub(crate) cost: i128,
    pub(crate) llm_calls: u64,
    pub(crate) unpriced: u64,
    pub(crate) without_usage: u64,
    pub(crate) partial: u64,
    /// How many have known tokens, a known cost. The document only shows whether there are any: null, or not.
    pub(crate) with_tokens: u64,
    pub(crate) with_cost: u64,
    pub(crate) errors: u64,
    pub(crate) error_events: u64,
    /// Attempts of a stage, executions of an agent.
    pub(crate) executions: u64,
}

impl Debug for Row {
    /// The figures that are not 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            ("input", self.input),
            ("output", self.output),
            ("unsplit", self.unsplit),
            ("cached", self.cached),
            ("reasoning", self.reasoning),
            ("cost", self.cost),
            ("llm_calls", self.llm_calls.into()),
            ("unpriced", self.unpriced.into()),
            ("without_usage", self.without_usage.into()),
            ("partial", self.partial.into()),
            ("with_tokens", self.with_tokens.into()),
            ("with_cost", self.with_cost.into()),
            ("errors", self.errors.into()),
            ("error_events", self.error_events.into()),
            ("executions", self.executions.into()),
        ];
        f.debug_map().entries(figures.into_iter().filter(|(_, figure)| *figure != 0)).finish()
    }
}

impl Row {
    /// Reads a row of the document; a key that is missing is 0.
    pub(crate) fn read(row: &Json) -> Self {
        let count = |key: &str| row.get(key).and_then(Json::as_u64).unwrap_or(0);
        let figure = |key: &str| i128::from(count(key));
        let (input, output) = (figure("input_tokens"), figure("output_tokens"));
        let tokens = row["tokens_used"].as_i64().map_or(input + output, i128::from);
        Self {
            input,
            output,
            unsplit: tokens - input - output,
            cached: figure("cache_read_tokens"),
            reasoning: figure("reasoning_tokens"),
            cost: (row["cost_usd"].as_f64().unwrap_or(0.0) * 1e12).round() as i128,
            llm_calls: count("llm_calls"),
            unpriced: count("unpriced_calls"),
            without_usage: count("calls_without_usage"),
            partial: count("partial_calls"),
            with_tokens: u64::from(!row["tokens_used"].is_null()),
            with_cost: u64::from(!row["cost_usd"].is_null()),
            errors: count("errors"),
            error_events: count("error_events"),
            executions: count("calls"),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.output += other.output;
        self.unsplit += other.unsplit;
        self.cached += other.cached;
        self.reasoning += other.reasoning;
        self.cost += other.cost;
        self.llm_calls += other.llm_calls;
        self.unpriced += other.unpriced;
        self.without_usage += other.without_usage;
        self.partial += other.partial;
        self.with_tokens += other.with_tokens;
        self.with_cost += other.with_cost;
        self.error_events += other.error_events;
    }

    /// As the document shows it: tokens are null where there are calls, each of them lacks some, and no tokens are known; a cost
    /// where there are calls, not one has a known cost, and no cost is known beside them.
    pub(crate) fn shown(self) -> Self {
        let has_tokens = self.input + self.output + self.unsplit + self.cached + self.reasoning > 0;
        let is_known =
            has_tokens || self.llm_calls == 0 || self.without_usage + self.partial < self.llm_calls;
        let has_cost =
            self.cost > 0 || self.unpriced + self.without_usage < self.llm_calls || self.llm_calls == 0;
        Self { with_tokens: u64::from(is_known), with_cost: u64::from(has_cost), ..self }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgentRow {
    pub(crate) row: Row,
    pub(crate) called_by: BTreeSet<String>,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) total: Row,
    pub(crate) stages: BTreeMap<Path, Row>,
    /// By name; empty if the run has no agent. Amounts outside of agents are under `unattributed`.
    pub(crate) agents: BTreeMap<String, AgentRow>,
    /// Names and verdicts, in the order of the verdicts.
    pub(crate) gates: Vec<(String, String)>,
    pub(crate) tools: u64,
    pub(crate) has_failed: bool,
    /// Whether `finish` or the guard's drop closed it.
    pub(crate) is_cut: bool,
}

impl Expected {
    /// Adds up the total, when all rows are complete.
    pub(crate) fn total(&mut self) {
        self.stages.values().for_each(|row| self.total.add(row));
        self.total = self.total.clone().shown();
        self.stages.values_mut().for_each(|row| *row = row.clone().shown());
        self.agents.values_mut().for_each(|agent| agent.row = agent.row.clone().shown());
    }

    /// What differs, one line each.
    pub(crate) fn differences(&self, expected: &Self) -> String {
        let mut lines = String::new();
        let mut line = |name: &str, found: &dyn Debug, expected: &dyn Debug| {
            let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
            if found != expected {
                lines += &format!("{name}:\n  found    {found}\n  expected {expected}\n");
            }
        };
        for path in self.stages.keys().chain(expected.stages.keys()).collect::<BTreeSet<_>>() {
            line(&format!("stage {path:?}"), &self.stages.get(path), &expected.stages.get(path));
        }
        for name in self.agents.keys().chain(expected.agents.keys()).collect::<BTreeSet<_>>() {
            line(&format!("agent {name:?}"), &self.agents.get(name), &expected.agents.get(name));
        }
        line("total", &self.total, &expected.total);
        line("gates", &self.gates, &expected.gates);
        line("tools", &self.tools, &expected.tools);
        line("failed, cut", &(self.has_failed, self.is_cut), &(expected.has_failed, expected.is_cut));
        lines
    }

    /// Reads the document of a run.
    pub(crate) fn read(run: &Json) -> Self {
        let summary = &run["budget_summary"];
        let rows = |key: &str| summary[key].as_object().into_iter().flatten();
        let stages = rows("per_agent").map(|(key, row)| (path(summary, key), Row::read(row)));
        let agents = rows("by_agent").map(|(name, row)| {
            let called_by = row["called_by"].as_array().into_iter().flatten();
            let called_by = called_by.filter_map(|name| Some(name.as_str()?.to_owned())).collect();
            (name.clone(), AgentRow { row: Row::read(row), called_by })
        });
        let text = |gate: &Json, key: &str| gate[key].as_str().unwrap_or_default().to_owned();
        let gates = summary["gate_verdicts"].as_array().into_iter().flatten();
        let status = run["status"].as_str();
        Self {
            total: Row::read(summary),
            stages: stages.collect(),
            agents: agents.collect(),
            gates: gates.map(|gate| (text(gate, "gate_name"), text(gate, "verdict"))).collect(),
            tools: summary["by_operation"]["execute_tool"]["calls"].as_u64().unwrap_or(0),
            has_failed: status == Some("failed"),
            is_cut: status == Some("incomplete"),
        }
    }
}

/// The path of a row: its name, below that of its parent.
fn path(summary: &Json, key: &str) -> Path {
    let row = &summary["per_agent"][key];
    let mut path =
        row["parent"].as_str().map_or_else(Path::new, |parent| path_of_parent(summary, key, parent));
    if key != "unattributed" {
        path.push(row["name"].as_str().unwrap_or(key).to_owned());
    }
    path
}

fn path_of_parent(summary: &Json, key: &str, parent: &str) -> Path {
    assert_ne!(parent, key, "a row is inside itself");
    assert!(
        summary["per_agent"].get(parent).is_some(),
        "the row {key} has the parent {parent}, which is no row"
    );
    path(summary, parent)
}
