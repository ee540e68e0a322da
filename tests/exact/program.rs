//! A random program: a tree of spans with what each does.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::usage::thing;

/// The stages of the list, where a list is given.
pub(crate) const STAGES: [&str; 2] = ["alpha", "beta"];

/// The target in `.usage_events([..])`.
pub(crate) const BILLING: &str = "billing";

/// The names of the runs: the field `pipeline` of each span, which counts if the span is a root.
pub(crate) const PIPELINES: [&str; 24] = [
    "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15",
    "p16", "p17", "p18", "p19", "p20", "p21", "p22", "p23",
];

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Big(u128),
    Float(f64),
    Text(&'static str),
}

impl Value {
    pub(crate) fn number(&self) -> Option<f64> {
        match *self {
            Self::Bool(_) => None,
            Self::Int(value) => Some(value as f64),
            Self::Uint(value) => Some(value as f64),
            Self::Big(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            Self::Text(text) => text.parse().ok(),
        }
    }

    pub(crate) fn text(&self) -> Option<&'static str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A12: `false`, 0, `none`, `null` and an empty text are no error, in any case and as any type.
    pub(crate) fn is_error(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => !["", "0", "false", "none", "null"].contains(&text.to_lowercase().as_str()),
            _ => self.number() != Some(0.0),
        }
    }
}

pub(crate) type Fields = Vec<(&'static str, Value)>;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// By `record_usage`, or in a target of `.usage_events([..])`.
    Usage {
        is_helper: bool,
        fields: Fields,
    },
    /// `gen_ai.client.inference.operation.details`, as the event's name or in a field.
    Details {
        is_name: bool,
        fields: Fields,
    },
    /// A log line with usage in it, which counts for nothing.
    Log {
        fields: Fields,
    },
    /// A gate's name and verdict.
    Gate(&'static str, &'static str),
    Error {
        is_error_level: bool,
        is_own_target: bool,
        error: Option<Value>,
        has_message: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Record(&'static str, Value),
    Event(Event),
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The earlier node that is current when this one is opened.
    pub(crate) current: Option<usize>,
    /// Whether it is opened with `parent: None`.
    pub(crate) is_explicit_root: bool,
    pub(crate) name: &'static str,
    /// What it declares, and what it is opened with.
    pub(crate) fields: Vec<(&'static str, Option<Value>)>,
    pub(crate) acts: Vec<Act>,
}

impl Node {
    /// The parent that `tracing` knows.
    pub(crate) fn tracing_parent(&self) -> Option<usize> {
        self.current.filter(|_| !self.is_explicit_root)
    }

    /// A9: a GenAI span that is opened as a root belongs to the current span.
    pub(crate) fn a9_parent(&self) -> Option<usize> {
        let is_gen_ai = self.fields.iter().any(|(name, _)| *name == "gen_ai.operation.name");
        self.current.filter(|_| is_gen_ai || !self.is_explicit_root)
    }
}

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// A span with this name: a stage, if it is in the list.
    Named(&'static str),
    /// A span with a `stage` field.
    Stage,
    /// An operation, by its long or its short name.
    Operation(&'static str, bool),
    /// An operation that is recorded first of all. Nothing is inside such a span.
    Late(&'static str),
    Gate,
}

/// Which names its usage has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    None,
    Short,
    Long,
    Both,
}

impl Naming {
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Short => &[
                "input_tokens",
                "prompt_tokens",
                "output_tokens",
                "cost_usd",
                "cache_read_tokens",
                "reasoning_tokens",
                "total_tokens",
            ],
            Self::Long => &[
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.prompt_tokens",
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.cost",
                "gen_ai.usage.cached_tokens",
                "gen_ai.usage.reasoning_tokens",
                "gen_ai.usage.total_tokens",
            ],
            // No parts: whether a part is inclusive depends on its whole, and each of these may have either name.
            Self::Both => &[
                "input_tokens",
                "gen_ai.usage.input_tokens",
                "output_tokens",
                "gen_ai.usage.output_tokens",
                "cost_usd",
                "gen_ai.usage.cost",
            ],
        }
    }
}

/// An act, before it is known which fields the span has.
#[derive(Clone, Debug)]
enum Draft {
    /// Records the field of this number.
    Usage(usize, Value, u64),
    Model(&'static str),
    Id(&'static str),
    Stage(&'static str),
    Error(&'static str, Value),
    Event(Event),
}

fn tokens() -> impl Strategy<Value = Value> {
    // 0 is a value of its own: streams end with it. Of 2,000 values, chance alone would hardly pick it twice on one call.
    prop_oneof![
        12 => (1..2_000_u64).prop_map(Value::Uint),
        3 => Just(Value::Uint(0)),
        1 => (1..2_000_i64).prop_map(Value::Int),
        1 => (1..2_000_u32).prop_map(|value| Value::Float(value.into())),
        1 => (1..2_000_u128).prop_map(Value::Big),
        1 => select(vec!["130", "57", "1000"]).prop_map(Value::Text),
        1 => select(vec![Value::Float(f64::NAN), Value::Int(-5), Value::Text("many"), Value::Float(-1.0)]),
    ]
}

fn cost() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0..9_000_000_u32).prop_map(|billionths| Value::Float(f64::from(billionths) / 1e9)),
        1 => select(vec!["0.000001234", "0.5"]).prop_map(Value::Text),
        1 => Just(Value::Float(f64::NAN)),
    ]
}

fn model() -> impl Strategy<Value = &'static str> {
    select(vec!["m-a", "m-a", "m-b", "m-b", "m-unheard-of"])
}

/// Usage in an event.
fn fields(names: [&'static str; 4]) -> impl Strategy<Value = Fields> {
    let usage =
        (option::weighted(0.8, tokens()), option::weighted(0.7, tokens()), option::weighted(0.2, cost()));
    let fields = (usage, option::weighted(0.6, model())).prop_map(move |((input, output, cost), model)| {
        let values = [input, output, cost, model.map(Value::Text)];
        names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    });
    // An event without any figure is a log line.
    let is_usage = |(_, value): &(_, Value)| value.number().is_some_and(|number| number >= 0.0);
    fields.prop_filter("no figure", move |fields: &Fields| fields.iter().any(is_usage))
}

const SHORT: [&str; 4] = ["input_tokens", "output_tokens", "cost_usd", "model"];
const LONG: [&str; 4] =
    ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cost", "gen_ai.request.model"];

fn error() -> impl Strategy<Value = Value> {
    let falsy = ["", "none", "NULL", "False"].map(Value::Text).into_iter();
    let falsy: Vec<_> = falsy.chain([Value::Bool(false), Value::Uint(0)]).collect();
    prop_oneof![2 => select(vec![Value::Text("refused"), Value::Bool(true), Value::Uint(3)]), 1 => select(falsy)]
}

fn event() -> impl Strategy<Value = Event> {
    let extra = |name: &'static str, values: Vec<&'static str>| {
        option::weighted(0.2, select(values).prop_map(move |value| (name, Value::Text(value))))
    };
    let more = (
        extra("gen_ai.response.id", vec!["r1", "r2"]),
        extra("operation", vec!["chat", "embeddings", "iteration"]),
    );
    let billed = (fields(LONG), more).prop_map(|(mut fields, (id, operation))| {
        fields.extend(id.into_iter().chain(operation));
        Event::Usage { is_helper: false, fields }
    });
    let helper = fields(SHORT).prop_filter("NaN and text have no type in `record_usage`", |fields| {
        fields.iter().all(|(name, value)| match value {
            Value::Uint(_) => true,
            Value::Float(value) => *name == "cost_usd" && !value.is_nan(),
            _ => *name == "model",
        })
    });
    let other = (cost(), select(vec!["iteration", "search"])).prop_filter_map("no figure", |(cost, name)| {
        let fields = vec![("gen_ai.usage.cost", cost), ("operation", Value::Text(name))];
        (fields[0].1.number() >= Some(0.0)).then_some(Event::Usage { is_helper: false, fields })
    });
    let failing = (any::<bool>(), any::<bool>(), option::weighted(0.7, error()), any::<bool>());
    prop_oneof![
        2 => billed,
        1 => other,
        2 => helper.prop_map(|fields| Event::Usage { is_helper: true, fields }),
        1 => (any::<bool>(), fields(LONG)).prop_map(|(is_name, fields)| Event::Details { is_name, fields }),
        1 => fields(SHORT).prop_map(|fields| Event::Log { fields }),
        1 => (select(vec!["lint", "judge"]), select(vec!["pass", "fail", "warn"])).prop_map(|(name, verdict)| Event::Gate(name, verdict)),
        2 => failing.prop_map(|(is_error_level, is_own_target, error, has_message)| {
            // `tracing` has no event without a field and a message.
            let has_message = has_message || error.is_none();
            Event::Error { is_error_level, is_own_target, error, has_message }
        }),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let usage = (any::<usize>(), tokens(), 0..9_000_000_u64)
        .prop_map(|(field, tokens, cost)| Draft::Usage(field, tokens, cost));
    prop_oneof![
        12 => usage,
        1 => model().prop_map(Draft::Model),
        1 => select(vec!["r1", "r2"]).prop_map(Draft::Id),
        1 => select(vec!["beta", "gamma"]).prop_map(Draft::Stage),
        1 => (select(vec!["error", "error.type"]), error()).prop_map(|(name, value)| Draft::Error(name, value)),
        1 => Just(Draft::Error("otel.status_code", Value::Text("ERROR"))),
        4 => event().prop_map(Draft::Event),
    ]
}

/// A node before it has a place in the tree.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    place: usize,
    is_explicit_root: bool,
    kind: Kind,
    naming: Naming,
    model: Option<(bool, Option<&'static str>)>,
    agent: Option<&'static str>,
    id: Option<&'static str>,
    stage: Option<Option<&'static str>>,
    drafts: Vec<Draft>,
}

fn seed() -> impl Strategy<Value = Seed> {
    let operation = |names: Vec<&'static str>| {
        (select(names), any::<bool>()).prop_map(|(name, is_long)| Kind::Operation(name, is_long))
    };
    let kind = prop_oneof![
        2 => Just(Kind::Plain),
        2 => select(STAGES.to_vec()).prop_map(Kind::Named),
        2 => Just(Kind::Stage),
        6 => operation(vec!["chat", "chat", "text_completion", "generate_content", "embeddings"]),
        2 => operation(vec!["plan", "invoke_workflow"]),
        2 => operation(vec!["invoke_agent"]),
        1 => operation(vec!["execute_tool"]),
        1 => select(vec!["chat", "plan", "embeddings"]).prop_map(Kind::Late),
        1 => Just(Kind::Gate),
    ];
    let naming = prop_oneof![
        2 => Just(Naming::None), 3 => Just(Naming::Short), 4 => Just(Naming::Long), 1 => Just(Naming::Both)
    ];
    let model = option::weighted(0.7, (any::<bool>(), option::weighted(0.7, model())));
    let agent = option::weighted(0.15, select(vec!["lead", "scout"]));
    let id = option::weighted(0.15, select(vec!["r1", "r2", "r3"]));
    let stage = option::weighted(0.1, option::of(select(vec!["beta", "gamma"])));
    let names = (model, agent, id, stage);
    (any::<usize>(), prop::bool::weighted(0.15), kind, naming, names, vec(draft(), 0..6)).prop_map(
        |(place, is_explicit_root, kind, naming, (model, agent, id, stage), drafts)| Seed {
            place,
            is_explicit_root,
            kind,
            naming,
            model,
            agent,
            id,
            stage,
            drafts,
        },
    )
}

/// A program of up to 23 spans.
pub(crate) fn nodes() -> impl Strategy<Value = Vec<Node>> {
    vec(seed(), 1..24).prop_map(|seeds| {
        let mut nodes: Vec<Node> = Vec::new();
        let mut places = Vec::new();
        for (index, seed) in seeds.iter().enumerate() {
            // A few start runs of their own.
            let current = if places.is_empty() || seed.place % 20 == 19 {
                None
            } else {
                Some(places[seed.place % places.len()])
            };
            nodes.push(seed.node(index, current));
            if !matches!(seed.kind, Kind::Late(_)) {
                places.push(index);
            }
        }
        nodes
    })
}

impl Seed {
    fn node(&self, index: usize, current: Option<usize>) -> Node {
        let mut fields: Vec<(&str, Option<Value>)> = vec![("pipeline", Some(Value::Text(PIPELINES[index])))];
        let mut acts = Vec::new();
        let text = |text: &'static str| Some(Value::Text(text));
        let name = match self.kind {
            Kind::Plain => "plain",
            Kind::Named(name) => name,
            Kind::Stage => "step",
            Kind::Operation(name, is_long) => {
                fields.push((if is_long { "gen_ai.operation.name" } else { "operation" }, text(name)));
                name
            }
            Kind::Late(name) => {
                fields.push(("gen_ai.operation.name", None));
                acts.push(Act::Record("gen_ai.operation.name", Value::Text(name)));
                "late"
            }
            Kind::Gate => {
                fields.extend([
                    ("gate", text("judge")),
                    ("verdict", text("pass").filter(|_| !self.place.is_multiple_of(3))),
                ]);
                "judge"
            }
        };
        if let Some(stage) = self.stage.or((self.kind == Kind::Stage).then_some(Some("gamma"))) {
            fields.push(("stage", stage.map(Value::Text)));
        }
        if let Some((is_long, model)) = self.model {
            fields.push((if is_long { "gen_ai.request.model" } else { "model" }, model.map(Value::Text)));
        }
        if let Some(agent) = self.agent {
            fields.push((
                if self.place.is_multiple_of(2) { "gen_ai.agent.name" } else { "agent" },
                text(agent),
            ));
        }
        let is_call = matches!(self.kind, Kind::Operation(..) | Kind::Late(_));
        if is_call {
            fields.push(("gen_ai.response.id", self.id.map(Value::Text)));
        }
        fields.extend(self.naming.fields().iter().map(|name| (*name, None)));
        for draft in &self.drafts {
            self.act(draft, &mut fields, &mut acts);
        }
        Node { current, is_explicit_root: self.is_explicit_root || current.is_none(), name, fields, acts }
    }

    fn act(&self, draft: &Draft, fields: &mut Vec<(&'static str, Option<Value>)>, acts: &mut Vec<Act>) {
        let (name, value) = match draft {
            Draft::Usage(number, tokens, cost) => {
                let names = self.naming.fields();
                let Some(name) = names.get(number % names.len().max(1)).copied() else { return };
                let cost = Value::Float(*cost as f64 / 1e9);
                (name, if name.contains("cost") { cost } else { tokens.clone() })
            }
            Draft::Model(model) => match self.model {
                Some((true, _)) => ("gen_ai.request.model", Value::Text(model)),
                Some((false, _)) => ("model", Value::Text(model)),
                None => return,
            },
            Draft::Id(id) => ("gen_ai.response.id", Value::Text(id)),
            Draft::Stage(stage) => ("stage", Value::Text(stage)),
            Draft::Error(name, value) => {
                if !fields.iter().any(|(field, _)| field == name) {
                    fields.push((name, None));
                }
                (*name, value.clone())
            }
            Draft::Event(event) => return acts.push(Act::Event(event.clone())),
        };
        // `tracing` drops the record of a field that the span does not declare.
        if fields.iter().any(|(field, _)| *field == name) {
            acts.push(Act::Record(name, value));
        }
    }
}

/// The program without what depends on the order in which threads happen to run: late names, response ids, and figures of calls
/// with anything inside, which join the last request, whether they record these or events with their details supply them.
pub(crate) fn without_order(mut nodes: Vec<Node>) -> Vec<Node> {
    let is_outer: Vec<bool> =
        (0..nodes.len()).map(|index| nodes.iter().any(|node| node.current == Some(index))).collect();
    for (node, is_outer) in nodes.iter_mut().zip(is_outer) {
        let is_call = |value: &Option<Value>| {
            value.as_ref().and_then(Value::text).is_some_and(|operation| thing(operation).is_some())
        };
        let is_leaf_call = !is_outer && node.fields.iter().any(|(_, value)| is_call(value));
        node.acts.retain(|act| match act {
            Act::Event(Event::Details { .. }) => is_leaf_call,
            Act::Record("stage" | "gen_ai.response.id" | "model" | "gen_ai.request.model", _) => false,
            Act::Record(name, _) => !is_outer || !name.contains("token") && !name.contains("cost"),
            Act::Event(_) => true,
        });
        node.fields.retain(|(name, _)| *name != "gen_ai.response.id");
        for act in &mut node.acts {
            if let Act::Event(Event::Usage { fields, .. }) = act {
                fields.retain(|(name, _)| *name != "gen_ai.response.id");
            }
        }
    }
    nodes
}
