//! Figures as table cells: unknown is `—`, and partly known has the prefix `≥`.

use super::numbers::{Money, UNKNOWN, count};
use crate::ledger::{Kind, Usd};
use crate::summary::Figures;

impl Figures {
    /// Returns whether the tokens lack some: calls reported no usage, or a part of it.
    ///
    /// ```
    /// use tracing_budget::summary::Figures;
    ///
    /// assert!(Figures { partial_calls: 1, ..Figures::default() }.tokens_in_part());
    /// ```
    #[must_use]
    pub const fn tokens_in_part(&self) -> bool {
        self.calls_without_usage > 0 || self.partial_calls > 0
    }

    /// Returns whether the cost lacks some: calls have no known price, reported no usage, or a part of it.
    ///
    /// ```
    /// use tracing_budget::summary::Figures;
    ///
    /// assert!(!Figures::default().cost_in_part());
    /// ```
    #[must_use]
    pub const fn cost_in_part(&self) -> bool {
        self.unpriced_calls > 0 || self.tokens_in_part()
    }

    /// Returns the cells of input, output and cached tokens.
    ///
    /// ```
    /// use tracing_budget::summary::Figures;
    ///
    /// let mut figures = Figures { input_tokens: 3_000, tokens_used: Some(3_000), ..Figures::default() };
    /// assert_eq!(figures.token_cells(), ["3,000", "0", "0"]);
    /// figures.calls_without_usage = 1;
    /// assert_eq!(figures.token_cells(), ["≥3,000", "—", "—"]);
    /// ```
    #[must_use]
    pub fn token_cells(&self) -> [String; 3] {
        let unsplit = self.unsplit_tokens() > 0;
        [self.input_tokens, self.output_tokens, self.cache_read_tokens]
            .map(|tokens| self.tokens_cell(tokens, unsplit))
    }

    /// Returns the further units in words; empty without any.
    ///
    /// ```
    /// use tracing_budget::{Kind, summary::Figures};
    ///
    /// let units = [(Kind::WebSearches, 2), (Kind::ImageOutput, 1_290), (Kind::AudioInputMicros, 12_340_000)];
    /// let figures = Figures { units: units.into_iter().collect(), ..Figures::default() };
    /// assert_eq!(figures.units_words(), "1,290 image output tokens, 2 web searches, 12.34s of audio input");
    /// ```
    #[must_use]
    pub fn units_words(&self) -> String {
        let words = |(kind, parts): (Kind, u64)| {
            let (whole, rest) = (parts / kind.per_unit(), parts % kind.per_unit());
            // A time has six digits of a second, and its last zeros are left out.
            let rest = if rest == 0 { String::new() } else { format!(".{rest:06}") };
            let amount = format!("{}{}", count(whole), rest.trim_end_matches('0'));
            match kind.name().strip_suffix(" time") {
                Some(of) if kind.is_time() => format!("{amount}s of {of}"),
                _ if kind.key().ends_with("_tokens") => format!("{amount} {kind} tokens"),
                _ => format!("{amount} {kind}"),
            }
        };
        self.units.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    /// Returns the cell of all tokens, split or not.
    ///
    /// ```
    /// assert_eq!(tracing_budget::summary::Figures::default().all_tokens_cell(), "0");
    /// ```
    #[must_use]
    pub fn all_tokens_cell(&self) -> String {
        self.tokens_cell(self.tokens_used.unwrap_or(0), false)
    }

    /// Returns the tokens that were reported as a total only, without a split into input and output.
    ///
    /// ```
    /// use tracing_budget::summary::Figures;
    ///
    /// let figures = Figures { input_tokens: 10, tokens_used: Some(15), ..Figures::default() };
    /// assert_eq!(figures.unsplit_tokens(), 5);
    /// ```
    #[must_use]
    pub fn unsplit_tokens(&self) -> u64 {
        let split = self.input_tokens.saturating_add(self.output_tokens);
        self.tokens_used.unwrap_or(0).saturating_sub(split)
    }

    /// Returns the cell of a count. `≥0` carries no information, so it is shown as unknown.
    fn tokens_cell(&self, tokens: u64, in_part: bool) -> String {
        let in_part = in_part || self.tokens_in_part();
        match (self.tokens_used, in_part, tokens) {
            (None, ..) | (_, true, 0) => UNKNOWN.to_owned(),
            (_, true, known) => format!("≥{}", count(known)),
            (_, false, known) => count(known),
        }
    }

    /// Returns the cell of the cost, with `≥` if the cost of some calls is unknown.
    ///
    /// ```
    /// use tracing_budget::{present::numbers::Money, summary::Figures};
    ///
    /// let figures = Figures { cost_usd: "1.5".parse().ok(), unpriced_calls: 1, ..Figures::default() };
    /// assert_eq!(figures.cost_cell(Money::for_amounts(figures.cost_usd.into_iter())), "≥$1.5000");
    /// ```
    #[must_use]
    pub fn cost_cell(&self, money: Money) -> String {
        match (self.cost_usd, self.cost_in_part()) {
            (None, _) | (Some(Usd::ZERO), true) => UNKNOWN.to_owned(),
            (Some(cost), true) => format!("≥{}", money.write(cost)),
            (Some(cost), false) => money.write(cost),
        }
    }
}
