//! The registry gives ids of closed spans to new ones, and nothing of the old may stick to them.

use tracing::{Id, Span, field::Empty, info_span};
use tracing_budget::layer;

use crate::runs_of::{chat, run_of, runs_of, tokens, tokens_of};

/// More than the generations that a slot of the registry has.
const MANY: u64 = 40_000;

fn agent() -> Span {
    info_span!(parent: None, "invoke_agent", gen_ai.operation.name = "invoke_agent")
}

#[test]
fn tens_of_thousands_of_roots_are_as_many_runs() {
    const ROOTS: u64 = 20_000;
    let mut ids = std::collections::HashSet::new();
    let runs = runs_of(layer(), |guard| {
        for number in 0..ROOTS {
            let root = info_span!("pipeline");
            ids.insert(root.id().as_ref().map(Id::into_u64));
            root.in_scope(|| {
                info_span!("plain").in_scope(|| info_span!("deep").in_scope(|| chat(number + 1)));
            });
        }
        assert_eq!(guard.handle().stats().open_spans, 0);
    });
    assert!((ids.len() as u64) < ROOTS, "the test is to see ids again");
    assert_eq!(runs.len() as u64, ROOTS);
    assert!(runs.iter().zip(0..).all(|(run, number)| tokens(run) == Some(number + 1)));
}

#[test]
fn tens_of_thousands_of_spans_in_one_run_each_have_their_place() {
    let run = run_of(layer(), |guard| {
        let _root = info_span!("pipeline").entered();
        for number in 0..MANY {
            // What had the id of a stage has the id of a plain span the next time, and so on.
            match number % 3 {
                0 => info_span!("one").in_scope(|| info_span!("plain").in_scope(|| chat(1))),
                1 => info_span!("two").in_scope(|| chat(1)),
                _ => info_span!("three").in_scope(|| {
                    info_span!("plain").in_scope(|| info_span!("deep", stage = "deep").in_scope(|| chat(1)));
                }),
            }
        }
        assert_eq!(guard.handle().stats().open_spans, 1);
    });
    assert_eq!(tokens(&run), Some(MANY));
    assert_eq!(tokens_of(&run, "one"), Some(MANY.div_ceil(3)));
    assert_eq!(tokens_of(&run, "deep"), Some(MANY / 3));
}

#[test]
fn what_outlives_an_aggregate_that_is_not_its_parent_is_not_taken_for_a_part_of_another() {
    let runs = runs_of(layer(), |_| {
        let first = info_span!("first").entered();
        let aggregate = info_span!("sum", gen_ai.usage.input_tokens = Empty);
        let id = aggregate.id().unwrap();
        let late = aggregate.in_scope(agent);
        let second = info_span!(parent: None, "second");
        drop(aggregate);
        // The same id comes again, for an aggregate of another run.
        let mut found = None;
        for _ in 0..100_000 {
            let span = info_span!(parent: &second, "sum", gen_ai.usage.input_tokens = Empty);
            if span.id().as_ref() == Some(&id) {
                found = Some(span);
                break;
            }
        }
        let sum = found.expect("ids come again");
        late.in_scope(|| chat(5));
        drop(late);
        sum.record("gen_ai.usage.input_tokens", 5);
        drop((sum, second, first));
    });
    let totals: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), tokens(run))).collect();
    assert_eq!(totals, [("second", Some(5)), ("first", Some(5))]);
}

#[test]
fn a_call_may_have_the_id_of_what_once_collected_its_figures() {
    for is_root in [true, false] {
        let run = run_of(layer(), |_| {
            let outer = (!is_root).then(|| info_span!("pipeline").entered());
            let sum = info_span!("sum", gen_ai.usage.input_tokens = Empty);
            let late = sum.in_scope(agent);
            drop(sum);
            let late = late.entered();
            (0..MANY).for_each(|_| chat(1));
            drop((late, outer));
        });
        assert_eq!(tokens(&run), Some(MANY));
    }
}
