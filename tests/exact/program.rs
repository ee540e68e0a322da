//! A random program: a tree of spans with what each records, and ways to run it.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tracing::{Event, Level, Metadata, Span};
use tracing_budget::record::UsageRecord;
use tracing_budget::{BudgetGuard, Usage, gate, operation, record_usage};
use tracing_core::callsite::{self, Callsite, Identifier};
use tracing_core::field::{Field, FieldSet, Value, display};
use tracing_core::{Interest, Kind};

/// The stages that are declared, where stages are declared.
pub(crate) const STAGES: [&str; 2] = ["alpha", "beta"];
/// The target whose events count as usage.
pub(crate) const COUNTED: &str = "billing";
/// The target of the program's spans.
pub(crate) const OWN: &str = "exact";
/// The event that completes a call.
pub(crate) const DETAILS: &str = "gen_ai.client.inference.operation.details";

pub(crate) const FAILURES: [&str; 3] = ["error", "error.type", "otel.status_code"];

/// A unit: its short and its long names.
pub(crate) struct Unit {
    pub(crate) short: &'static [&'static str],
    pub(crate) long: &'static [&'static str],
}

pub(crate) const INPUT: usize = 0;
pub(crate) const OUTPUT: usize = 1;
pub(crate) const TOTAL: usize = 2;
pub(crate) const CACHED: usize = 3;
pub(crate) const REASONING: usize = 4;
pub(crate) const COST: usize = 5;

pub(crate) const UNITS: [Unit; 6] = [
    Unit {
        short: &["input_tokens", "prompt_tokens"],
        long: &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"],
    },
    Unit {
        short: &["output_tokens", "completion_tokens"],
        long: &["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"],
    },
    Unit { short: &["total_tokens"], long: &["gen_ai.usage.total_tokens"] },
    Unit { short: &["cache_read_tokens"], long: &["gen_ai.usage.cache_read.input_tokens"] },
    Unit { short: &["reasoning_tokens"], long: &["gen_ai.usage.reasoning.output_tokens"] },
    Unit { short: &["cost_usd"], long: &["gen_ai.usage.cost"] },
];

/// A value of a field, in one of the types that libraries use.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    Count(u64),
    Signed(i64),
    Big(u128),
    BigSigned(i128),
    Float(f64),
    Flag(bool),
    Text(String),
    /// A text through `%`.
    Shown(String),
}

pub(crate) type Recorded = (&'static str, Datum);

/// What a program does in a span.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Record(Vec<Recorded>),
    Event(Level, &'static str, Vec<Recorded>),
    /// `record_usage`: model, input, output.
    Usage(Option<&'static str>, u64, Option<u64>),
    /// `operation("search")` with a cost in billionths of a USD.
    Operation(u64),
    /// `gate(..)`: name, verdict, whether it blocks.
    Gate(&'static str, &'static str, bool),
}

/// How a span is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Without a parent, while no span is current.
    Root,
    /// With its parent named.
    Child,
    /// While its parent is current.
    Inside,
    /// With `parent: None`, while its parent is current.
    Adopted,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Which of the spans before it is its parent.
    parent: usize,
    pub(crate) opening: Opening,
    pub(crate) name: &'static str,
    pub(crate) declared: Vec<&'static str>,
    pub(crate) initial: Vec<Recorded>,
    /// The first acts that come before anything inside is opened.
    pub(crate) early: usize,
    pub(crate) acts: Vec<Act>,
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) nodes: Vec<Node>,
    /// Whether stages are declared.
    pub(crate) is_declared: bool,
    /// Whether ERROR events fail their span.
    pub(crate) events_fail: bool,
    /// The step before which the first run is finished.
    pub(crate) finish: Option<usize>,
}

/// What happened, in order. The handle of a span is dropped; the span closes with the last of its children.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Open(usize),
    Act(usize, usize),
    Drop(usize),
    Finish,
}

impl Node {
    pub(crate) fn parent(&self) -> Option<usize> {
        (self.opening != Opening::Root).then_some(self.parent)
    }

    pub(crate) fn declares(&self, field: &str) -> bool {
        self.declared.contains(&field)
    }
}

/// What kind of span it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Plain,
    /// Usage of its own, without a model.
    Step,
    /// Tokens and a model, without an operation.
    Work,
    /// A declared name.
    Listed,
    /// A `stage` field.
    Stage,
    Call(&'static str),
    Container(&'static str),
    Agent,
    Tool,
    Gate,
}

/// Which names the fields of a span have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Short,
    Long,
    Both,
}

#[derive(Clone, Debug)]
struct Report {
    counts: [Option<u64>; 5],
    /// Billionths of a USD.
    cost: Option<u64>,
    /// Chooses among names and types.
    taste: u64,
}

#[derive(Clone, Debug)]
struct Traits {
    names: Names,
    model: Option<&'static str>,
    agent: Option<&'static str>,
    id: Option<&'static str>,
    has_units: bool,
    is_late: bool,
    failure: Option<(&'static str, Datum)>,
}

fn count() -> impl Strategy<Value = u64> {
    // 0 is a value of its own: streams end with it. Few values, so that figures of different spans are often equal.
    prop_oneof![2 => Just(0), 4 => select(vec![10_u64, 20, 50, 100, 130]), 4 => 1..300_u64]
}

fn report() -> impl Strategy<Value = Report> {
    let cost = option::weighted(0.15, 0..900_000_u64);
    let some = |weight| option::weighted(weight, count());
    ((some(0.8), some(0.7), some(0.15), some(0.25), some(0.15)), cost, any::<u64>()).prop_map(
        |((input, output, total, cached, reasoning), cost, taste)| Report {
            counts: [input, output, total, cached, reasoning],
            cost,
            taste,
        },
    )
}

/// One record, with each figure under one of its names and in one of many types.
fn recorded(report: &Report, names: Names) -> Vec<Recorded> {
    let mut taste = report.taste;
    let mut choose = |of: u64| {
        let chosen = taste % of;
        taste = taste.rotate_right(7) ^ 0x9e37_79b9;
        chosen
    };
    let mut fields = Vec::new();
    for (unit, count) in report.counts.iter().enumerate() {
        let Some(count) = *count else { continue };
        let name = named(&UNITS[unit], names, &mut choose);
        let value = match choose(24) {
            0 => Datum::Text(count.to_string()),
            1 => Datum::Float(count as f64),
            2 => Datum::Big(count.into()),
            3 => Datum::BigSigned(count.into()),
            4 | 5 => Datum::Signed(count.cast_signed()),
            6 => Datum::Shown(count.to_string()),
            7 => Datum::Float(f64::NAN),
            8 => Datum::Signed(-1),
            9 => Datum::Big(u128::MAX),
            10 => Datum::Text("n/a".into()),
            _ => Datum::Count(count),
        };
        fields.push((name, value));
    }
    if let Some(cost) = report.cost.filter(|cost| *cost > 0 || !crate::model::skip("L12")) {
        let name = named(&UNITS[COST], names, &mut choose);
        let value = match choose(8) {
            0 => Datum::Text(format!("0.{cost:09}")),
            1 => Datum::Count(if crate::model::skip("L12") { cost % 2 + 1 } else { cost % 3 }),
            2 => Datum::Float(f64::NAN),
            _ => Datum::Float(cost as f64 / 1e9),
        };
        fields.push((name, value));
    }
    fields
}

fn named(unit: &Unit, names: Names, choose: &mut impl FnMut(u64) -> u64) -> &'static str {
    let of = match names {
        Names::Short => unit.short,
        Names::Long => unit.long,
        Names::Both if choose(2) == 0 => unit.short,
        Names::Both => unit.long,
    };
    of[usize::from(choose(4) == 0) % of.len()]
}

fn act(names: Names) -> impl Strategy<Value = Act> {
    let model = option::weighted(0.7, select(vec!["m-a", "m-b", "m-unheard-of"]));
    let logged = (report(), model.clone()).prop_map(|(report, model)| {
        let mut fields = recorded(&Report { cost: None, ..report }, Names::Short);
        fields.extend(model.map(|model| ("model", Datum::Text(model.into()))));
        fields
    });
    let target = select(vec![COUNTED, "billing::wire", OWN, "elsewhere", "billings"]);
    let details = report().prop_map(|report| {
        let mut fields = recorded(&Report { cost: None, ..report }, Names::Long);
        fields.push(("event.name", Datum::Text(DETAILS.into())));
        Act::Event(Level::INFO, OWN, fields)
    });
    let error = (
        select(vec![Level::ERROR, Level::WARN]),
        select(vec![OWN, "elsewhere"]),
        option::weighted(0.6, select(vec!["boom", "false", ""])),
        any::<bool>(),
    )
        .prop_map(|(level, target, error, has_message)| {
            let mut fields: Vec<Recorded> =
                error.map(|text| ("error", Datum::Shown(text.into()))).into_iter().collect();
            if has_message || fields.is_empty() {
                fields.push(("message", Datum::Text("it happened".into())));
            }
            Act::Event(level, target, fields)
        });
    let verdict = select(vec!["pass", "fail", "warn"]);
    prop_oneof![
        8 => report().prop_map(move |report| Act::Record(recorded(&report, names))),
        2 => (model, count(), option::weighted(0.7, count())).prop_map(|(model, input, output)| Act::Usage(model, input, output)),
        2 => (target, logged).prop_map(|(target, fields)| Act::Event(Level::INFO, target, fields)),
        1 => details,
        1 => error,
        1 => (0..900_000_u64).prop_map(Act::Operation),
        1 => (select(vec!["lint", "tests"]), verdict, any::<bool>()).prop_map(|(name, verdict, blocks)| Act::Gate(name, verdict, blocks)),
    ]
}

fn traits() -> impl Strategy<Value = Traits> {
    let text = |text: &str| Datum::Text(text.into());
    let failure = select(vec![
        ("error", text("boom")),
        ("error", text("false")),
        ("error", Datum::Flag(false)),
        ("error", Datum::Flag(true)),
        ("error", Datum::Count(0)),
        ("error", Datum::Shown("None".into())),
        ("error.type", text("429")),
        ("otel.status_code", text("ERROR")),
        ("otel.status_code", text("OK")),
    ]);
    (
        select(vec![Names::Short, Names::Long, Names::Long, Names::Both]),
        option::weighted(0.8, select(vec!["m-a", "m-b", "m-unheard-of"])),
        option::weighted(0.4, select(vec!["lead", "scout"])),
        option::weighted(0.3, select(vec!["r1", "r2", "r3"])),
        any::<bool>(),
        any::<bool>(),
        option::weighted(0.2, failure),
    )
        .prop_map(|(names, model, agent, id, has_units, is_late, failure)| Traits {
            names,
            model,
            agent,
            id,
            has_units,
            is_late,
            failure,
        })
}

fn node() -> impl Strategy<Value = Node> {
    let shape = select(vec![
        Shape::Plain,
        Shape::Plain,
        Shape::Step,
        Shape::Work,
        Shape::Listed,
        Shape::Stage,
        Shape::Stage,
        Shape::Call("chat"),
        Shape::Call("chat"),
        Shape::Call("chat"),
        Shape::Call("text_completion"),
        Shape::Call("embeddings"),
        Shape::Container("plan"),
        Shape::Container("invoke_workflow"),
        Shape::Agent,
        Shape::Agent,
        Shape::Tool,
        Shape::Gate,
    ]);
    let opening = prop_oneof![
        8 => Just(Opening::Child),
        4 => Just(Opening::Inside),
        3 => Just(Opening::Adopted),
        1 => Just(Opening::Root)
    ];
    (any::<usize>(), opening, shape, traits()).prop_flat_map(|(parent, opening, shape, traits)| {
        let names = traits.names;
        vec(act(names), 0..4).prop_map(move |acts| build(parent, opening, shape, &traits, acts))
    })
}

fn build(parent: usize, opening: Opening, shape: Shape, traits: &Traits, mut acts: Vec<Act>) -> Node {
    let text = |text: &str| Datum::Text(text.into());
    let (mut declared, mut initial, mut early) = (Vec::new(), Vec::new(), Vec::new());
    let Traits { names, model, agent, id, has_units, is_late, .. } = traits.clone();
    let is_short = names == Names::Short;
    let mut has_units = has_units || !matches!(shape, Shape::Agent | Shape::Tool | Shape::Gate);
    let mut has_model = has_units;
    let mut operation = None;
    let name = match shape {
        Shape::Plain => {
            (has_units, has_model) = (false, false);
            "plain"
        }
        Shape::Step => {
            has_model = false;
            "step"
        }
        Shape::Work => "work",
        Shape::Listed => STAGES[0],
        Shape::Stage => {
            declared.push("stage");
            let value = ("stage", text(if names == Names::Both { "gamma" } else { "beta" }));
            match (is_late, is_short) {
                (false, _) => initial.push(value),
                _ if is_late && crate::model::skip("L4") => early.push(Act::Record(vec![value])),
                (true, true) => early.push(Act::Record(vec![value])),
                // At any time, also never.
                (true, false) if !acts.is_empty() => acts.insert(acts.len() / 2, Act::Record(vec![value])),
                (true, false) => {}
            }
            operation = agent.filter(|agent| *agent == "lead").map(|_| "chat");
            "named"
        }
        Shape::Call(name) => {
            operation = Some(name);
            name
        }
        Shape::Container(name) => {
            operation = Some(name);
            name
        }
        Shape::Agent => {
            operation = Some("invoke_agent");
            "invoke_agent"
        }
        Shape::Tool => {
            operation = Some("execute_tool");
            "execute_tool"
        }
        Shape::Gate => {
            has_model = false;
            declared.extend(["gate", "verdict", "blocking"]);
            initial.push(("gate", text("judge")));
            initial.push(("blocking", Datum::Flag(has_units)));
            if let Some(model) = model {
                let verdict = if model == "m-a" { "pass" } else { "fail" };
                acts.push(Act::Record(vec![("verdict", text(verdict))]));
            }
            "judge"
        }
    };
    // A call need not declare any token field.
    if matches!(shape, Shape::Call(_)) && id == Some("r3") {
        has_units = false;
    }
    if has_units {
        for unit in &UNITS {
            if names != Names::Long {
                declared.extend(unit.short);
            }
            if names != Names::Short {
                declared.extend(unit.long);
            }
        }
    }
    if has_model {
        let field = if is_short { "model" } else { "gen_ai.request.model" };
        declared.extend([field, "gen_ai.response.model"].into_iter().take(if is_short { 1 } else { 2 }));
        if let Some(model) = model {
            match (is_late, is_short) {
                (true, false) => acts.push(Act::Record(vec![("gen_ai.response.model", text(model))])),
                _ => initial.push((field, text(model))),
            }
        }
    }
    if let Some(operation) = operation {
        // A GenAI span has the long name: only such spans are adopted.
        let field = if is_short && opening != Opening::Adopted { "operation" } else { "gen_ai.operation.name" };
        declared.push(field);
        match is_late && matches!(shape, Shape::Call(_)) {
            true => early.push(Act::Record(vec![(field, text(operation))])),
            false => initial.push((field, text(operation))),
        }
        if let Some(agent) = agent.filter(|_| matches!(shape, Shape::Agent | Shape::Call(_))) {
            declared.push("gen_ai.agent.name");
            initial.push(("gen_ai.agent.name", text(agent)));
        }
        if let Some(id) = id.filter(|_| matches!(shape, Shape::Call(_))) {
            declared.push("gen_ai.response.id");
            acts.push(Act::Record(vec![("gen_ai.response.id", text(id))]));
        }
    }
    if let Some((field, value)) = &traits.failure {
        declared.extend(FAILURES);
        acts.push(Act::Record(vec![(*field, value.clone())]));
    }
    if crate::model::skip("L3") {
        let mut lists: Vec<_> = acts.iter_mut().chain(&mut early).filter_map(|act| match act {
            Act::Record(fields) | Act::Event(_, _, fields) => Some(fields),
            _ => None,
        }).collect();
        let has = |fields: &Vec<Recorded>, of: &[usize]| fields.iter().any(|(name, _)| of.iter().any(|unit| UNITS[*unit].short.contains(name) || UNITS[*unit].long.contains(name)));
        if lists.iter().any(|fields| has(fields, &[TOTAL])) {
            lists.iter_mut().for_each(|fields| fields.retain(|field| !has(&vec![field.clone()], &[CACHED, REASONING])));
        }
    }
    let is_genai = declared.contains(&"gen_ai.operation.name");
    let opening = if opening == Opening::Adopted && !is_genai { Opening::Inside } else { opening };
    let early_acts = early.len();
    early.extend(acts);
    Node { parent, opening, name, declared, initial, early: early_acts, acts: early }
}

pub(crate) fn program() -> impl Strategy<Value = Program> {
    let finish = option::weighted(0.15, 0..60_usize);
    (vec(node(), 1..16), any::<bool>(), proptest::bool::weighted(0.2), finish, any::<bool>()).prop_map(
        |(mut nodes, is_declared, events_fail, finish, has_ids)| {
            for index in 0..nodes.len() {
                let node = &mut nodes[index];
                if index == 0 {
                    node.opening = Opening::Root;
                }
                node.parent %= index.max(1);
                if node.opening == Opening::Root {
                    node.declared.push("run_id");
                    node.initial.push(("run_id", Datum::Text(format!("run-{index}"))));
                }
                if !has_ids {
                    node.acts.retain(|act| !matches!(act, Act::Record(fields) if fields.first().is_some_and(|(name, _)| *name == "gen_ai.response.id")));
                } else if node.name != "chat" && node.name != "text_completion" && node.name != "embeddings" {
                    // What is inside counts once for each id: which calls those are is left to the rules as text.
                    forget_usage(node);
                }
            }
            Program { nodes, is_declared, events_fail, finish }
        },
    )
}

/// Removes the figures that a span records.
fn forget_usage(node: &mut Node) {
    let is_unit = |name: &str| UNITS.iter().any(|unit| unit.short.contains(&name) || unit.long.contains(&name));
    for act in &mut node.acts {
        if let Act::Record(fields) = act {
            fields.retain(|(name, _)| !is_unit(name));
        }
    }
}

impl Program {
    /// The same program, if the order in which its spans close makes no difference to its figures.
    pub(crate) fn in_any_order(mut self) -> Self {
        self.finish = None;
        for index in 0..self.nodes.len() {
            let parent = self.nodes[index].parent();
            // Which of two requests is the last one depends on the order: all requests of one run have one model.
            let model = root_model(&self.nodes, index);
            let node = &mut self.nodes[index];
            let is_model = |name: &str| matches!(name, "model" | "gen_ai.request.model" | "gen_ai.response.model");
            let keep_early = node.early;
            let mut position = 0;
            node.acts.retain(|act| {
                position += 1;
                let Act::Record(fields) = act else { return true };
                let first = fields.first().map_or("", |(name, _)| *name);
                position <= keep_early || !matches!(first, "gen_ai.response.id" | "stage") && !is_model(first)
            });
            for fields in std::iter::once(&mut node.initial).chain(node.acts.iter_mut().filter_map(|act| match act {
                Act::Record(fields) | Act::Event(_, _, fields) => Some(fields),
                _ => None,
            })) {
                for (name, value) in fields.iter_mut() {
                    if is_model(name) {
                        *value = Datum::Text(model.into());
                    }
                    if *name == "gen_ai.agent.name" && parent.is_some() {
                        *value = Datum::Text("scout".into());
                    }
                }
                // A request that failed, and one whose figures are all unknown, change which of them is the last.
                fields.retain(|(name, _)| !FAILURES.contains(name) && !UNITS[COST].short.contains(name) && !UNITS[COST].long.contains(name));
            }
            for act in &mut node.acts {
                if let Act::Usage(named, ..) = act {
                    *named = Some(model);
                }
            }
        }
        self
    }
}

fn root_model(nodes: &[Node], index: usize) -> &'static str {
    let mut root = index;
    while let Some(parent) = nodes[root].parent() {
        root = parent;
    }
    ["m-a", "m-b", "m-unheard-of"][root % 3]
}

/// The callsite of a span or an event that is described at run time. `tracing` keeps callsites for as long as the process lives.
#[derive(Default)]
struct Described(OnceLock<Metadata<'static>>);

impl Callsite for Described {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("it is described before it is registered")
    }
}

type Description = (&'static str, &'static str, Level, bool, Vec<&'static str>);

/// One callsite for each description.
fn described(name: &'static str, target: &'static str, level: Level, kind: Kind, fields: &[&'static str]) -> &'static Metadata<'static> {
    static ALL: Mutex<Option<HashMap<Description, &'static Metadata<'static>>>> = Mutex::new(None);
    let mut all = ALL.lock().unwrap();
    let key = (name, target, level, kind.is_span(), fields.to_vec());
    all.get_or_insert_default().entry(key).or_insert_with(|| {
        let site: &'static Described = Box::leak(Box::default());
        let fields = FieldSet::new(Box::leak(fields.to_vec().into_boxed_slice()), Identifier(site));
        site.0
            .set(Metadata::new(name, target, level, Some(file!()), Some(line!()), Some(target), fields, kind))
            .expect("it is described once");
        callsite::register(site);
        site.0.get().expect("it has just been described")
    })
}

/// The most fields that one record has.
const MOST_VALUES: usize = 12;

/// Passes the values of these fields on.
fn with_values<T>(
    metadata: &'static Metadata<'static>,
    recorded: &[Recorded],
    act: impl FnOnce(&tracing_core::field::ValueSet<'_>) -> T,
) -> T {
    let boxed: Vec<(Field, Box<dyn Value>)> = recorded
        .iter()
        .filter_map(|(name, datum)| Some((metadata.fields().field(name)?, value(datum))))
        .collect();
    assert!(boxed.len() <= MOST_VALUES, "{recorded:?}");
    let Some(first) = metadata.fields().iter().next() else {
        return act(&metadata.fields().value_set::<[(&Field, Option<&dyn Value>); 0]>(&[]));
    };
    let values: [(&Field, Option<&dyn Value>); MOST_VALUES] =
        std::array::from_fn(|at| boxed.get(at).map_or((&first, None), |(field, value)| (field, Some(&**value))));
    act(&metadata.fields().value_set(&values))
}

fn value(datum: &Datum) -> Box<dyn Value> {
    match datum.clone() {
        Datum::Count(value) => Box::new(value),
        Datum::Signed(value) => Box::new(value),
        Datum::Big(value) => Box::new(value),
        Datum::BigSigned(value) => Box::new(value),
        Datum::Float(value) => Box::new(value),
        Datum::Flag(value) => Box::new(value),
        Datum::Text(value) => Box::new(value),
        Datum::Shown(value) => Box::new(display(value)),
    }
}

/// As the macros do before they open a span or emit an event.
fn is_enabled(metadata: &'static Metadata<'static>) -> bool {
    tracing::dispatcher::get_default(|dispatch| dispatch.enabled(metadata))
}

fn open(node: &Node, parent: Option<&Span>) -> Span {
    let metadata = described(node.name, OWN, Level::INFO, Kind::SPAN, &node.declared);
    with_values(metadata, &node.initial, |values| match (node.opening, parent) {
        _ if !is_enabled(metadata) => Span::none(),
        (Opening::Root, _) | (_, None) => Span::new_root(metadata, values),
        (Opening::Child, Some(parent)) => Span::child_of(parent.id(), metadata, values),
        (Opening::Inside, Some(parent)) => parent.in_scope(|| Span::new(metadata, values)),
        (Opening::Adopted, Some(parent)) => parent.in_scope(|| Span::new_root(metadata, values)),
    })
}

fn perform(act: &Act, span: &Span) {
    match act {
        Act::Record(fields) => {
            let Some(metadata) = span.metadata() else { return };
            with_values(metadata, fields, |values| span.record_all(values));
        }
        Act::Event(level, target, fields) => {
            let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
            let metadata = described("event", target, *level, Kind::EVENT, &names);
            with_values(metadata, fields, |values| {
                if is_enabled(metadata) {
                    Event::child_of(span.id(), metadata, values);
                }
            });
        }
        Act::Usage(model, input, output) => span.in_scope(|| {
            let usage = Usage::new().input(*input);
            let record = UsageRecord::new(output.map_or(usage, |output| usage.output(output)));
            record_usage(model.iter().fold(record, |record, model| record.model(model)));
        }),
        Act::Operation(billionths) => {
            span.in_scope(|| operation("search").cost_usd(*billionths as f64 / 1e9).record());
        }
        Act::Gate(name, verdict, blocks) => {
            span.in_scope(|| gate(name).verdict(*verdict).blocking(*blocks).emit());
        }
    }
}

/// Runs it step by step, doing at each step any of the things that may come next, on this thread or on another. Returns what
/// happened.
pub(crate) fn run_in_order(program: &Program, choices: &[usize], guard: &BudgetGuard) -> Vec<Step> {
    let nodes = &program.nodes;
    let mut spans: Vec<Option<Span>> = vec![None; nodes.len()];
    let mut done = vec![0; nodes.len()];
    let mut is_opened = vec![false; nodes.len()];
    let mut happened = Vec::new();
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    for number in 0.. {
        if program.finish == Some(number) && guard.handle().finish("run-0") {
            happened.push(Step::Finish);
        }
        let mut next = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            if !is_opened[index] {
                let is_ready = |parent: usize| is_opened[parent] && done[parent] >= nodes[parent].early;
                if node.parent().is_none_or(is_ready) {
                    next.push(Step::Open(index));
                }
            } else if spans[index].is_some() {
                if done[index] < node.acts.len() {
                    next.push(Step::Act(index, done[index]));
                } else if (0..nodes.len()).all(|child| nodes[child].parent() != Some(index) || is_opened[child]) {
                    next.push(Step::Drop(index));
                }
            }
        }
        if next.is_empty() {
            return happened;
        }
        let choice = choices[number % choices.len()].rotate_left(number as u32);
        let step = next[choice % next.len()];
        let mut take = || match step {
            Step::Open(index) => {
                spans[index] = Some(open(&nodes[index], nodes[index].parent().and_then(|parent| spans[parent].as_ref())));
                is_opened[index] = true;
            }
            Step::Act(index, act) => {
                perform(&nodes[index].acts[act], spans[index].as_ref().unwrap());
                done[index] += 1;
            }
            Step::Drop(index) => spans[index] = None,
            Step::Finish => {}
        };
        if choice % 29 == 7 {
            std::thread::scope(|threads| {
                threads.spawn(|| tracing::dispatcher::with_default(&dispatch, take));
            });
        } else {
            take();
        }
        happened.push(step);
    }
    happened
}

/// Opens everything, then lets three threads act in and close their shares at once. Returns one of the orders in which that
/// may have happened.
pub(crate) fn run_at_once(program: &Program, choices: &[usize], _: &BudgetGuard) -> Vec<Step> {
    let nodes = &program.nodes;
    let mut happened = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        spans.push(open(node, node.parent().map(|parent| &spans[parent])));
        happened.push(Step::Open(index));
        for act in 0..node.early {
            perform(&node.acts[act], &spans[index]);
            happened.push(Step::Act(index, act));
        }
    }
    let mut shares: [Vec<(usize, Span)>; 3] = Default::default();
    for (index, span) in spans.into_iter().enumerate() {
        let choice = choices[index % choices.len()];
        let share = &mut shares[choice % 3];
        share.insert(choice / 3 % (share.len() + 1), (index, span));
    }
    for (index, _) in shares.iter().flatten() {
        happened.extend((nodes[*index].early..nodes[*index].acts.len()).map(|act| Step::Act(*index, act)));
        happened.push(Step::Drop(*index));
    }
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|threads| {
        for share in shares {
            let dispatch = &dispatch;
            threads.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for (index, span) in share {
                        let node = &nodes[index];
                        node.acts[node.early..].iter().for_each(|act| perform(act, &span));
                    }
                });
            });
        }
    });
    happened
}
