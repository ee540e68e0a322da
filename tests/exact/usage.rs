//! Figures of one span or event: their names, which of two counts, parts and wholes, and what they cost.

use std::collections::BTreeMap;

use crate::program::Value;

/// What a call does. Calls of one thing inside each other are one call (A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Text,
    Embeddings,
}

/// A3: the thing of a model operation.
pub(crate) fn thing(operation: &str) -> Option<Thing> {
    match operation {
        "chat" | "text_completion" | "generate_content" => Some(Thing::Text),
        "embeddings" => Some(Thing::Embeddings),
        _ => None,
    }
}

/// `Total` is the tokens without a split, once the parts are normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Input,
    Output,
    Cached,
    Reasoning,
    Total,
    Cost,
}

/// The unit of a field, and whether the field has a long name.
pub(crate) fn unit(field: &str) -> Option<(Unit, bool)> {
    Some(match field {
        "input_tokens" | "prompt_tokens" => (Unit::Input, false),
        "gen_ai.usage.input_tokens" | "gen_ai.usage.prompt_tokens" => (Unit::Input, true),
        "output_tokens" | "completion_tokens" => (Unit::Output, false),
        "gen_ai.usage.output_tokens" | "gen_ai.usage.completion_tokens" => (Unit::Output, true),
        "cache_read_tokens" => (Unit::Cached, false),
        "gen_ai.usage.cached_tokens" | "gen_ai.usage.cache_read.input_tokens" => (Unit::Cached, true),
        "reasoning_tokens" => (Unit::Reasoning, false),
        "gen_ai.usage.reasoning_tokens" => (Unit::Reasoning, true),
        // A total is that of everything inside (A6).
        "total_tokens" => (Unit::Total, true),
        "gen_ai.usage.total_tokens" => (Unit::Total, true),
        "cost_usd" => (Unit::Cost, false),
        "gen_ai.usage.cost" => (Unit::Cost, true),
        _ => return None,
    })
}

/// A figure, if the value is one: a cost in pico-dollars, anything else in pieces.
fn figure(unit: Unit, value: &Value) -> Option<i128> {
    let number = value.number()?;
    let scale = if unit == Unit::Cost { 1e12 } else { 1.0 };
    (number.is_finite() && number >= 0.0).then(|| (number * scale).round() as i128)
}

/// Known figures by unit; a unit that is missing is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(pub(crate) BTreeMap<Unit, i128>);

impl Figures {
    /// The units that are tokens.
    const TOKENS: [Unit; 5] = [Unit::Input, Unit::Output, Unit::Cached, Unit::Reasoning, Unit::Total];

    pub(crate) fn get(&self, unit: Unit) -> Option<i128> {
        self.0.get(&unit).copied()
    }

    pub(crate) fn known(&self, unit: Unit) -> i128 {
        self.get(unit).unwrap_or(0)
    }

    pub(crate) fn has_tokens(&self) -> bool {
        [Unit::Input, Unit::Output, Unit::Total].iter().any(|unit| self.0.contains_key(unit))
    }

    /// Whether input or output is known.
    fn has_split(&self) -> bool {
        self.get(Unit::Input).or(self.get(Unit::Output)).is_some()
    }

    fn tokens(&self) -> i128 {
        self.known(Unit::Input) + self.known(Unit::Output) + self.known(Unit::Total)
    }

    /// A4 on a call: the newest figure, whatever its name, but 0 never replaces more.
    pub(crate) fn a4_newest<'a>(records: impl Iterator<Item = (&'static str, &'a Value)>) -> Self {
        let mut newest = Self::default();
        for (name, value) in records {
            let Some((unit, _)) = unit(name) else { continue };
            let Some(figure) = figure(unit, value) else { continue };
            let old = newest.0.entry(unit).or_insert(figure);
            if figure > 0 {
                *old = figure;
            }
        }
        newest
    }

    /// A4 on any other span: the figures of each name add up. Returns what is the span's own, and what includes everything
    /// inside (A6). Of two names of one unit the larger sum counts (A10), and it is inclusive if one of them is.
    pub(crate) fn a4_sums<'a>(
        records: impl Iterator<Item = (&'static str, &'a Value)>,
        is_container: bool,
    ) -> (Self, Self) {
        let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
        for (name, value) in records {
            if let Some(figure) = unit(name).and_then(|(unit, _)| figure(unit, value)) {
                *sums.entry(name).or_default() += figure;
            }
        }
        let (mut short, mut long) = (Self::default(), Self::default());
        for (name, sum) in sums {
            let Some((unit, is_long)) = unit(name) else { continue };
            let side = if is_long || is_container { &mut long } else { &mut short };
            let old = side.0.entry(unit).or_insert(sum);
            *old = sum.max(*old);
        }
        for (unit, inclusive) in &mut long.0 {
            *inclusive = short.0.remove(unit).unwrap_or(0).max(*inclusive);
        }
        if long.get(Unit::Total).is_some() && !long.has_split() {
            // A total is never added to its parts: input and output stand for it, and parts alone are inside it (A10).
            if short.has_split() {
                long.0.remove(&Unit::Total);
            } else {
                for part in [Unit::Cached, Unit::Reasoning] {
                    long.0.extend(short.0.remove(&part).map(|figure| (part, figure)));
                }
            }
        }
        (short.a10_parts(), long.a10_parts())
    }

    /// A10: parts inside their wholes, and a total only where neither input nor output is known.
    pub(crate) fn a10_parts(mut self) -> Self {
        let parts = [(Unit::Cached, Unit::Input), (Unit::Reasoning, Unit::Output)];
        let has_split = self.has_split();
        match self.get(Unit::Total).filter(|_| !has_split) {
            Some(total) if total > 0 => {
                let inside = self.known(Unit::Cached) + self.known(Unit::Reasoning);
                let beyond = if inside > total { inside } else { 0 };
                self.0.insert(Unit::Total, total + beyond);
            }
            // A total of 0, or a 0 for a part alone, is a known usage of 0.
            _ if !has_split && Self::TOKENS.iter().all(|unit| self.known(*unit) == 0) => {
                if Self::TOKENS.iter().any(|unit| self.get(*unit).is_some()) {
                    self.0.remove(&Unit::Total);
                    self.0.extend([(Unit::Input, 0), (Unit::Output, 0)]);
                }
            }
            _ => {
                self.0.remove(&Unit::Total);
                for (part, whole) in parts {
                    // A 0 for a part leaves its whole unknown.
                    if let Some(part) = self.get(part).filter(|part| *part > 0) {
                        let old = self.0.entry(whole).or_insert(0);
                        *old += if part > *old { part } else { 0 };
                    }
                }
            }
        }
        self
    }

    /// A5: a total of 0 that is left beside nothing else is a known usage of 0.
    pub(crate) fn a5_zero_total(mut self) -> Self {
        if !self.has_split() && self.get(Unit::Total) == Some(0) {
            self.0.remove(&Unit::Total);
            self.0.extend([(Unit::Input, 0), (Unit::Output, 0)]);
        }
        self
    }

    /// The sum of what is known.
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for (unit, figure) in all.flat_map(|figures| &figures.0) {
            *sum.0.entry(*unit).or_default() += figure;
        }
        sum
    }

    /// A7: per unit the larger figure.
    pub(crate) fn larger(&mut self, other: &Self) {
        for (unit, figure) in &other.0 {
            let old = self.0.entry(*unit).or_insert(*figure);
            *old = (*figure).max(*old);
        }
    }

    /// A7: what is not recorded; a recorded 0 gives way to more.
    pub(crate) fn supply(&mut self, details: &Self) {
        for (unit, figure) in &details.0 {
            let own = self.0.entry(*unit).or_insert(*figure);
            if *own == 0 {
                *own = *figure;
            }
        }
    }

    /// A8: what a later record of the same response has beyond this one.
    pub(crate) fn a8_join(&mut self, later: &Self) {
        let beyond = later.beyond(self);
        *self = Self::sum([&*self, &beyond].into_iter());
    }

    /// A5, A6: what these figures have beyond the sum of those inside, for each unit that is known here.
    pub(crate) fn beyond(&self, inside: &Self) -> Self {
        let mut unsplit = inside.known(Unit::Total);
        let mut beyond = Self::default();
        for (unit, figure) in &self.0 {
            let mut excess = match unit {
                // A total counts for what all tokens here have beyond all tokens inside, and beyond the excess of the others.
                Unit::Total => self.tokens() - inside.tokens() - beyond.tokens(),
                _ => figure - inside.known(*unit),
            };
            // Tokens without a split count against the excess of input first, then of output.
            if matches!(unit, Unit::Input | Unit::Output) && excess > 0 {
                let taken = unsplit.min(excess);
                (unsplit, excess) = (unsplit - taken, excess - taken);
            }
            beyond.0.insert(*unit, excess.max(0));
        }
        beyond
    }

    /// The list price, if the model has one and every token is input or output.
    pub(crate) fn price(&self, model: Option<&str>) -> Option<i128> {
        let (input, cached, output) = match model? {
            "m-a" => (1_000_000, 100_000, 2_000_000),
            "m-b" => (500_000, 250_000, 4_000_000),
            _ => return None,
        };
        // Cached tokens beyond the input cost nothing (A6).
        let from_cache = self.known(Unit::Cached).min(self.known(Unit::Input));
        let uncached = self.known(Unit::Input) - from_cache;
        let price = uncached * input + from_cache * cached + self.known(Unit::Output) * output;
        (self.known(Unit::Total) == 0).then_some(price)
    }
}
