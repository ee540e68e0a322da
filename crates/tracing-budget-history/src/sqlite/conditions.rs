//! The `WHERE` of a query, and the values in it.

use rusqlite::types::Value;

use super::amounts;
use crate::{Filter, Scope};

/// Conditions on `runs`, and the values in them.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    pub(super) fn and(&mut self, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.sql.push(sql.into());
        self.values.extend(values);
    }

    /// The project and the pipeline of a scope, without its time.
    pub(super) fn and_project_and_pipeline(&mut self, scope: &Scope) {
        if let Some(project) = &scope.project {
            self.and("project = ?", [project.clone().into()]);
        }
        if let Some(pipeline) = &scope.pipeline {
            self.and("pipeline = ?", [pipeline.clone().into()]);
        }
    }

    pub(super) fn of_scope(scope: &Scope) -> Self {
        let mut conditions = Self::default();
        conditions.and_project_and_pipeline(scope);
        if let Some(since) = scope.since {
            conditions.and("started_ms >= ?", [since.unix_ms().into()]);
        }
        if let Some(until) = scope.until {
            conditions.and("started_ms < ?", [until.unix_ms().into()]);
        }
        conditions
    }

    pub(super) fn of_filter(filter: &Filter) -> Self {
        let mut all = Self::of_scope(&filter.scope);
        if !filter.status.is_empty() {
            let marks = vec!["?"; filter.status.len()].join(", ");
            let words = filter.status.iter().map(|status| status.as_str().to_owned().into());
            all.and(format!("status IN ({marks})"), words);
        }
        for (name, value) in &filter.tags {
            all.and(
                "EXISTS (SELECT 1 FROM tags WHERE tags.run = runs.id AND tags.name = ? AND tags.value = ?)",
                [name.clone().into(), value.clone().into()],
            );
        }
        if let Some(stage) = &filter.stage {
            all.and(
                "EXISTS (SELECT 1 FROM stages WHERE stages.run = runs.id AND stages.name = ? AND stages.begun > 0)",
                [stage.clone().into()],
            );
        }
        if let Some(model) = &filter.model {
            all.and(
                "EXISTS (SELECT 1 FROM models WHERE models.run = runs.id \
                 AND (models.name = ? OR substr(models.name, instr(models.name, '/') + 1) = ?))",
                [model.clone().into(), model.clone().into()],
            );
        }
        if filter.gate.is_some() || filter.verdict.is_some() {
            let mut sql = "EXISTS (SELECT 1 FROM gates WHERE gates.run = runs.id".to_owned();
            let mut values = Vec::new();
            if let Some(gate) = &filter.gate {
                sql.push_str(" AND gates.name = ?");
                values.push(gate.clone().into());
            }
            if let Some(verdict) = &filter.verdict {
                sql.push_str(" AND gates.verdict = ?");
                values.push(verdict.as_str().to_owned().into());
            }
            sql.push(')');
            all.and(sql, values);
        }
        if let Some(cost) = filter.min_cost_usd {
            all.and("cost_pico >= ?", [amounts::value(Some(cost))]);
        }
        all
    }

    pub(super) fn sql(&self) -> String {
        if self.sql.is_empty() { "TRUE".to_owned() } else { self.sql.join(" AND ") }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }
}
