//! What a model asks per million tokens, found by pricing small calls.

use std::time::SystemTime;

use serde::Serialize;

use tracing_budget::price::{PriceBook, PricedModel, Unpriced};
use tracing_budget::{Kind, Usage, Usd};

/// Tokens of the calls that are priced: few enough to stay in the lowest tier, and a thousandth of what rates are for.
const TOKENS: u64 = 1_000;

/// What a model asks, in USD per million tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Quote {
    /// The row that its calls are counted in: `provider/model`.
    pub(super) model: String,
    pub(super) input_usd: Option<Usd>,
    pub(super) output_usd: Option<Usd>,
    pub(super) cache_read_usd: Option<Usd>,
    pub(super) cache_write_usd: Option<Usd>,
    /// USD a request.
    pub(super) request_usd: Option<Usd>,
    /// Whether a large call has other rates; these are those of a small one.
    pub(super) tiered: bool,
    /// Where the prices come from; null where there are none.
    pub(super) source: Option<String>,
    /// Why there is no price.
    pub(super) unpriced: Option<String>,
}

impl Quote {
    /// What the book says of a model at a time.
    pub(super) fn of(book: &PriceBook, provider: Option<&str>, model: &str, at: SystemTime) -> Self {
        let priced = book.model(provider, Some(model));
        let plain = priced.price(&Usage::new().input(TOKENS).output(TOKENS), at);
        let fee = request(&priced, at);
        let rate = |usage: Usage| rate(&priced, &usage, fee, at).ok();
        Self {
            model: priced.label().to_owned(),
            input_usd: rate(Usage::new().input(TOKENS)),
            output_usd: rate(Usage::new().input(0).output(TOKENS)),
            cache_read_usd: rate(Usage::new().input(TOKENS).cache_read(TOKENS)),
            cache_write_usd: rate(Usage::new().input(TOKENS).cache_write(TOKENS)),
            request_usd: fee.filter(|fee| *fee != Usd::ZERO),
            tiered: is_tiered(&priced, fee, at),
            source: plain.as_ref().ok().map(|price| price.source.to_string()),
            unpriced: plain.err().map(|reason| reason.to_string()),
        }
    }

    /// The rates by name.
    pub(super) fn rates(&self) -> [(&'static str, Option<Usd>); 5] {
        [
            ("input", self.input_usd),
            ("output", self.output_usd),
            ("cache read", self.cache_read_usd),
            ("cache write", self.cache_write_usd),
            ("request", self.request_usd),
        ]
    }
}

/// What is asked for a call whatever it uses.
fn request(priced: &PricedModel, at: SystemTime) -> Option<Usd> {
    let usage = Usage::new().input(0).output(0).with(Kind::Requests, 1);
    priced.price(&usage, at).ok().map(|price| price.cost)
}

fn rate(priced: &PricedModel, usage: &Usage, fee: Option<Usd>, at: SystemTime) -> Result<Usd, Unpriced> {
    let cost = priced.price(usage, at)?.cost - fee.unwrap_or(Usd::ZERO);
    Ok(Usd::from_pico(cost.pico() * i128::from(1_000_000 / TOKENS)))
}

/// Whether a million tokens in one call cost other than a thousand calls of a thousand.
fn is_tiered(priced: &PricedModel, fee: Option<Usd>, at: SystemTime) -> bool {
    let both = |tokens| Usage::new().input(tokens).output(tokens);
    let small = rate(priced, &both(TOKENS), fee, at);
    let large = priced.price(&both(1_000_000), at).map(|price| price.cost - fee.unwrap_or(Usd::ZERO));
    matches!((small, large), (Ok(small), Ok(large)) if small != large)
}

/// A rate as it is quoted: to the cent, or with as many digits as it has.
pub(super) fn quoted(rate: Usd) -> String {
    tracing_budget::present::numbers::limit(rate)
}
