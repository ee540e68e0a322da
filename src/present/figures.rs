//! Figures as cells of a table: unknown is `—`, and what is known in part carries `≥`.

use super::numbers::{Money, UNKNOWN, count};
use crate::ledger::Usd;
use crate::summary::Figures;

impl Figures {
    /// Input, output and cached tokens.
    pub fn token_cells(&self) -> [String; 3] {
        let unsplit = self.unsplit_tokens() > 0;
        [self.input_tokens, self.output_tokens, self.cache_read_tokens]
            .map(|tokens| self.tokens_cell(tokens, unsplit))
    }

    /// All tokens, whether their split is known or not.
    pub fn all_tokens_cell(&self) -> String {
        self.tokens_cell(self.tokens_used.unwrap_or(0), false)
    }

    /// Tokens that are neither in the input nor in the output, as nobody told which they were.
    pub fn unsplit_tokens(&self) -> u64 {
        let split = self.input_tokens.saturating_add(self.output_tokens);
        self.tokens_used.unwrap_or(0).saturating_sub(split)
    }

    /// What is known of a count; at least nothing is not worth saying.
    fn tokens_cell(&self, tokens: u64, in_part: bool) -> String {
        let in_part = in_part || self.calls_without_usage > 0;
        match (self.tokens_used, in_part, tokens) {
            (None, ..) | (_, true, 0) => UNKNOWN.to_owned(),
            (_, true, known) => format!("≥{}", count(known)),
            (_, false, known) => count(known),
        }
    }

    /// The cost, with `≥` where that of some calls is unknown.
    pub fn cost_cell(&self, money: Money) -> String {
        let in_part = self.unpriced_calls > 0 || self.calls_without_usage > 0;
        match (self.cost_usd, in_part) {
            (None, _) | (Some(Usd::ZERO), true) => UNKNOWN.to_owned(),
            (Some(cost), true) => format!("≥{}", money.write(cost)),
            (Some(cost), false) => money.write(cost),
        }
    }
}
