//! Each alert fires once, for callbacks, sinks and the application's subscriber, and never on a thread of the pipeline.

mod budgeted;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use budgeted::usd;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, info, info_span};
use tracing_budget::sink::{Memory, Sink, SinkError};
use tracing_budget::{
    Alert, BudgetGuard, Builder, RunSummary, layer,
    limit::{Amount, LimitScope},
};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

/// Runs code under a layer, and returns its alerts and runs.
fn alerts_of(builder: Builder, code: impl FnOnce(&BudgetGuard)) -> (Vec<Alert>, Vec<RunSummary>) {
    let memory = Memory::new();
    let (budget, guard) = builder.sink(memory.clone()).build().expect("a layer");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || code(&guard));
    guard.flush().expect("delivered");
    assert_eq!((guard.handle().stats().outside, guard.handle().stats().late), (0, 0));
    (memory.take_alerts(), memory.take())
}

fn fired(alerts: &[Alert]) -> Vec<(LimitScope, u8, Amount)> {
    alerts.iter().map(|alert| (alert.scope, alert.percent, alert.used)).collect()
}

fn pipeline(costs: &[f64]) {
    let _pipeline = info_span!("pipeline").entered();
    costs.iter().for_each(|cost| info!(cost_usd = cost));
}

#[test]
fn four_cents_are_eighty_percent_of_five() {
    let (alerts, _) = alerts_of(layer().usage_events([module_path!()]).limit_usd("0.05"), |_| {
        pipeline(&[0.024_999, 0.015, 0.000_001, 0.009])
    });
    assert_eq!(
        fired(&alerts),
        [
            (LimitScope::Run, 50, Amount::Usd(usd("0.039999"))),
            (LimitScope::Run, 80, Amount::Usd(usd("0.04"))),
            (LimitScope::Run, 95, Amount::Usd(usd("0.049"))),
        ]
    );
    assert_eq!(alerts[1].limit, Amount::Usd(usd("0.05")));
    assert_eq!(alerts[1].to_string(), "pipeline: the run spent $0.04 of its $0.05 limit, at least 80 %");
}

#[test]
fn a_limit_is_used_up_at_the_limit() {
    let (alerts, runs) =
        alerts_of(layer().usage_events([module_path!()]).limit_usd("1.00"), |_| pipeline(&[0.10; 12]));
    // The tenth call passes 95 % as well, which the last mark implies.
    let at = [(50, "0.50"), (80, "0.80"), (100, "1.00")];
    let expected = at.map(|(percent, used)| (LimitScope::Run, percent, Amount::Usd(usd(used))));
    assert_eq!(fired(&alerts), expected);
    assert!(alerts[2].is_exhausted() && !alerts[1].is_exhausted());
    assert_eq!(alerts[2].to_string(), "pipeline: the run spent $1.00 of its $1.00 limit");
    assert_eq!(
        (alerts[0].run_id.as_str(), alerts[0].pipeline.as_str()),
        (runs[0].run_id.as_str(), "pipeline")
    );
    assert_eq!(runs[0].budget_summary.total.cost_usd, Some(usd("1.20")), "nothing was stopped");
}

/// What a limit's use is called, below, at and above it; the error of a refused check has the same words.
#[test]
fn words_are_true_above_the_limit() {
    let (alerts, _) = alerts_of(
        layer().usage_events([module_path!()]).limit_usd("0.10").stage_limit_tokens("draft", 80_000),
        |_| {
            let _pipeline = info_span!("pipeline").entered();
            info_span!("draft").in_scope(|| {
                info!(input_tokens = 82_000, cost_usd = 0.11);
                let refused = tracing_budget::check().expect_err("it is used up");
                assert_eq!(refused.to_string(), "the run spent $0.11 of its $0.10 limit");
            });
        },
    );
    let words: Vec<_> = alerts.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "pipeline: the run spent $0.11 of its $0.10 limit",
            "pipeline: stage draft used 82,000 tokens of its 80,000-token limit",
        ]
    );
}

#[test]
fn one_call_fires_the_highest_mark_that_it_passes() {
    let builder = layer()
        .usage_events([module_path!()])
        .limit_usd(1)
        .limit_tokens(100)
        .stage_limit_tokens("draft", 1_000);
    let (alerts, _) = alerts_of(builder, |_| {
        let _pipeline = info_span!("pipeline").entered();
        info_span!("draft").in_scope(|| info!(input_tokens = 900, cost_usd = 0.1));
    });
    let tokens = Amount::Tokens(900);
    assert_eq!(
        fired(&alerts),
        [(LimitScope::Run, 100, tokens), (LimitScope::Stage("draft"), 80, tokens)],
        "once for each limit"
    );
}

#[test]
fn every_run_has_alerts_of_its_own() {
    let (alerts, runs) = alerts_of(layer().usage_events([module_path!()]).limit_usd("0.10"), |_| {
        pipeline(&[0.05]);
        pipeline(&[0.05]);
    });
    let ids: Vec<&str> = alerts.iter().map(|alert| alert.run_id.as_str()).collect();
    assert_eq!(ids, [runs[0].run_id.as_str(), runs[1].run_id.as_str()]);
}

#[test]
fn eight_threads_that_close_spans_make_each_alert_due_once() {
    for _ in 0..20 {
        let calls = Mutex::new(Vec::new());
        let calls = Arc::new(calls);
        let kept = Arc::clone(&calls);
        let builder = layer()
            .usage_events([module_path!()])
            .limit_usd("1.00")
            .stage_limit_tokens("draft", 800)
            .on_alert(move |alert| kept.lock().expect("no panic").push(alert.clone()));
        let (alerts, runs) = alerts_of(builder, |_| {
            let root = info_span!("pipeline");
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            thread::scope(|threads| {
                for _ in 0..8 {
                    threads.spawn(|| {
                        tracing::dispatcher::with_default(&dispatch, || {
                            let _draft = info_span!(parent: &root, "draft").entered();
                            for _ in 0..200 {
                                let call = info_span!(
                                    "chat",
                                    gen_ai.operation.name = "chat",
                                    gen_ai.request.model = "m",
                                    gen_ai.usage.input_tokens = 1,
                                    cost_usd = 0.001
                                );
                                drop(call);
                            }
                        });
                    });
                }
            });
        });
        for scope in [LimitScope::Run, LimitScope::Stage("draft")] {
            let fired: Vec<_> = alerts.iter().filter(|alert| alert.scope == scope).collect();
            let percents: Vec<u8> = fired.iter().map(|alert| alert.percent).collect();
            assert_eq!(percents, [50, 80, 95, 100], "{scope}: each once, and in order");
            for alert in fired {
                // All calls cost the same, so the alert has the figures of the call that reached the percentage.
                let at = match alert.used {
                    Amount::Usd(used) => (used.pico() * 100, 1_000_000_000_000),
                    Amount::Tokens(used) => (i128::from(used) * 100, 800),
                };
                assert_eq!(at.0, at.1 * i128::from(alert.percent), "{alert}");
            }
        }
        assert_eq!(*calls.lock().expect("no panic"), alerts, "callbacks and sinks get the same");
        assert_eq!(runs[0].budget_summary.total.cost_usd, Some(usd("1.60")), "and nothing is lost");
    }
}

/// The lines that a log would write.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

/// Level, fields and thread of an event.
type Line = (Level, String, Option<String>);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        if event.metadata().target() == "tracing_budget::alert" {
            let mut text = Text(String::new());
            event.record(&mut text);
            let thread = thread::current().name().map(str::to_owned);
            self.0.lock().expect("no panic").push((*event.metadata().level(), text.0, thread));
        }
    }
}

#[test]
fn the_applications_subscriber_gets_an_event_that_no_budget_layer_counts() {
    let (log, memory) = (Log::default(), Memory::new());
    let (budget, guard) = layer()
        .usage_events([module_path!()])
        .limit_usd("0.10")
        .limit_tokens(1_000_000)
        .sink(memory.clone())
        .build()
        .expect("a layer");
    let other = Memory::new();
    let (beside, beside_guard) =
        layer().usage_events([module_path!()]).sink(other.clone()).build().expect("a layer");
    let subscriber = tracing_subscriber::registry().with(log.clone()).with(budget).with(beside);
    tracing::subscriber::with_default(subscriber, || {
        pipeline(&[0.05, 0.03, 0.015, 0.005]);
        guard.flush().expect("delivered");
        beside_guard.flush().expect("delivered");
    });
    let events = log.0.lock().expect("no panic").clone();
    let levels: Vec<Level> = events.iter().map(|(level, ..)| *level).collect();
    assert_eq!(levels, [Level::INFO, Level::WARN, Level::WARN, Level::ERROR]);
    let (_, text, thread) = &events[1];
    assert!(
        text.contains("percent=80") && text.contains("limit=$0.10") && text.contains("used=$0.08"),
        "{text}"
    );
    assert!(text.contains("the run spent $0.08 of its $0.10 limit, at least 80 %"), "{text}");
    assert_eq!(thread.as_deref(), Some("tracing-budget"), "from the delivery thread");
    for (guard, memory) in [(guard, memory), (beside_guard, other)] {
        let stats = guard.handle().stats();
        assert_eq!((stats.runs_started, stats.empty_roots, stats.outside), (1, 0, 0));
        let runs = memory.take();
        assert_eq!(runs[0].status.as_str(), "completed", "an alert is no failure of the run");
        assert_eq!(runs[0].budget_summary.total.cost_usd, Some(usd("0.10")));
    }
}

#[test]
fn sinks_get_an_alert_before_the_run_and_on_their_own_thread() {
    struct Order(Arc<Mutex<Vec<String>>>);
    impl Sink for Order {
        fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
            self.0.lock().expect("no panic").push(format!("run {}", run.pipeline));
            Ok(())
        }
        fn alert(&mut self, alert: &Alert) -> Result<(), SinkError> {
            assert_eq!(thread::current().name(), Some("tracing-budget"));
            self.0.lock().expect("no panic").push(format!("alert {}", alert.percent));
            Ok(())
        }
    }
    let order = Arc::default();
    let (alerts, _) = alerts_of(
        layer().usage_events([module_path!()]).limit_usd("0.10").sink(Order(Arc::clone(&order))),
        |_| {
            pipeline(&[0.05, 0.03]);
        },
    );
    assert_eq!(alerts.len(), 2);
    assert_eq!(*order.lock().expect("no panic"), ["alert 50", "alert 80", "run pipeline"]);
}

#[test]
fn a_sink_or_callback_that_fails_on_an_alert_affects_no_other() {
    struct Broken;
    impl Sink for Broken {
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            Ok(())
        }
        fn alert(&mut self, alert: &Alert) -> Result<(), SinkError> {
            if alert.percent == 50 { panic!("a broken sink") } else { Err(SinkError::new("no network")) }
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let builder = layer()
        .usage_events([module_path!()])
        .limit_usd("0.10")
        .sink(Broken)
        .on_alert(|_| panic!("a broken callback"))
        .on_alert(move |_| {
            counted.fetch_add(1, SeqCst);
        });
    let (alerts, runs) = alerts_of(builder, |guard| {
        pipeline(&[0.05, 0.03]);
        guard.flush().expect("a missed alert is not a lost run");
        let stats = guard.handle().stats().delivery;
        assert_eq!((stats.sinks[0].missed_alerts, stats.sinks[0].delivered), (2, 1));
        assert_eq!(stats.sinks[0].last_error.as_deref(), Some("no network"));
    });
    assert_eq!((alerts.len(), runs.len(), calls.load(SeqCst)), (2, 1, 2));
}

#[test]
fn an_alert_is_delivered_even_while_the_queue_is_full() {
    use std::sync::mpsc;
    use tracing_budget::sink::{Delivery, WhenFull};

    let (entered, is_inside) = mpsc::channel();
    let (open, door) = mpsc::channel::<()>();
    let builder = layer()
        .usage_events([module_path!()])
        .limit_usd("0.10")
        .delivery(Delivery::new().capacity(1).when_full(WhenFull::Drop))
        .sink(move |_: &RunSummary| {
            let _ = entered.send(());
            let _ = door.recv();
        });
    let (alerts, _) = alerts_of(builder, |_| {
        pipeline(&[0.01]);
        is_inside.recv().expect("the sink holds the first run");
        // The queue has room for one; all further runs are dropped, and no alert is.
        (0..5).for_each(|_| pipeline(&[0.05]));
        drop(open);
    });
    assert_eq!(alerts.len(), 5);
}

#[test]
fn an_alert_is_json() {
    let (alerts, _) =
        alerts_of(layer().usage_events([module_path!()]).stage_limit_usd("draft", "0.05"), |_| {
            let _pipeline = info_span!("pipeline").entered();
            info_span!("draft").in_scope(|| info!(cost_usd = 0.04));
        });
    let json = serde_json::to_value(&alerts[0]).expect("JSON");
    assert_eq!((&json["scope"], &json["stage"]), (&"stage".into(), &"draft".into()));
    assert_eq!(json["percent"], 80);
    assert_eq!((&json["used"]["usd"], &json["limit"]["usd"]), (&0.04.into(), &0.05.into()));
}
