//! The agent's one tool.

use std::convert::Infallible;

use rig::tool::{Tool, ToolContext};
use serde::Deserialize;
use serde_json::{Value, json};

/// Doubles a number.
pub(crate) struct Double;

#[derive(Deserialize)]
pub(crate) struct Number {
    n: i64,
}

impl Tool for Double {
    const NAME: &'static str = "double";
    type Args = Number;
    type Output = i64;
    type Error = Infallible;

    fn description(&self) -> String {
        "Doubles a number.".into()
    }

    fn parameters(&self) -> Value {
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    }

    async fn call(&self, _: &mut ToolContext, Number { n }: Number) -> Result<i64, Infallible> {
        Ok(2 * n)
    }
}
