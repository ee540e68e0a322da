//! Limits of runs in flight: amounts are counted, alerts fire, and checks and reservations are answered.

use std::sync::Arc;

use super::close::Entry;
use super::core::Core;
use super::position::Position;
use super::run::{Details, Run};
use super::run_registry::RunRegistry;
use crate::ledger::{Symbol, Usd};
use crate::limit::{Alert, Amount, BudgetExceeded, LimitSet, Plan, Remaining, Stages, Unit, UsedAmount};
use crate::summary::{StageLimits, Timestamp};

impl Run {
    /// What is left of the limits of its stages, of what is known: nothing that was assumed is in a summary.
    pub(crate) fn stage_limits(&self, plan: &Plan) -> Vec<(Symbol, StageLimits)> {
        let Some(limits) = &self.limits else { return Vec::new() };
        let states = limits.all();
        let known = |number: usize, unit: Unit| {
            let mut states = states.iter();
            let (_, state) = states.find(|(limit, _)| (limit.stage, limit.unit) == (Some(number), unit))?;
            state.used.known()
        };
        let stages = plan.stages().enumerate().map(|(number, (name, limits))| {
            let tokens = known(number, Unit::Tokens).and_then(|tokens| u64::try_from(tokens).ok());
            (name, StageLimits::after(limits, known(number, Unit::Usd).map(Usd::from_pico), tokens))
        });
        stages.collect()
    }
}

/// Room that is held in the limits of a run until this is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    runs: Arc<RunRegistry>,
    run: u64,
    around: Stages,
    unit: Unit,
    amount: i128,
}

impl Hold {
    pub(crate) fn amount(&self) -> Amount {
        Amount::of(self.unit, self.amount)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A run that was closed has given back what was held in it. Under the lock of its details: closed in between, the room
        // would be given back in the limits of the next run.
        if let Some(run) = self.runs.room(self.run)
            && let Some(limits) = &run.limits
            && let Some(_details) = run.room.details(self.run)
        {
            limits.release(self.around, self.unit, self.amount);
        }
    }
}

impl Core {
    /// Counts what is booked inside limited stages. Returns whether an alert is due.
    #[cold]
    pub(crate) fn charge(&self, run: &Run, limits: &LimitSet, limited: Stages, entry: Entry<'_>) -> bool {
        let (mut usd, mut tokens) = (UsedAmount::default(), UsedAmount::default());
        let own = entry.own.map(|(_, totals)| totals);
        for totals in own.into_iter().chain(entry.more.iter().map(|booking| &booking.totals)) {
            usd.add(&self.options.limits.unpriced.usd(totals));
            tokens.add(&UsedAmount::tokens(totals));
        }
        let mut is_due = false;
        limits.add(limited, &usd, &tokens, |alert| {
            run.keep_due(alert);
            is_due = true;
        });
        is_due
    }

    /// Queues the alerts that are due in a run, in the order in which they became it.
    #[cold]
    pub(crate) fn queue_alerts(&self, run: &Run, details: &mut Details) {
        let Some(limits) = &run.limits else { return };
        for due in run.take_due() {
            let limit = limits.limit(due.position);
            let alert = Alert {
                run_id: details.public_id(&self.clock),
                project: details.project(&self.options),
                pipeline: details.pipeline().to_owned(),
                scope: self.options.limits.scope(limit.stage),
                percent: due.percent,
                used: Amount::of(limit.unit, due.state.used.used),
                limit: Amount::of(limit.unit, due.state.limit),
                at: Timestamp::from(self.clock.wall(self.clock.now())),
            };
            // Sent on the worker's thread: an alert runs user code, which could trace.
            self.delivery.worker.alert(self.spans.subscriber.get().cloned(), alert);
        }
    }

    /// Whether more may be spent at a position.
    pub(crate) fn check(&self, position: Position) -> Result<(), BudgetExceeded> {
        let plan = &self.options.limits;
        let refused = |limits: &LimitSet| {
            limits
                .check(position.limited)
                .map_err(|refusal| BudgetExceeded::new(plan, limits, &refusal, None))
        };
        self.with_limits(position, refused)?.unwrap_or(Ok(()))
    }

    /// What may still be spent at a position.
    pub(crate) fn remaining(&self, position: Position) -> Remaining {
        let left = |limits: &LimitSet| Remaining {
            usd: limits.left(position.limited, Unit::Usd).map(Usd::from_pico),
            tokens: limits
                .left(position.limited, Unit::Tokens)
                .map(|left| i64::try_from(left).unwrap_or(if left < 0 { i64::MIN } else { i64::MAX })),
        };
        self.with_limits(position, left).ok().flatten().unwrap_or_default()
    }

    /// Takes room in the limits around a place, and begins its run if it has to be; holds nothing where nothing is limited.
    pub(crate) fn reserve(
        &self,
        position: Position,
        unit: Unit,
        amount: i128,
    ) -> Result<Option<Hold>, BudgetExceeded> {
        let (plan, around) = (&self.options.limits, position.limited);
        if plan.is_empty() {
            return Ok(None);
        }
        // A reservation is accountable: a run that holds room for a call must not pass for one in which nothing happened.
        self.begin(position.run);
        let run = self.runs.room(position.run).ok_or(BudgetExceeded::RunEnded)?;
        // Locked until room was taken: closed in between, it would be taken in the limits of the next run, and never given back.
        let _details = run.room.open_details(position.run).ok_or(BudgetExceeded::RunEnded)?;
        // Less than nothing would make room for others.
        let amount = amount.max(0);
        if let Some(set) = &run.limits {
            set.reserve(around, unit, amount)
                .map_err(|refusal| BudgetExceeded::new(plan, set, &refusal, Some((unit, amount))))?;
        }
        Ok(Some(Hold { runs: Arc::clone(&self.runs), run: position.run, around, unit, amount }))
    }

    /// Runs `act` on the limits of the run at a position; `None` where nothing is limited. A run that has not begun yet has used
    /// nothing.
    fn with_limits<T>(
        &self,
        position: Position,
        act: impl Fn(&LimitSet) -> T,
    ) -> Result<Option<T>, BudgetExceeded> {
        let plan = &self.options.limits;
        if plan.is_empty() {
            return Ok(None);
        }
        let run = self.runs.room(position.run).ok_or(BudgetExceeded::RunEnded)?;
        // Locked meanwhile: what is left is that of this run, and not of the next one in its room.
        let _details = run.room.open_details(position.run).ok_or(BudgetExceeded::RunEnded)?;
        Ok(run.limits.as_ref().map(act))
    }
}
