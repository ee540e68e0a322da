//! A random program: a tree of spans with what each records, and ways to run it.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tracing::{Span, field::Empty, info, info_span};

/// The stages that are declared, where stages are declared.
pub(crate) const STAGES: [&str; 2] = ["alpha", "beta"];

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None of the layer's business.
    Plain,
    /// A span with the name of a declared stage.
    Alpha,
    /// A span with a `stage` field that names the stage.
    Step(&'static str),
    Chat,
    /// A call with this crate's short names.
    Embed,
    /// Figures of all that is inside.
    Sum,
    Agent,
    Tool,
    Gate,
}

/// Usage that a span records, or that an event in the span has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) as_event: bool,
    pub(crate) input: u64,
    pub(crate) output: Option<u64>,
    /// Billionths of a USD.
    pub(crate) cost: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Which of the spans before it is its parent.
    parent: usize,
    pub(crate) kind: Kind,
    pub(crate) model: Option<&'static str>,
    pub(crate) reports: Vec<Report>,
}

impl Node {
    /// The index of its parent; the root is the parent of the first, and has no index.
    pub(crate) fn parent(&self, index: usize) -> Option<usize> {
        (self.parent % (index + 1)).checked_sub(1)
    }
}

fn usage() -> impl Strategy<Value = Report> {
    // 0 is a value of its own: streams end with it. Of 2,000 values, chance alone would hardly pick it twice on one call.
    let tokens = prop_oneof![1 => Just(0), 4 => 1..2_000_u64];
    (any::<bool>(), tokens.clone(), option::weighted(0.7, tokens), option::weighted(0.2, 0..9_000_000_u64))
        .prop_map(|(as_event, input, output, cost)| Report { as_event, input, output, cost })
}

pub(crate) fn node() -> impl Strategy<Value = Node> {
    let kind = select(vec![
        Kind::Plain,
        Kind::Alpha,
        Kind::Step("beta"),
        Kind::Step("gamma"),
        Kind::Chat,
        Kind::Chat,
        Kind::Embed,
        Kind::Sum,
        Kind::Agent,
        Kind::Tool,
        Kind::Gate,
    ]);
    let model = option::weighted(0.9, select(vec!["m-a", "m-b", "m-unheard-of"]));
    (any::<usize>(), kind, model, vec(usage(), 0..3)).prop_map(|(parent, kind, model, reports)| Node {
        parent,
        kind,
        model,
        reports,
    })
}

fn open(node: &Node, parent: &Span) -> Span {
    let model = node.model;
    match node.kind {
        Kind::Plain => info_span!(parent: parent, "plain"),
        Kind::Alpha => {
            info_span!(parent: parent, "alpha", model, input_tokens = Empty, output_tokens = Empty, cost_usd = Empty)
        }
        Kind::Step(stage) => {
            info_span!(parent: parent, "step", stage, model, input_tokens = Empty, output_tokens = Empty, cost_usd = Empty)
        }
        Kind::Chat => info_span!(
            parent: parent,
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = model,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cost = Empty
        ),
        Kind::Embed => info_span!(
            parent: parent,
            "embed",
            gen_ai.operation.name = "embeddings",
            model,
            input_tokens = Empty,
            output_tokens = Empty,
            cost_usd = Empty
        ),
        Kind::Sum => info_span!(
            parent: parent,
            "sum",
            model,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cost = Empty
        ),
        Kind::Agent => info_span!(
            parent: parent,
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.request.model = model,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cost = Empty
        ),
        Kind::Tool => info_span!(parent: parent, "execute_tool", gen_ai.operation.name = "execute_tool"),
        Kind::Gate => info_span!(parent: parent, "judge", gate = "judge", verdict = "pass"),
    }
}

fn report(usage: &Report, node: &Node, span: &Span) {
    let Report { input, output, .. } = *usage;
    let cost = usage.cost.map(|billionths| billionths as f64 / 1e9);
    if usage.as_event {
        info!(parent: span, model = "m-a", input_tokens = input, output_tokens = output, cost_usd = cost);
        return;
    }
    let (fields, costs) = match node.kind {
        Kind::Chat | Kind::Sum | Kind::Agent => {
            (["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"], "gen_ai.usage.cost")
        }
        _ => (["input_tokens", "output_tokens"], "cost_usd"),
    };
    // A field that a span does not have is dropped by `tracing` itself.
    span.record(fields[0], input);
    if let Some(output) = output {
        span.record(fields[1], output);
    }
    if let Some(cost) = cost {
        span.record(costs, cost);
    }
}

/// Runs it on this thread, doing at each step any of the things that may come next.
pub(crate) fn run_in_order(nodes: &[Node], choices: &[usize]) {
    enum Step {
        Open(usize),
        Report(usize),
        Close(usize),
    }
    let mut root = Some(info_span!("pipeline"));
    let mut spans: Vec<Option<Span>> = vec![None; nodes.len()];
    let mut reported = vec![0; nodes.len()];
    let (mut is_opened, mut is_closed) = (vec![false; nodes.len()], vec![false; nodes.len()]);
    for step in 0.. {
        let mut next = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let childless = (index..nodes.len())
                .all(|child| nodes[child].parent(child) != Some(index) || is_opened[child]);
            match is_opened[index] {
                false if node.parent(index).is_none_or(|parent| is_opened[parent]) => {
                    next.push(Step::Open(index));
                }
                false => {}
                true if reported[index] < node.reports.len() => next.push(Step::Report(index)),
                true if childless && !is_closed[index] => next.push(Step::Close(index)),
                true => {}
            }
        }
        // Each handle is dropped as soon as chance wants it; what is inside keeps the span open.
        if is_opened.iter().all(|opened| *opened) && choices[step % choices.len()].is_multiple_of(3) {
            root = None;
        }
        if next.is_empty() {
            break;
        }
        match next[choices[step % choices.len()] % next.len()] {
            Step::Open(index) => {
                let parent = nodes[index].parent(index).and_then(|parent| spans[parent].as_ref());
                spans[index] = Some(open(&nodes[index], parent.or(root.as_ref()).unwrap()));
                is_opened[index] = true;
            }
            Step::Report(index) => {
                let usage = &nodes[index].reports[reported[index]];
                report(usage, &nodes[index], spans[index].as_ref().unwrap());
                reported[index] += 1;
            }
            Step::Close(index) => {
                spans[index] = None;
                is_closed[index] = true;
            }
        }
    }
}

/// Opens everything, then lets three threads report and close their shares at once.
pub(crate) fn run_at_once(nodes: &[Node], choices: &[usize]) {
    let root = info_span!("pipeline");
    let mut spans: Vec<Span> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let span = open(node, node.parent(index).map_or(&root, |parent| &spans[parent]));
        spans.push(span);
    }
    let mut shares: [Vec<(&Node, Span)>; 3] = Default::default();
    for (index, (node, span)) in nodes.iter().zip(spans).enumerate() {
        let choice = choices[index % choices.len()];
        let share = &mut shares[choice % 3];
        share.insert(choice / 3 % (share.len() + 1), (node, span));
    }
    drop(root);
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|threads| {
        for share in shares {
            let dispatch = &dispatch;
            threads.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for (node, span) in share {
                        node.reports.iter().for_each(|usage| report(usage, node, &span));
                    }
                });
            });
        }
    });
}
