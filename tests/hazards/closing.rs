//! The order in which spans close changes where nothing goes.

use tracing::{field::Empty, info, info_span};
use tracing_budget::{Status, Usage, call, layer};

use crate::runs_of::{chat, run_of, tokens, tokens_of};

#[test]
fn a_call_that_closes_after_the_guards_of_its_stage_and_root_were_dropped_is_in_both() {
    let run = run_of(layer(), |guard| {
        let root = info_span!("pipeline");
        let stage = root.in_scope(|| info_span!("draft"));
        let held = stage.in_scope(|| call("gpt-5").provider("openai").start());
        drop((stage, root));
        guard.flush().unwrap();
        assert_eq!(guard.handle().stats().runs_finished, 0, "a call is still open");
        held.usage(Usage::new().input(7));
    });
    assert_eq!((tokens(&run), tokens_of(&run, "draft")), (Some(7), Some(7)));
    assert_eq!(run.status, Status::Completed);
    assert_eq!(run.budget_summary.per_agent["draft"].calls, 1);
}

#[test]
fn what_a_stage_records_after_its_parent_was_dropped_counts() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline", tag.late = Empty);
        let stage = info_span!(parent: &root, "draft", input_tokens = Empty);
        let id = root.id();
        drop(root);
        stage.record("input_tokens", 5);
        stage.record("input_tokens", 6);
        // Only the registry still holds the root, which still receives events of its own.
        info!(parent: id, input_tokens = 3);
        drop(stage);
    });
    assert_eq!((tokens(&run), tokens_of(&run, "draft")), (Some(14), Some(11)));
}

#[test]
fn what_is_recorded_through_a_clone_after_the_guard_is_gone_counts() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline", cost_usd = Empty);
        let clone = root.clone();
        root.in_scope(|| chat(1));
        drop(root);
        clone.record("cost_usd", 0.25);
    });
    assert_eq!(tokens(&run), Some(1));
    let other = &run.budget_summary.per_model["unattributed"].figures;
    assert_eq!(other.cost_usd.map(|usd| usd.to_string()).as_deref(), Some("0.25"));
}

#[test]
fn stages_that_close_in_the_order_of_their_opening_keep_their_own() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline");
        let outer = info_span!(parent: &root, "outer");
        let inner = info_span!(parent: &outer, "inner", stage = "inner");
        let call = inner.in_scope(|| call("gpt-5").start());
        outer.in_scope(|| chat(1));
        drop(root);
        drop(outer);
        drop(inner);
        call.usage(Usage::new().input(2));
    });
    assert_eq!((tokens_of(&run, "outer"), tokens_of(&run, "inner")), (Some(1), Some(2)));
    assert_eq!(run.budget_summary.per_agent["inner"].parent.as_deref(), Some("outer"));
}

#[test]
fn a_root_that_was_never_entered_has_a_run() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline");
        info!(parent: &root, input_tokens = 4, output_tokens = 1);
    });
    assert_eq!((run.pipeline.as_str(), tokens(&run)), ("pipeline", Some(5)));
}

#[test]
fn an_aggregate_takes_what_is_below_it_in_whatever_order_that_closes() {
    for held_by in [true, false] {
        let run = run_of(layer(), |_| {
            let root = info_span!("pipeline");
            let agent = info_span!(
                parent: &root,
                "agent",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.usage.input_tokens = 10
            );
            let call = agent.in_scope(|| call("gpt-5").start());
            if held_by {
                drop((agent, root));
                call.usage(Usage::new().input(8));
            } else {
                call.usage(Usage::new().input(8));
                drop(call);
                drop((root, agent));
            }
        });
        assert_eq!(tokens(&run), Some(10), "held by the call: {held_by}");
    }
}
