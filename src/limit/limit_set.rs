//! The limits of one run: what is used of each, what is reserved, and which alerts were given.
//!
//! Amounts are integers: pico-dollars or tokens.

use std::sync::PoisonError;

use super::sync::Mutex;

/// Percent of a limit at which an alert fires, in ascending order: `LimitState::alerts` counts into it.
pub(crate) const ALERTS: [u8; 4] = [50, 80, 95, 100];

/// The unit in which a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Pico-dollars.
    Usd,
    Tokens,
}

/// A set of stages that have a limit, one bit each: those that enclose a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stages(u32);

impl Stages {
    pub(crate) const NONE: Self = Self(0);

    /// The set of the stage with this number, which is below 32.
    pub(crate) fn only(number: usize) -> Self {
        // `Plan` refuses more than 32 stages, so the shift does not overflow.
        Self(1 << number)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A limit as it was configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The stage by its number; `None` is the run, or all runs.
    pub(crate) stage: Option<usize>,
    pub(crate) unit: Unit,
    pub(crate) amount: i128,
}

impl Limit {
    /// Whether the limit applies to a span inside these stages.
    fn applies_in(&self, stages: Stages) -> bool {
        self.stage.is_none_or(|stage| stages.meets(Stages::only(stage)))
    }
}

/// What calls use of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsedAmount {
    pub(crate) used: i128,
    /// The part of `used` that is an assumption: an unpriced call at the rates of a policy.
    pub(crate) assumed: i128,
    // Signed, as the counts of a tally: a later report makes an unknown call known.
    /// Calls with a known amount.
    pub(crate) known_calls: i64,
    /// Calls with an unknown amount.
    pub(crate) unknown_calls: i64,
    /// Calls that make the limit unverifiable.
    pub(crate) unverifiable_calls: i64,
}

impl UsedAmount {
    pub(crate) fn add(&mut self, more: &Self) {
        // Saturating: a wrapped sum would be below the limit, and let more through.
        self.used = self.used.saturating_add(more.used);
        self.assumed = self.assumed.saturating_add(more.assumed);
        self.known_calls += more.known_calls;
        self.unknown_calls += more.unknown_calls;
        self.unverifiable_calls += more.unverifiable_calls;
    }

    /// The amount without assumptions; `None` if there were only calls with an unknown amount.
    pub(crate) fn known(&self) -> Option<i128> {
        let known = self.used - self.assumed;
        (known > 0 || self.known_calls > 0 || self.unknown_calls <= 0).then_some(known)
    }
}

/// The state of one limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitState {
    pub(crate) limit: i128,
    pub(crate) used: UsedAmount,
    pub(crate) reserved: i128,
    /// Number of [`ALERTS`] that were given.
    alerts: usize,
    /// The amount at which the next one is due.
    next_alert: i128,
}

/// Why a limit refuses a check or a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All of it is used.
    Exhausted,
    /// Calls without a price make it unverifiable.
    Unverifiable,
    /// Less is left than the reservation needs.
    NoRoom,
}

/// The limit that refuses, with its state at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The limit's position in the set.
    pub(crate) position: usize,
    pub(crate) state: LimitState,
    pub(crate) reason: Refused,
}

/// An alert that became due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DueAlert {
    /// The limit's position in the set.
    pub(crate) position: usize,
    pub(crate) percent: u8,
    pub(crate) state: LimitState,
}

impl LimitState {
    fn new(limit: i128) -> Self {
        Self { limit, used: UsedAmount::default(), reserved: 0, alerts: 0, next_alert: next_alert(limit, 0) }
    }

    fn left(&self) -> i128 {
        self.limit.saturating_sub(self.used.used).saturating_sub(self.reserved)
    }

    fn refused(&self) -> Option<Refused> {
        // Exhausted first: it is true whatever the unpriced calls cost, and is the more useful message.
        match self.used {
            UsedAmount { used, .. } if used >= self.limit => Some(Refused::Exhausted),
            UsedAmount { unverifiable_calls: 1.., .. } => Some(Refused::Unverifiable),
            _ => None,
        }
    }

    /// Takes the highest alert that is due, and with it those below, which it implies.
    // Inlined: a comparison, for nearly every amount.
    #[inline]
    fn due_alert(&mut self) -> Option<u8> {
        if self.used.used < self.next_alert { None } else { self.take_alert() }
    }

    #[cold]
    fn take_alert(&mut self) -> Option<u8> {
        let ahead = ALERTS.iter().skip(self.alerts);
        let passed = ahead.take_while(|percent| self.used.used >= share(self.limit, **percent)).count();
        self.alerts += passed;
        self.next_alert = next_alert(self.limit, self.alerts);
        if passed == 0 { None } else { ALERTS.get(self.alerts - 1).copied() }
    }
}

/// So many percent of an amount, rounded up: an amount that is not below has reached them. In integers: a quotient of doubles could
/// round 0.8 of five cents to just below 80 %, and the alert would be late.
fn share(amount: i128, percent: u8) -> i128 {
    let percent = i128::from(percent);
    // In two parts: the product of a large amount would overflow.
    amount / 100 * percent + (amount % 100 * percent + 99) / 100
}

/// The amount at which the next alert is due, of which so many were given.
fn next_alert(limit: i128, given: usize) -> i128 {
    ALERTS.get(given).map_or(i128::MAX, |percent| share(limit, *percent))
}

/// The limits of one run, or those over all runs of a layer.
#[derive(Debug)]
pub(crate) struct LimitSet {
    limits: Box<[Limit]>,
    /// The state of each limit.
    // One lock for all of them: a reservation takes room in several limits or in none. With a lock for each, two threads
    // could take half each and refuse one another.
    states: Mutex<Box<[LimitState]>>,
}

impl LimitSet {
    /// Unused limits. Those of the run come first: the first limit that refuses is the one that is reported.
    pub(crate) fn new(limits: Box<[Limit]>) -> Self {
        let states = Mutex::new(limits.iter().map(|limit| LimitState::new(limit.amount)).collect());
        Self { limits, states }
    }

    pub(crate) fn limit(&self, position: usize) -> Limit {
        self.limits[position]
    }

    /// Adds what was used inside these stages, and passes each alert that this makes due to `on_alert`.
    pub(crate) fn add(
        &self,
        stages: Stages,
        usd: &UsedAmount,
        tokens: &UsedAmount,
        mut on_alert: impl FnMut(DueAlert),
    ) {
        self.with_states(|states| {
            for position in self.applying_in(stages) {
                let state = &mut states[position];
                match self.limits[position].unit {
                    Unit::Usd => state.used.add(usd),
                    Unit::Tokens => state.used.add(tokens),
                }
                // Under the lock, so that the alerts of one limit are queued in ascending order.
                if let Some(percent) = state.due_alert() {
                    on_alert(DueAlert { position, percent, state: *state });
                }
            }
        });
    }

    /// Checks that no limit refuses more use inside these stages.
    pub(crate) fn check(&self, stages: Stages) -> Result<(), Box<Refusal>> {
        self.with_states(|states| self.refusal(states, stages).map_or(Ok(()), Err))
    }

    /// Reserves an amount in every limit that applies inside these stages, or in none.
    pub(crate) fn reserve(&self, stages: Stages, unit: Unit, amount: i128) -> Result<(), Box<Refusal>> {
        self.with_states(|states| {
            // All are checked before one is changed: an early return in between would leave reservations without an owner.
            self.room(states, stages, unit, amount)?;
            self.applying_to(stages, unit).for_each(|position| states[position].reserved += amount);
            Ok(())
        })
    }

    /// Reserves here and by `inner`, or in neither. `refuse` makes the error of a refusal.
    pub(crate) fn reserve_with<E>(
        &self,
        (unit, amount): (Unit, i128),
        refuse: impl FnOnce(Box<Refusal>) -> E,
        inner: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        // Lock order: a total, then a run. Under both: an amount that is taken in one and given back would refuse others meanwhile.
        self.with_states(|states| {
            let room = self.room(states, Stages::NONE, unit, amount);
            room.map_err(refuse)?;
            inner()?;
            self.applying_to(Stages::NONE, unit).for_each(|position| states[position].reserved += amount);
            Ok(())
        })
    }

    /// Gives a reserved amount back.
    pub(crate) fn release(&self, stages: Stages, unit: Unit, amount: i128) {
        self.with_states(|states| {
            // The same limits as in `reserve`: a permit keeps the stages of its reservation, also when it is dropped in
            // another span. With those of the other span, room would be lost in one limit and gained in another.
            self.applying_to(stages, unit).for_each(|position| states[position].reserved -= amount);
        });
    }

    /// What is left inside these stages, of the limit that leaves least. `None` without such a limit, and if one of them
    /// is unverifiable.
    pub(crate) fn left(&self, stages: Stages, unit: Unit) -> Option<i128> {
        self.left_where_limited(stages, unit).flatten()
    }

    /// The same; the outer `None` is without such a limit, the inner one is unverifiable.
    pub(crate) fn left_where_limited(&self, stages: Stages, unit: Unit) -> Option<Option<i128>> {
        self.with_states(|states| {
            // `reduce` on options: one unverifiable limit makes the minimum unknown, instead of dropping out of it.
            let left = self.applying_to(stages, unit).map(|position| {
                let state = &states[position];
                (state.used.unverifiable_calls <= 0).then(|| state.left())
            });
            left.reduce(|one, two| Some(one?.min(two?)))
        })
    }

    /// Makes every limit unused again, for the next run in the same room.
    pub(crate) fn reset(&self) {
        self.with_states(|states| {
            for (limit, state) in self.limits.iter().zip(states) {
                *state = LimitState::new(limit.amount);
            }
        });
    }

    /// Each limit with its state.
    pub(crate) fn all(&self) -> Vec<(Limit, LimitState)> {
        self.with_states(|states| self.limits.iter().copied().zip(states.iter().copied()).collect())
    }

    /// An error if one of the limits that apply inside these stages has no room for an amount.
    fn room(
        &self,
        states: &[LimitState],
        stages: Stages,
        unit: Unit,
        amount: i128,
    ) -> Result<(), Box<Refusal>> {
        if let Some(refusal) = self.refusal(states, stages) {
            return Err(refusal);
        }
        let full = self.applying_to(stages, unit).find(|position| states[*position].left() < amount);
        match full {
            Some(position) => {
                Err(Box::new(Refusal { position, state: states[position], reason: Refused::NoRoom }))
            }
            None => Ok(()),
        }
    }

    fn refusal(&self, states: &[LimitState], stages: Stages) -> Option<Box<Refusal>> {
        self.applying_in(stages).find_map(|position| {
            let state = states[position];
            state.refused().map(|reason| Box::new(Refusal { position, state, reason }))
        })
    }

    /// The positions of the limits that apply inside these stages.
    fn applying_in(&self, stages: Stages) -> impl Iterator<Item = usize> {
        (0..self.limits.len()).filter(move |position| self.limits[*position].applies_in(stages))
    }

    /// Those of one unit.
    fn applying_to(&self, stages: Stages, unit: Unit) -> impl Iterator<Item = usize> {
        self.applying_in(stages).filter(move |position| self.limits[*position].unit == unit)
    }

    fn with_states<T>(&self, act: impl FnOnce(&mut [LimitState]) -> T) -> T {
        // Lock order: this lock is the last one. `act` takes no other lock but that of the due alerts, and that of a run's
        // limits inside that of the total. It runs no code of a user: a callback that read the remaining budget would deadlock. A poisoned state is whole: nothing in
        // `act` panics between two changes that belong together.
        act(&mut self.states.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
