//! Limits of runs in flight: amounts are counted, alerts fire, and checks and reservations are answered.

use std::sync::Arc;

use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::close::Entry;
use super::core::Core;
use super::position::Position;
use super::run::{Details, Due, Run};
use super::run_registry::RunRegistry;
use crate::ledger::{Symbol, Usd};
use crate::limit::{
    Alert, Amount, BudgetExceeded, DueAlert, LimitScope, LimitSet, Plan, Refusal, Remaining, Stages, Unit,
    UsedAmount,
};
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

    /// Keeps the room taken for good.
    fn keep(mut self) {
        self.amount = 0;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(total) = &self.runs.total {
            total.release(Stages::NONE, self.unit, self.amount);
        }
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

/// Kept with a call's span in the registry, which drops it once every layer has seen the close.
// An extension, which the layer itself does without: calls without a permit do not pay for it.
struct HeldUntilClose(#[expect(dead_code, reason = "it is there to be dropped")] Hold);

impl Core {
    /// Holds room until the span of a call has closed. If the layer does not see the call in the run, its cost will never be
    /// booked there, and the room stays taken. Returns the room where the subscriber has no registry.
    pub(crate) fn hold_until_close(&self, hold: Hold, run: u64, call: &Span) -> Option<Hold> {
        let mut hold = Some(hold);
        let is_seen = call.with_subscriber(|(id, dispatch)| {
            let is_in_run = self.spans.with(id.into_u64(), |state| state.position.run) == Some(run);
            if is_in_run
                && let Some(registry) = dispatch.downcast_ref::<Registry>()
                && let Some(span) = registry.span(id)
                && let Some(hold) = hold.take()
            {
                span.extensions_mut().insert(HeldUntilClose(hold));
            }
            is_in_run
        });
        if is_seen != Some(true)
            && let Some(hold) = hold.take()
        {
            // Fail closed: what the call costs is in no ledger of this run.
            hold.keep();
        }
        hold
    }

    /// Counts what is booked inside limited stages of a run, and over all runs. Returns whether an alert is due. An amount that came
    /// after the end of its run counts over all runs alone.
    #[cold]
    pub(crate) fn charge(&self, run: Option<&Run>, limited: Stages, entry: Entry<'_>) -> bool {
        let plan = &self.options.limits;
        let (mut usd, mut tokens) = (UsedAmount::default(), UsedAmount::default());
        let own = entry.own.map(|(_, totals)| totals);
        for totals in own.into_iter().chain(entry.more.iter().map(|booking| &booking.totals)) {
            usd.add(&plan.unpriced.usd(totals));
            tokens.add(&UsedAmount::tokens(totals));
        }
        let mut is_due = false;
        if let Some(limits) = run.and_then(|run| run.limits.as_ref()) {
            limits.add(limited, &usd, &tokens, |alert| {
                is_due |= note_due(run, limits, alert, |stage| plan.scope(stage));
            });
        }
        if let Some(total) = &self.runs.total {
            total.add(Stages::NONE, &usd, &tokens, |alert| {
                is_due |= note_due(run, total, alert, |_| LimitScope::Total);
            });
        }
        is_due
    }

    /// Queues the alerts that are due in a run, in the order in which they became it.
    #[cold]
    pub(crate) fn queue_alerts(&self, run: &Run, details: &mut Details) {
        for Due { scope, unit, alert: due } in run.take_due() {
            let alert = Alert {
                run_id: details.public_id(&self.clock),
                project: details.project(&self.options),
                pipeline: details.pipeline().to_owned(),
                scope,
                percent: due.percent,
                used: Amount::of(unit, due.state.used.used),
                limit: Amount::of(unit, due.state.limit),
                at: Timestamp::from(self.clock.wall(self.clock.now())),
            };
            // Sent on the worker's thread: an alert runs user code, which could trace.
            self.delivery.worker.alert(self.spans.subscriber.get().cloned(), alert);
        }
    }

    /// Whether more may be spent at a position.
    pub(crate) fn check(&self, position: Position) -> Result<(), BudgetExceeded> {
        let Some(run) = self.limited_run(position)? else { return Ok(()) };
        // Locked meanwhile: what is left is that of this run, and not of the next one in its room.
        let _details = run.room.open_details(position.run).ok_or(BudgetExceeded::RunEnded)?;
        // The total first: of two limits that refuse, the wider one is the one to report.
        if let Some(total) = &self.runs.total {
            total.check(Stages::NONE).map_err(|refusal| refused_by_total(total, &refusal, None))?;
        }
        match &run.limits {
            Some(limits) => {
                limits.check(position.limited).map_err(|refusal| self.refused(limits, &refusal, None))
            }
            None => Ok(()),
        }
    }

    /// What may still be spent at a position.
    pub(crate) fn remaining(&self, position: Position) -> Remaining {
        let Ok(Some(run)) = self.limited_run(position) else { return Remaining::default() };
        let Some(_details) = run.room.open_details(position.run) else { return Remaining::default() };
        let left = |unit| {
            let total =
                self.runs.total.as_ref().and_then(|total| total.left_where_limited(Stages::NONE, unit));
            let own =
                run.limits.as_ref().and_then(|limits| limits.left_where_limited(position.limited, unit));
            // `reduce` on options: one unverifiable limit makes the minimum unknown, instead of dropping out of it.
            total.into_iter().chain(own).reduce(|one, two| Some(one?.min(two?))).flatten()
        };
        remaining_of(left)
    }

    /// What is left of the total.
    pub(crate) fn total_remaining(&self) -> Remaining {
        remaining_of(|unit| self.runs.total.as_ref()?.left(Stages::NONE, unit))
    }

    /// Takes room in the limits around a place, and begins its run if it has to be; holds nothing where nothing is limited.
    pub(crate) fn reserve(
        &self,
        position: Position,
        unit: Unit,
        amount: i128,
    ) -> Result<Option<Hold>, BudgetExceeded> {
        let around = position.limited;
        if self.options.limits.is_empty() {
            return Ok(None);
        }
        self.check_whole_run(position)?;
        // A reservation is accountable: a run that holds room for a call must not pass for one in which nothing happened.
        self.begin(position.run);
        let run = self.runs.room(position.run).ok_or(BudgetExceeded::RunEnded)?;
        // Locked until room was taken: closed in between, it would be taken in the limits of the next run, and never given back.
        let _details = run.room.open_details(position.run).ok_or(BudgetExceeded::RunEnded)?;
        // Less than nothing would make room for others.
        let amount = amount.max(0);
        let requested = Some((unit, amount));
        let in_run = || match &run.limits {
            Some(limits) => limits
                .reserve(around, unit, amount)
                .map_err(|refusal| self.refused(limits, &refusal, requested)),
            None => Ok(()),
        };
        match &self.runs.total {
            None => in_run(),
            Some(total) => {
                let refuse = |refusal: Box<_>| refused_by_total(total, &refusal, requested);
                total.reserve_with((unit, amount), refuse, in_run)
            }
        }?;
        Ok(Some(Hold { runs: Arc::clone(&self.runs), run: position.run, around, unit, amount }))
    }

    /// The run at a position; `None` where nothing is limited. A run that has not begun yet has used nothing.
    fn limited_run(&self, position: Position) -> Result<Option<&Run>, BudgetExceeded> {
        if self.options.limits.is_empty() {
            return Ok(None);
        }
        self.check_whole_run(position)?;
        self.runs.room(position.run).map(Some).ok_or(BudgetExceeded::RunEnded)
    }

    fn refused(
        &self,
        limits: &LimitSet,
        refusal: &Refusal,
        requested: Option<(Unit, i128)>,
    ) -> BudgetExceeded {
        let limit = limits.limit(refusal.position);
        BudgetExceeded::new(self.options.limits.scope(limit.stage), limit.unit, refusal, requested)
    }
}

fn refused_by_total(total: &LimitSet, refusal: &Refusal, requested: Option<(Unit, i128)>) -> BudgetExceeded {
    BudgetExceeded::new(LimitScope::Total, total.limit(refusal.position).unit, refusal, requested)
}

/// Keeps an alert that is due with the run that made it due. One that no run is there for counts as given.
fn note_due(
    run: Option<&Run>,
    limits: &LimitSet,
    alert: DueAlert,
    scope: impl Fn(Option<usize>) -> LimitScope,
) -> bool {
    let limit = limits.limit(alert.position);
    let due = Due { scope: scope(limit.stage), unit: limit.unit, alert };
    run.inspect(|run| run.keep_due(due)).is_some()
}

fn remaining_of(left: impl Fn(Unit) -> Option<i128>) -> Remaining {
    let tokens = |left| i64::try_from(left).unwrap_or(if left < 0 { i64::MIN } else { i64::MAX });
    Remaining { usd: left(Unit::Usd).map(Usd::from_pico), tokens: left(Unit::Tokens).map(tokens) }
}
