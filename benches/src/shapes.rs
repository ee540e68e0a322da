//! Shapes of trees: one open root, the spans below it, and a hundred children with lives that are measured.
//!
//! A life is the same everywhere: a span is created with three fields, entered, left, given two more fields, and closed. Only
//! a disabled span gets no more fields: `tracing` would look up their names, which costs time that belongs to no layer.

use std::cell::Cell;
use std::hint::black_box;

use tracing::field::Empty;
use tracing::{Span, debug_span, info_span};

use crate::heap;

/// Children of one root.
pub const CHILDREN: u32 = 100;

/// One tree of spans, whole: the root is closed at the end.
///
/// It is given a number that grows with every child, for the children that are not to be alike.
pub type Tree = fn(&mut u64);

fn below_root(children: impl FnOnce()) {
    info_span!("pipeline").in_scope(children);
}

fn below_stage(children: impl FnOnce()) {
    below_root(|| info_span!("implementation", stage = "implementation").in_scope(children));
}

/// Opens plain spans inside each other, and the children inside the innermost.
fn below_plain(depth: u32, children: &mut dyn FnMut()) {
    if depth == 0 {
        return children();
    }
    info_span!("inner", depth).in_scope(|| below_plain(depth - 1, children));
}

fn end(span: &Span, first: &'static str, second: &'static str, number: u64) {
    span.in_scope(|| black_box(()));
    span.record(first, number).record(second, 987_u64);
}

thread_local! {
    static IN_LIVES: Cell<u64> = const { Cell::new(0) };
}

/// Allocations so far in the children's lives, without those in the lives of their root and stage.
pub fn allocations_in_lives() -> u64 {
    IN_LIVES.get()
}

/// A hundred children, numbered.
fn children(number: &mut u64, mut life: impl FnMut(u64)) {
    let before = heap::allocations();
    for _ in 0..CHILDREN {
        *number += 1;
        life(*number);
    }
    IN_LIVES.set(IN_LIVES.get() + heap::allocations() - before);
}

/// A span without any field that means something, new.
pub fn new_plain() -> Span {
    info_span!("step", path = "src/lib.rs", attempt = 3_u64, is_cached = false, bytes = Empty, lines = Empty)
}

/// Enters and leaves a plain span, and records two numbers on it.
pub fn end_plain(span: &Span) {
    end(span, "bytes", "lines", 3000);
}

fn plain(_: u64) {
    end_plain(&new_plain());
}

fn wide(_: u64) {
    let span = info_span!(
        "step",
        path = "src/lib.rs",
        attempt = 3_u64,
        is_cached = false,
        host = "build-7",
        port = 8080_u64,
        region = "north",
        user = "nightly",
        size = 4096_u64,
        bytes = Empty,
        lines = Empty
    );
    end_plain(&span);
}

fn debug(_: u64) {
    let span = debug_span!(
        "step",
        path = "src/lib.rs",
        attempt = 3_u64,
        is_cached = false,
        bytes = Empty,
        lines = Empty
    );
    span.in_scope(|| black_box(()));
}

fn stage(_: u64) {
    let span = info_span!(
        "work",
        stage = "discovery",
        attempt = 3_u64,
        is_cached = false,
        input_tokens = Empty,
        output_tokens = Empty
    );
    end(&span, "input_tokens", "output_tokens", 3000);
}

/// A call's span, new: what is still to come of its life is [`end_call`].
pub fn new_call(model: &str) -> Span {
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = model,
        gen_ai.provider.name = "anthropic",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty
    )
}

/// Enters and leaves a call's span, and records its usage.
pub fn end_call(span: &Span, input: u64) {
    end(span, "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", input);
}

fn call(model: &str, input: u64) {
    end_call(&new_call(model), input);
}

/// A model that has no price.
pub const UNKNOWN: &str = "house-model-7b";
/// A model that has a price.
pub const KNOWN: &str = "claude-sonnet-4-5";

/// Spans of a level that no subscriber enables, and nothing else: they have no root.
pub fn disabled(number: &mut u64) {
    children(number, debug);
}

/// Spans without any field that means something, below a stage.
pub fn plain_below_stage(number: &mut u64) {
    below_stage(|| children(number, plain));
}

/// The same with ten fields, two of them recorded later.
pub fn wide_below_stage(number: &mut u64) {
    below_stage(|| children(number, wide));
}

/// Plain spans right below the root.
pub fn plain_below_root(number: &mut u64) {
    below_root(|| children(number, plain));
}

/// Stages with usage of their own and no model.
pub fn stages(number: &mut u64) {
    below_root(|| children(number, stage));
}

/// Calls of a model that has no price.
pub fn unpriced_calls(number: &mut u64) {
    below_stage(|| children(number, |_| call(UNKNOWN, 3000)));
}

/// Calls of a model that has a price, all with the same usage.
pub fn calls_again(number: &mut u64) {
    below_stage(|| children(number, |_| call(KNOWN, 3000)));
}

/// Priced calls of an agent that reports usage for everything inside it, so that the layer has to add up what they reported.
pub fn calls_of_an_agent(number: &mut u64) {
    let agent = || {
        info_span!(
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "reviewer",
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty
        )
    };
    below_stage(|| agent().in_scope(|| children(number, |_| call(KNOWN, 3000))));
}

/// Priced calls of two runs in turn on one thread, as of two requests that a server has at once.
pub fn calls_of_two_runs(number: &mut u64) {
    let root = || info_span!(parent: None, "pipeline");
    let stage = |root: &Span| root.in_scope(|| info_span!("implementation", stage = "implementation"));
    let roots = [root(), root()];
    let stages = [stage(&roots[0]), stage(&roots[1])];
    children(number, |number| stages[number as usize % 2].in_scope(|| call(KNOWN, 3000)));
}

/// Calls of a model that has a price, no two with the same usage.
pub fn calls(number: &mut u64) {
    below_stage(|| children(number, |number| call(KNOWN, number)));
}

/// Priced calls that far below their stage; of such a tree only [`deep_lives`] counts.
pub fn deep_calls<const DEPTH: u32>(number: &mut u64) {
    below_stage(|| below_plain(DEPTH, &mut || deep_lives(number)));
}

/// The calls, without the spans that they stand below.
#[inline(never)]
pub fn deep_lives(number: &mut u64) {
    children(number, |_| call(KNOWN, 3000));
}
