//! The providers that list a name which the reported one does not, or which was reported without a provider.
//!
//! They are for a reader's hint. Where the weights are closed and all of them have one price, the call is priced: resellers pass the
//! maker's price through.

use std::time::SystemTime;

use super::catalog::{Catalog, Route};
use super::model_name;
use super::weights;
use super::who_bills::Lookup;
use crate::ledger::{Usage, Usd};

/// Providers that a hint names; it counts the others.
const NAMED: usize = 3;

/// Returns how each other provider lists a name, in the order of the price lists.
pub(super) fn routes(catalog: &Catalog, lookup: &Lookup<'_>) -> Vec<Route> {
    let names = [lookup.reported_name(), lookup.bare.to_lowercase()];
    let find = |provider: &str| names.iter().find_map(|name| catalog.find(provider, name).ok());
    let others = catalog.provider_ids().filter(|provider| lookup.provider.as_deref() != Some(*provider));
    others.filter_map(find).collect()
}

/// Whether a price that all of these share is the price of a call: only the maker has the weights. The maker lists the name, or several do.
pub(super) fn decide(catalog: &Catalog, lookup: &Lookup<'_>, routes: &[Route]) -> bool {
    let bare = lookup.bare.to_lowercase();
    // A list may know a name without a rule for its family, as of embeddings: the maker is then the one that lists it itself.
    let lists_own =
        || routes.iter().map(Route::provider).find(|provider| weights::are_closed(provider, &bare));
    let maker = lookup.vendor().map(str::to_owned).or_else(|| catalog.infer(&bare));
    let maker = maker.or_else(|| lists_own().map(str::to_owned));
    let is_closed = maker.as_deref().is_some_and(|maker| weights::are_closed(maker, &bare));
    let is_by_maker = || routes.iter().any(|route| maker.as_deref() == Some(route.provider()));
    // What a reported provider with a list does not list has no price.
    let is_open =
        lookup.is_without_provider() || !lookup.provider.as_deref().is_some_and(|id| catalog.is_known(id));
    is_closed
        && is_open
        && (is_by_maker() || routes.len() > 1)
        && !model_name::has_local_tag(&bare)
        && model_name::variant(&bare).is_none()
}

/// The names of the providers, with the price of a million tokens of input where it is known: `openai and azure ($0.13 …)`.
pub(super) fn hint(catalog: &Catalog, routes: &[Route]) -> Option<String> {
    const MILLION: &str = "a million tokens of input";
    let price = |route: &Route| {
        // Today's: a hint is read today. Of a small call, without the fee of the request: a large one has other rates.
        let cost = |input: u64| {
            let usage = Usage::new().input(input).output(0);
            catalog.price(route, route.name(), &usage, SystemTime::now()).ok().map(|(cost, _)| cost.pico())
        };
        Some(Usd::from_pico((cost(1_000)? - cost(0)?) * 1_000))
    };
    let prices: Vec<Option<Usd>> = routes.iter().map(price).collect();
    let one = prices.first().copied().flatten().filter(|one| prices.iter().all(|price| *price == Some(*one)));
    let name = |(route, price): (&Route, &Option<Usd>)| match price {
        Some(price) if one.is_none() => format!("{} (${price})", route.provider()),
        _ => route.provider().to_owned(),
    };
    let mut names: Vec<String> = routes.iter().zip(&prices).take(NAMED).map(name).collect();
    match routes.len().saturating_sub(NAMED) {
        0 => {}
        1 => names.push("one other".to_owned()),
        others => names.push(format!("{others} others")),
    }
    let last = names.pop()?;
    let names = if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) };
    Some(match one {
        Some(one) => format!("{names} (${one} {MILLION})"),
        None if prices.iter().any(Option::is_some) => format!("{names}, {MILLION}"),
        None => names,
    })
}
