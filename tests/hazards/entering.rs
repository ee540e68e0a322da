//! Entering and exiting in unusual ways.

use tracing::{Subscriber, info_span};
use tracing_budget::layer;

use crate::runs_of::{chat, dispatch, run_of, tokens, tokens_of};

#[test]
fn guards_that_are_exited_out_of_order_leave_the_right_span_current() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline");
        let root_guard = root.enter();
        let outer = info_span!("outer", stage = "outer");
        let outer_guard = outer.enter();
        let inner = info_span!("inner", stage = "inner");
        let inner_guard = inner.enter();
        drop(outer_guard);
        chat(1);
        drop(inner_guard);
        chat(2);
        drop(root_guard);
    });
    assert_eq!((tokens_of(&run, "inner"), tokens_of(&run, "outer")), (Some(1), Some(0)));
    assert_eq!(tokens_of(&run, "unattributed"), Some(2), "a call right under the root");
}

#[test]
fn a_span_may_be_entered_twice_and_is_current_until_it_was_exited_twice() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        let outer = info_span!("outer");
        let inner = info_span!("inner", stage = "inner");
        let outer_guard = outer.enter();
        let inner_guard = inner.enter();
        let again = outer.enter();
        info_span!(parent: &outer, "deep", stage = "deep").in_scope(|| chat(1));
        drop(again);
        chat(2);
        drop(inner_guard);
        chat(4);
        drop(outer_guard);
        chat(8);
    });
    assert_eq!((tokens_of(&run, "deep"), tokens_of(&run, "inner")), (Some(1), Some(2)));
    assert_eq!((tokens_of(&run, "outer"), tokens_of(&run, "unattributed")), (Some(4), Some(8)));
}

#[test]
fn an_exit_without_an_entry_and_an_unknown_id_do_no_harm() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline");
        let (id, dispatch) = (root.id().unwrap(), dispatch());
        dispatch.exit(&id);
        root.in_scope(|| chat(1));
        let subscriber: &dyn Subscriber = &*std::sync::Arc::new(tracing::subscriber::NoSubscriber::default());
        subscriber.exit(&id);
    });
    assert_eq!(tokens(&run), Some(1));
}

#[test]
fn spans_that_are_entered_deeper_than_a_thread_remembers_have_their_place() {
    fn deep(levels: u64) {
        if levels == 0 {
            // Left before the spans inside of it, which are not on the thread's stack either.
            let outer = info_span!("outer").entered();
            let inner = info_span!("inner", stage = "inner").entered();
            drop(outer);
            chat(4);
            drop(inner);
            return chat(1);
        }
        info_span!("level", levels).in_scope(|| deep(levels - 1));
        if levels.is_multiple_of(50) {
            chat(2);
        }
    }
    let run = run_of(layer(), |_| {
        info_span!("pipeline").in_scope(|| {
            info_span!("work", stage = "work").in_scope(|| deep(300));
            info_span!("review", stage = "review").in_scope(|| chat(8));
        });
    });
    assert_eq!(tokens_of(&run, "work"), Some(1 + 6 * 2));
    assert_eq!((tokens_of(&run, "inner"), tokens_of(&run, "review")), (Some(4), Some(8)));
    assert_eq!(tokens(&run), Some(25));
}
