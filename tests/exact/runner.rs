//! Ways to run a program, and the history of what was done.

use tracing::{Level, Span, dispatcher};
use tracing_budget::{BudgetGuard, Usage, gate, record::UsageRecord, record_usage};

use crate::callsite::{self, Given, OWN_TARGET};
use crate::history::Step;
use crate::program::{Act, BILLING, Event, Fields, Node, PIPELINES, Value};

const DETAILS: &str = "gen_ai.client.inference.operation.details";

impl Value {
    fn traced(&self) -> &dyn tracing::Value {
        match self {
            Self::Bool(value) => value,
            Self::Int(value) => value,
            Self::Uint(value) => value,
            Self::Big(value) => value,
            Self::Float(value) => value,
            Self::Text(value) => value,
        }
    }
}

fn open(node: &Node, current: Option<&Span>) -> Span {
    let given: Vec<Given<'_>> =
        node.fields.iter().map(|(name, value)| (*name, value.as_ref().map(Value::traced))).collect();
    let make = |parent| callsite::span(node.name, parent, &given);
    match current {
        Some(current) if node.is_explicit_root => current.in_scope(|| make(None)),
        Some(current) => make(current.id()),
        None => make(None),
    }
}

fn act(act: &Act, span: &Span) {
    match act {
        Act::Record(name, value) => {
            span.record(*name, value.traced());
        }
        Act::Event(event) => emit(event, span),
    }
}

fn emit(event: &Event, span: &Span) {
    let text = |name, text| std::iter::once((name, Value::Text(text)));
    match event {
        Event::Usage { is_helper: true, fields } => span.in_scope(|| record_usage(record(fields))),
        Event::Usage { fields, .. } => send(Level::INFO, BILLING, "event", span, fields),
        Event::Details { is_name: true, fields } => send(Level::INFO, "client", DETAILS, span, fields),
        Event::Details { fields, .. } => {
            let fields: Fields = fields.iter().cloned().chain(text("event.name", DETAILS)).collect();
            send(Level::INFO, "client", "event", span, &fields);
        }
        Event::Log { fields } => {
            let fields: Fields = fields.iter().cloned().chain(text("message", "chunked")).collect();
            send(Level::INFO, OWN_TARGET, "event", span, &fields);
        }
        Event::Gate(name, verdict) => span.in_scope(|| gate(name).verdict(*verdict).emit()),
        Event::Error { is_error_level, is_own_target, error, has_message } => {
            let message = has_message.then(|| text("message", "slow disk")).into_iter().flatten();
            let fields: Fields =
                error.clone().map(|error| ("error", error)).into_iter().chain(message).collect();
            let level = if *is_error_level { Level::ERROR } else { Level::WARN };
            send(level, if *is_own_target { OWN_TARGET } else { "elsewhere" }, "event", span, &fields);
        }
    }
}

fn send(
    level: Level,
    target: &'static str,
    name: &'static str,
    span: &Span,
    fields: &[(&'static str, Value)],
) {
    let given: Vec<Given<'_>> = fields.iter().map(|(name, value)| (*name, Some(value.traced()))).collect();
    callsite::event(level, target, name, span.id(), &given);
}

fn record(fields: &Fields) -> UsageRecord<'static> {
    let value = |field: &str| fields.iter().find(|(name, _)| *name == field).map(|(_, value)| value);
    let count = |field: &str| value(field).and_then(Value::number).map(|number| number as u64);
    let mut usage = Usage::new();
    if let Some(input) = count("input_tokens") {
        usage = usage.input(input);
    }
    if let Some(output) = count("output_tokens") {
        usage = usage.output(output);
    }
    let mut record = UsageRecord::new(usage);
    if let Some(model) = value("model").and_then(Value::text) {
        record = record.model(model);
    }
    match value("cost_usd").and_then(Value::number) {
        Some(cost) => record.cost(cost),
        None => record,
    }
}

/// Does a step on this thread or on another, as chance wants it.
fn somewhere(choice: usize, work: impl FnOnce() + Send) {
    if !choice.is_multiple_of(4) {
        return work();
    }
    let dispatch = dispatcher::get_default(Clone::clone);
    std::thread::scope(|threads| {
        threads.spawn(move || dispatcher::with_default(&dispatch, work));
    });
}

/// Runs it with one step after another, each any of those that may come next. `end` may end a run or the layer early.
pub(crate) fn run_in_order(
    nodes: &[Node],
    choices: &[usize],
    end: Option<(usize, bool)>,
    guard: BudgetGuard,
) -> Vec<Step> {
    let mut spans: Vec<Option<Span>> = vec![None; nodes.len()];
    let mut is_opened = vec![false; nodes.len()];
    let mut acts = vec![0; nodes.len()];
    let mut history = Vec::new();
    let mut choices = choices.iter().copied().cycle();
    let mut choose = || choices.next().unwrap_or_default();
    loop {
        if let Some((_, is_finish)) = end.filter(|(step, _)| *step == history.len()) {
            if !is_finish {
                drop(guard);
                history.push(Step::End);
                return history;
            }
            history.extend(finish(&guard, choose()));
        }
        let mut next = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            if !is_opened[index] {
                next.extend(
                    node.current.is_none_or(|current| spans[current].is_some()).then_some(Step::Open(index)),
                );
            } else if spans[index].is_some() {
                next.extend((acts[index] < node.acts.len()).then_some(Step::Act(index, acts[index])));
                let is_needed = (index..nodes.len())
                    .any(|inner| nodes[inner].current == Some(index) && !is_opened[inner]);
                let is_done = acts[index] == node.acts.len() && !is_needed;
                next.extend(is_done.then_some(Step::Drop(index)));
            }
        }
        if next.is_empty() {
            return history;
        }
        let step = next[choose() % next.len()];
        history.push(step);
        let (nodes, spans) = (&nodes, &mut spans);
        match step {
            Step::Open(index) => {
                is_opened[index] = true;
                let work = || {
                    spans[index] =
                        Some(open(&nodes[index], nodes[index].current.and_then(|at| spans[at].as_ref())))
                };
                somewhere(choose(), work);
            }
            Step::Act(index, number) => {
                acts[index] += 1;
                somewhere(choose(), || act(&nodes[index].acts[number], spans[index].as_ref().unwrap()));
            }
            Step::Drop(index) => somewhere(choose(), || spans[index] = None),
            Step::Finish(_) | Step::End => {}
        }
    }
}

/// Ends one of the runs in flight.
fn finish(guard: &BudgetGuard, choice: usize) -> Option<Step> {
    let handle = guard.handle();
    let runs = handle.snapshot();
    let run = runs.get(choice % runs.len().max(1))?;
    assert!(handle.finish(&run.run_id));
    let root = PIPELINES.iter().position(|pipeline| *pipeline == run.pipeline).unwrap();
    Some(Step::Finish(root))
}

/// Opens everything, then lets three threads do the rest at once.
pub(crate) fn run_at_once(nodes: &[Node], choices: &[usize]) -> Vec<Step> {
    let mut spans: Vec<Span> = Vec::new();
    for node in nodes {
        spans.push(open(node, node.current.map(|current| &spans[current])));
    }
    let mut shares: [Vec<(&Node, Span)>; 3] = Default::default();
    for (index, (node, span)) in nodes.iter().zip(spans).enumerate() {
        let choice = choices[index % choices.len()];
        let share = &mut shares[choice % 3];
        share.insert(choice / 3 % (share.len() + 1), (node, span));
    }
    let dispatch = dispatcher::get_default(Clone::clone);
    std::thread::scope(|threads| {
        for share in shares {
            let dispatch = &dispatch;
            threads.spawn(move || {
                dispatcher::with_default(dispatch, || {
                    for (node, span) in share {
                        node.acts.iter().for_each(|step| act(step, &span));
                    }
                });
            });
        }
    });
    let indices = || 0..nodes.len();
    let acts =
        indices().flat_map(|index| (0..nodes[index].acts.len()).map(move |number| Step::Act(index, number)));
    indices().map(Step::Open).chain(acts).chain(indices().rev().map(Step::Drop)).collect()
}
