//! Explicit parents and roots of their own.

use tracing::{info, info_span};
use tracing_budget::layer;

use crate::runs_of::{chat, run_of, runs_of, tokens, tokens_of};

#[test]
fn an_explicit_parent_is_the_parent_whatever_is_current() {
    let runs = runs_of(layer(), |_| {
        let one = info_span!("one");
        let two = info_span!("two");
        let draft = info_span!(parent: &one, "draft");
        let _current = two.enter();
        info!(parent: &draft, input_tokens = 1);
        info_span!(parent: &draft, "inner").in_scope(|| chat(2));
        // The enclosing span is current, its parent is not.
        draft.in_scope(|| chat(4));
        chat(8);
    });
    let of = |name: &str| runs.iter().find(|run| run.pipeline == name).unwrap();
    assert_eq!((tokens(of("one")), tokens_of(of("one"), "draft")), (Some(7), Some(7)));
    assert_eq!(tokens(of("two")), Some(8));
}

/// A9.
#[test]
fn a_plain_root_of_its_own_is_a_run_of_its_own_even_inside_another() {
    let runs = runs_of(layer(), |_| {
        let _outer = info_span!("outer").entered();
        chat(1);
        info_span!(parent: None, "inner").in_scope(|| {
            chat(2);
            info_span!("draft").in_scope(|| chat(4));
        });
        chat(8);
    });
    let runs: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), tokens(run))).collect();
    assert_eq!(runs, [("inner", Some(6)), ("outer", Some(9))]);
}

#[test]
fn follows_from_changes_nothing_even_if_what_is_followed_has_closed() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        let first = info_span!("first");
        first.in_scope(|| chat(1));
        let closed = first.id();
        let second = info_span!("second");
        second.follows_from(&first);
        drop(first);
        second.follows_from(closed);
        second.follows_from(second.id());
        second.in_scope(|| chat(2));
    });
    assert_eq!((tokens_of(&run, "first"), tokens_of(&run, "second")), (Some(1), Some(2)));
}
