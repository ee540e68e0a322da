//! Limits of runs in flight: amounts are counted, alerts fire, and checks and reservations are answered.

use std::sync::{Arc, OnceLock, Weak};

use super::clock::Moment;
use super::core::{Core, Options};
use super::root::RunState;
use super::run::{Rest, Run};
use super::settlement::Amounts;
use super::table::Place;
use crate::ledger::{Symbol, Usd};
use crate::limit::{
    Alert, Amount, BudgetExceeded, DueAlert, LimitSet, Plan, Remaining, Stages, Unit, UsedAmount,
};
use crate::summary::{StageLimits, Timestamp};

/// The limits of one run.
#[derive(Debug)]
pub(crate) struct RunLimits {
    set: LimitSet,
    /// The run itself, which alerts name.
    // Weak: the run owns its limits. A strong pointer back would keep both in memory for ever.
    run: OnceLock<Weak<Run>>,
}

impl RunLimits {
    /// Ties the limits of a run to it.
    pub(crate) fn tie(run: Run) -> Arc<Run> {
        let run = Arc::new(run);
        if let Some(limits) = &run.limits {
            // Cannot fail: the run was made for this call, and nothing else has set it.
            let _ = limits.run.set(Arc::downgrade(&run));
        }
        run
    }
}

impl Run {
    /// The run.
    pub(crate) fn project(&self, rest: &Rest, options: &Options) -> String {
        rest.attributes.project.as_deref().or(options.project.as_deref()).unwrap_or(self.krate).to_owned()
    }

    /// What is left of the limits of its stages, of what is known: nothing that was assumed is in a summary.
    pub(crate) fn stage_limits(&self, plan: &Plan) -> Vec<(Symbol, StageLimits)> {
        let Some(limits) = &self.limits else { return Vec::new() };
        let states = limits.set.all();
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
    run: Arc<Run>,
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
        if let Some(limits) = &self.run.limits {
            limits.set.release(self.around, self.unit, self.amount);
        }
    }
}

impl Core {
    /// The limits for a run that begins.
    pub(crate) fn limits_of_a_run(&self) -> Option<Box<RunLimits>> {
        self.options.limits.limit_set().map(|set| Box::new(RunLimits { set, run: OnceLock::new() }))
    }

    /// Counts what is booked at a place, and fires the alerts that are due.
    #[cold]
    pub(crate) fn charge(&self, limits: &RunLimits, place: Place, amounts: Amounts<'_>) {
        let (mut usd, mut tokens) = (UsedAmount::default(), UsedAmount::default());
        for tally in amounts.tallies() {
            usd.add(&self.options.limits.unpriced.usd(tally));
            tokens.add(&UsedAmount::tokens(tally));
        }
        let now = self.clock.now();
        limits.set.add(place.limited, &usd, &tokens, |due| self.raise_alert(limits, due, now));
    }

    /// Queues an alert for the worker.
    fn raise_alert(&self, limits: &RunLimits, due: DueAlert, now: Moment) {
        let Some(run) = limits.run.get().and_then(Weak::upgrade) else { return };
        let limit = limits.set.limit(due.position);
        let (options, at) = (Arc::clone(&self.options), Timestamp::from(self.clock.wall(now)));
        // Built and sent on the worker's thread: an alert runs user code, which could trace, and the caller holds the lock of a part.
        self.worker.alert(self.dispatch.get().cloned(), move || {
            // Before `rest` is locked below: `public_id` locks it, too (deadlock).
            let run_id = run.public_id();
            Alert {
                run_id,
                project: run.project(&run.rest(), &options),
                pipeline: run.pipeline.as_str().to_owned(),
                scope: options.limits.scope(limit.stage),
                percent: due.percent,
                used: Amount::of(limit.unit, due.state.used.used),
                limit: Amount::of(limit.unit, due.state.limit),
                at,
            }
        });
    }

    /// Whether more may be spent at a place.
    pub(crate) fn check(&self, place: Place) -> Result<(), BudgetExceeded> {
        let plan = &self.options.limits;
        let refused = |limits: &LimitSet| {
            limits.check(place.limited).map_err(|refusal| BudgetExceeded::new(plan, limits, &refusal, None))
        };
        self.with_limits(place, refused)?.unwrap_or(Ok(()))
    }

    /// What may still be spent at a place.
    pub(crate) fn remaining(&self, place: Place) -> Remaining {
        let left = |limits: &LimitSet| Remaining {
            usd: limits.left(place.limited, Unit::Usd).map(Usd::from_pico),
            tokens: limits
                .left(place.limited, Unit::Tokens)
                .map(|left| i64::try_from(left).unwrap_or(if left < 0 { i64::MIN } else { i64::MAX })),
        };
        self.with_limits(place, left).ok().flatten().unwrap_or_default()
    }

    /// Takes room in the limits around a place, and begins its run if it has to be; holds nothing where nothing is limited.
    pub(crate) fn reserve(
        &self,
        place: Place,
        unit: Unit,
        amount: i128,
    ) -> Result<Option<Hold>, BudgetExceeded> {
        let (plan, around) = (&self.options.limits, place.limited);
        if plan.is_empty() {
            return Ok(None);
        }
        let run = self.on_run(place, |run| run.limits.as_ref()?.run.get()?.upgrade()).flatten();
        let run = run.filter(|run| !run.is_sealed()).ok_or(BudgetExceeded::RunEnded)?;
        // Less than nothing would make room for others.
        let amount = amount.max(0);
        if let Some(RunLimits { set, .. }) = run.limits.as_deref() {
            set.reserve(around, unit, amount)
                .map_err(|refusal| BudgetExceeded::new(plan, set, &refusal, Some((unit, amount))))?;
        }
        Ok(Some(Hold { run, around, unit, amount }))
    }

    /// Runs `act` on the limits of the run of a place; `None` where nothing is limited. A run that has not begun yet has used
    /// nothing.
    fn with_limits<T>(
        &self,
        place: Place,
        act: impl Fn(&LimitSet) -> T,
    ) -> Result<Option<T>, BudgetExceeded> {
        let plan = &self.options.limits;
        if plan.is_empty() {
            return Ok(None);
        }
        let in_flight =
            || self.live_run(place.run).and_then(|run| run.limits.as_ref().map(|limits| act(&limits.set)));
        if let Some(done) = in_flight() {
            return Ok(Some(done));
        }
        match self.at_root(place, |root| root.state) {
            Some(RunState::Empty) => Ok(plan.limit_set().map(|unused| act(&unused))),
            // It has begun meanwhile.
            Some(RunState::Live) => in_flight().map(Some).ok_or(BudgetExceeded::RunEnded),
            Some(RunState::Finished) | None => Err(BudgetExceeded::RunEnded),
        }
    }
}
