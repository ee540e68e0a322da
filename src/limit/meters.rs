//! How every limit of one run stands: what is used of it, what is reserved, which alerts were given.
//!
//! One lock for all limits of a run, as a reservation takes room in several of them or in none. Amounts are whole: pico-dollars
//! and tokens.

use std::sync::PoisonError;

use super::sync::Mutex;

/// Percent of a limit at which somebody is told.
pub(crate) const ALERTS: [u8; 4] = [50, 80, 95, 100];

/// What a limit is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Pico-dollars.
    Usd,
    Tokens,
}

/// Stages that have a limit, a bit each: those around a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stages(u32);

impl Stages {
    pub(crate) const NONE: Self = Self(0);

    /// The stage with this number, which is below 32.
    pub(crate) fn only(number: usize) -> Self {
        Self(1 << number)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A limit as it was set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// Whose it is; none is the run.
    pub(crate) stage: Option<usize>,
    pub(crate) unit: Unit,
    pub(crate) limit: i128,
}

impl Bound {
    fn holds_in(&self, around: Stages) -> bool {
        self.stage.is_none_or(|stage| around.meets(Stages::only(stage)))
    }
}

/// What calls add in one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) used: i128,
    /// The part of what is used that is not known but assumed.
    pub(crate) assumed: i128,
    /// Calls whose amount is known, and those whose amount is not.
    pub(crate) told: u64,
    pub(crate) untold: u64,
    /// Calls that leave it open whether the limit holds.
    pub(crate) unproven: u64,
}

impl Charge {
    pub(crate) fn add(&mut self, more: &Self) {
        self.used = self.used.saturating_add(more.used);
        self.assumed = self.assumed.saturating_add(more.assumed);
        self.told += more.told;
        self.untold += more.untold;
        self.unproven += more.unproven;
    }

    /// What is known to be used; `None` where nothing is but that there were calls.
    pub(crate) fn known(&self) -> Option<i128> {
        let known = self.used - self.assumed;
        (known > 0 || self.told > 0 || self.untold == 0).then_some(known)
    }
}

/// How one limit stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    pub(crate) limit: i128,
    pub(crate) charged: Charge,
    pub(crate) reserved: i128,
    /// How many of [`ALERTS`] were given.
    given: usize,
}

/// Why a limit stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is used up.
    Exhausted,
    /// Whether it is used up cannot be known.
    Unproven,
    /// Less is left than was asked for.
    NoRoom,
}

/// The limit that stands in the way, by its place among the bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) bound: usize,
    pub(crate) meter: Meter,
    pub(crate) why: Why,
}

/// An alert that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) bound: usize,
    pub(crate) percent: u8,
    pub(crate) meter: Meter,
}

impl Meter {
    fn new(limit: i128) -> Self {
        Self { limit, charged: Charge::default(), reserved: 0, given: 0 }
    }

    fn left(&self) -> i128 {
        self.limit.saturating_sub(self.charged.used).saturating_sub(self.reserved)
    }

    fn fault(&self) -> Option<Why> {
        match self.charged {
            Charge { used, .. } if used >= self.limit => Some(Why::Exhausted),
            Charge { unproven: 1.., .. } => Some(Why::Unproven),
            _ => None,
        }
    }

    /// The next alert if it is due, which it then is no longer.
    fn next_alert(&mut self) -> Option<u8> {
        let percent = *ALERTS.get(self.given)?;
        // In whole numbers: four cents are 80 % of five.
        let is_due = self.charged.used.saturating_mul(100) >= self.limit.saturating_mul(percent.into());
        is_due.then(|| {
            self.given += 1;
            percent
        })
    }
}

/// The limits of one run.
#[derive(Debug)]
pub(crate) struct Meters {
    bounds: Box<[Bound]>,
    /// One for each bound.
    meters: Mutex<Box<[Meter]>>,
}

impl Meters {
    /// Limits that nothing is used of, the widest first: what stands in the way is looked for in this order.
    pub(crate) fn new(bounds: Box<[Bound]>) -> Self {
        let meters = Mutex::new(bounds.iter().map(|bound| Meter::new(bound.limit)).collect());
        Self { bounds, meters }
    }

    pub(crate) fn bound(&self, at: usize) -> Bound {
        self.bounds[at]
    }

    /// Adds what was used at a place, and tells of each alert that this makes due: under the lock, so that those of one
    /// limit come in their order.
    pub(crate) fn charge(&self, around: Stages, usd: &Charge, tokens: &Charge, mut tell: impl FnMut(Due)) {
        self.with(|meters| {
            for bound in self.holding_in(around) {
                let meter = &mut meters[bound];
                match self.bounds[bound].unit {
                    Unit::Usd => meter.charged.add(usd),
                    Unit::Tokens => meter.charged.add(tokens),
                }
                while let Some(percent) = meter.next_alert() {
                    tell(Due { bound, percent, meter: *meter });
                }
            }
        });
    }

    /// Whether more may be used at a place.
    pub(crate) fn check(&self, around: Stages) -> Result<(), Box<Refusal>> {
        self.with(|meters| self.fault(meters, around).map_or(Ok(()), Err))
    }

    /// Takes room in every limit around a place, or in none.
    pub(crate) fn reserve(&self, around: Stages, unit: Unit, amount: i128) -> Result<(), Box<Refusal>> {
        self.with(|meters| {
            if let Some(refusal) = self.fault(meters, around) {
                return Err(refusal);
            }
            let counts = |bound: &usize| self.bounds[*bound].unit == unit;
            if let Some(bound) =
                self.holding_in(around).filter(counts).find(|bound| meters[*bound].left() < amount)
            {
                return Err(Box::new(Refusal { bound, meter: meters[bound], why: Why::NoRoom }));
            }
            self.holding_in(around).filter(counts).for_each(|bound| meters[bound].reserved += amount);
            Ok(())
        })
    }

    /// Gives back room that was taken.
    pub(crate) fn release(&self, around: Stages, unit: Unit, amount: i128) {
        self.with(|meters| {
            let counts = |bound: &usize| self.bounds[*bound].unit == unit;
            self.holding_in(around).filter(counts).for_each(|bound| meters[bound].reserved -= amount);
        });
    }

    /// What is left at a place, of the limit that leaves least; nothing is known where there is none, or where it cannot be
    /// proven.
    pub(crate) fn left(&self, around: Stages, unit: Unit) -> Option<i128> {
        self.with(|meters| {
            let bounds = self.holding_in(around).filter(|bound| self.bounds[*bound].unit == unit);
            let left =
                bounds.map(|bound| (meters[bound].charged.unproven == 0).then(|| meters[bound].left()));
            left.reduce(|one, two| Some(one?.min(two?))).flatten()
        })
    }

    /// How each limit stands.
    pub(crate) fn all(&self) -> Vec<(Bound, Meter)> {
        self.with(|meters| self.bounds.iter().copied().zip(meters.iter().copied()).collect())
    }

    fn fault(&self, meters: &[Meter], around: Stages) -> Option<Box<Refusal>> {
        self.holding_in(around).find_map(|bound| {
            meters[bound].fault().map(|why| Box::new(Refusal { bound, meter: meters[bound], why }))
        })
    }

    /// The limits that hold at a place.
    fn holding_in(&self, around: Stages) -> impl Iterator<Item = usize> {
        (0..self.bounds.len()).filter(move |bound| self.bounds[*bound].holds_in(around))
    }

    /// None of the user's code runs in `act`.
    fn with<T>(&self, act: impl FnOnce(&mut [Meter]) -> T) -> T {
        act(&mut self.meters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
