//! Prices of one's own need nothing else: no bundled data, no features.
#![allow(clippy::unwrap_used)]

use std::time::SystemTime;

use tracing_budget::{
    PriceBook, Usage,
    price::{Rates, Unpriced},
};

#[test]
fn a_model_of_ones_own_has_its_price_and_others_have_none() {
    let rates = Rates::per_million().input("0.10").output("0.40");
    let book = PriceBook::builder().price_for("ollama", "qwen3-32b", rates).build().unwrap();
    let usage = Usage::new().input(1_000).output(100);
    let model = book.model(Some("Ollama"), Some("Qwen3-32B"));
    assert_eq!(model.label(), "ollama/qwen3-32b");
    let price = model.price(&usage, SystemTime::now()).unwrap();
    assert_eq!((price.cost.to_string().as_str(), price.source.to_string().as_str()), ("0.00014", "override"));
    for provider in [None, Some("vllm")] {
        let reason = book.model(provider, Some("qwen3-32b")).price(&usage, SystemTime::now()).unwrap_err();
        let is_self_hosted = matches!(reason, Unpriced::SelfHosted { .. });
        assert!(is_self_hosted == provider.is_some(), "{reason}");
    }
}

#[test]
fn an_unusable_price_is_named() {
    for (model, rates, part) in [
        ("a", Rates::per_million().input("cheap"), "the price for \"a\" is not usable: input rate"),
        ("", Rates::per_million().input("1"), "expected a model's name"),
        #[cfg(not(feature = "prices"))]
        ("/a.*/", Rates::per_million().input("1"), "patterns need the feature `prices`"),
        #[cfg(feature = "prices")]
        ("/a(/", Rates::per_million().input("1"), "\"a(\" is not a regular expression"),
    ] {
        let error = PriceBook::builder().price(model, rates).build().unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
