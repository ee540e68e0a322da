//! The summary of a program by the rules of `docs/attribution.md`, in as few words as possible: one function for each rule.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tracing::Level;

use crate::program::{
    Act, CACHED, COST, COUNTED, DETAILS, Datum, INPUT, Node, OUTPUT, OWN, Opening, Program, REASONING, Recorded,
    STAGES, Step, TOTAL, UNITS,
};

/// Longer than any program.
const END: usize = usize::MAX;

/// Figures by unit. Money in pico-dollars.
type Usage = [Option<i128>; UNITS.len()];

/// The names of a stage and of the stages around it, outermost first. Empty outside of stages.
pub(crate) type Path = Vec<String>;

/// The figures that add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) tokens: i128,
    pub(crate) input: i128,
    pub(crate) output: i128,
    cached: i128,
    reasoning: i128,
    cost: i128,
    pub(crate) llm_calls: u64,
    unpriced: u64,
    without_usage: u64,
    partial: u64,
    /// Whether `tokens_used` is null.
    has_no_tokens: bool,
}

impl Row {
    /// The figures of a row of the document.
    pub(crate) fn of(row: &Value) -> Self {
        let count = |key: &str| row[key].as_u64().unwrap_or(0);
        Self {
            tokens: count("tokens_used").into(),
            input: count("input_tokens").into(),
            output: count("output_tokens").into(),
            cached: count("cache_read_tokens").into(),
            reasoning: count("reasoning_tokens").into(),
            cost: (row["cost_usd"].as_f64().unwrap_or(0.0) * 1e12).round() as i128,
            llm_calls: count("llm_calls"),
            unpriced: count("unpriced_calls"),
            without_usage: count("calls_without_usage"),
            partial: count("partial_calls"),
            has_no_tokens: row["tokens_used"].is_null(),
        }
    }

    /// What does not depend on the order in which requests of one call closed.
    pub(crate) fn in_any_order(self) -> Self {
        Self { input: self.input, output: self.output, llm_calls: self.llm_calls, ..Self::default() }
    }
}

/// A row and what is known of its attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) row: Row,
    pub(crate) attempts: u64,
    pub(crate) errors: u64,
    pub(crate) error_events: u64,
    /// How its last attempt ended.
    pub(crate) status: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) row: Row,
    pub(crate) executions: u64,
    pub(crate) errors: u64,
    pub(crate) called_by: BTreeSet<String>,
}

/// What is expected of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) is_accountable: bool,
    pub(crate) pipeline: String,
    pub(crate) status: &'static str,
    pub(crate) total: Row,
    pub(crate) error_events: u64,
    pub(crate) stages: BTreeMap<Path, Stage>,
    pub(crate) agents: BTreeMap<String, Agent>,
    /// Names and verdicts, in order.
    pub(crate) gates: Vec<(String, String)>,
    pub(crate) tools: u64,
    /// Whether the figures depend on which request of a call closed last.
    pub(crate) has_retries: bool,
}

/// What is booked at once.
#[derive(Clone, Debug)]
struct Charge {
    node: usize,
    /// When it is booked, and when the call itself ended.
    at: usize,
    ended: usize,
    thing: &'static str,
    is_call: bool,
    usage: Usage,
    /// Parts that no whole contains.
    beyond: (i128, i128),
    model: Option<String>,
    /// The model of a stage or an agent around it.
    inherited: Option<String>,
    id: Option<String>,
    /// The agent that it names, and the nearest one around it.
    named: Option<String>,
    agent: Option<String>,
    errors: u64,
    /// Whether a call around it may take it as its request.
    is_open: bool,
}

impl Charge {
    fn tokens(&self) -> Option<i128> {
        tokens(&self.usage)
    }

    /// A reported cost wins.
    fn cost(&self) -> Option<i128> {
        self.usage[COST].or_else(|| price(self.model.as_deref().or(self.inherited.as_deref())?, &self.usage))
    }
}

/// One span as it happened.
struct Happened<'a> {
    node: &'a Node,
    opened: usize,
    closed: usize,
    /// Whether the run was finished while it was open.
    is_cut: bool,
    /// Whether it was opened after the end of its run.
    is_late: bool,
    acts: Vec<(usize, &'a Act)>,
}

struct Model<'a> {
    program: &'a Program,
    spans: Vec<Happened<'a>>,
}

/// The runs of a program, by the index of their root.
pub(crate) fn expected(program: &Program, steps: &[Step]) -> BTreeMap<usize, Run> {
    let model = Model { program, spans: replay(program, steps) };
    let roots = (0..model.spans.len()).filter(|root| model.parent(*root).is_none());
    roots.map(|root| (root, model.run(root))).collect()
}

/// When each span opened and closed: a span closes with its handle and its last child, in the view of `tracing`.
fn replay<'a>(program: &'a Program, steps: &[Step]) -> Vec<Happened<'a>> {
    let nodes = &program.nodes;
    let mut spans: Vec<_> = nodes
        .iter()
        .map(|node| Happened { node, opened: END, closed: END, is_cut: false, is_late: false, acts: Vec::new() })
        .collect();
    let mut references = vec![0_usize; nodes.len()];
    let holder = |index: usize| nodes[index].parent().filter(|_| nodes[index].opening != Opening::Adopted);
    let root = |mut index: usize| {
        while let Some(parent) = nodes[index].parent() {
            index = parent;
        }
        index
    };
    let (mut now, mut has_finished) = (0, false);
    for step in steps {
        now += 1;
        match *step {
            Step::Open(index) => {
                spans[index].opened = now;
                spans[index].is_late = has_finished && root(index) == 0;
                references[index] += 1;
                holder(index).into_iter().for_each(|parent| references[parent] += 1);
            }
            Step::Act(index, act) => {
                if !spans[index].is_cut && !spans[index].is_late && !(has_finished && root(index) == 0) {
                    spans[index].acts.push((now, &nodes[index].acts[act]));
                }
            }
            Step::Drop(index) => {
                let mut closing = Some(index);
                while let Some(index) = closing {
                    references[index] -= 1;
                    if references[index] > 0 {
                        break;
                    }
                    now += 1;
                    spans[index].closed = spans[index].closed.min(now);
                    closing = holder(index);
                }
            }
            // A14: from the inside out, the newest first.
            Step::Finish => {
                has_finished = true;
                let mut open: Vec<_> = (0..nodes.len())
                    .filter(|index| root(*index) == 0 && spans[*index].opened != END && spans[*index].closed == END)
                    .collect();
                open.sort_by_key(|index| std::cmp::Reverse(spans[*index].opened));
                for index in open {
                    now += 1;
                    spans[index].closed = now;
                    spans[index].is_cut = true;
                }
            }
        }
    }
    spans
}

impl<'a> Model<'a> {
    fn parent(&self, span: usize) -> Option<usize> {
        self.spans[span].node.parent()
    }

    /// The spans around it, the innermost first.
    fn around(&self, span: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.parent(span), |span| self.parent(*span))
    }

    /// The span itself, and those around it.
    fn from(&self, span: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(span).chain(self.around(span))
    }

    fn children(&self, span: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.spans.len())
            .filter(move |child| self.parent(*child) == Some(span) && !self.spans[*child].is_late)
    }

    fn name(&self, span: usize) -> &'static str {
        self.spans[span].node.name
    }

    fn declares(&self, span: usize, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.spans[span].node.declares(field))
    }

    /// What the span recorded up to a time, in order.
    fn records(&self, span: usize, until: usize) -> impl Iterator<Item = &'a Recorded> + '_ {
        let happened = &self.spans[span];
        let initial = happened.node.initial.iter().filter(move |_| happened.opened <= until);
        let later = happened.acts.iter().take_while(move |(at, _)| *at <= until);
        let later = later.filter_map(|(_, act)| if let Act::Record(fields) = act { Some(fields) } else { None });
        // `tracing` drops what a span does not declare.
        initial.chain(later.flatten()).filter(|(name, _)| happened.node.declares(name))
    }

    /// The newest of these fields.
    fn text(&self, span: usize, fields: &[&str], until: usize) -> Option<String> {
        let newest = self.records(span, until).filter(|(name, _)| fields.contains(name)).last();
        newest.map(|(_, datum)| text(datum))
    }

    fn operation(&self, span: usize) -> Option<String> {
        self.text(span, &["gen_ai.operation.name", "operation"], END)
    }

    fn is_operation(&self, span: usize, name: &str) -> bool {
        self.operation(span).as_deref() == Some(name)
    }

    fn is_gate(&self, span: usize) -> bool {
        self.declares(span, &["gate"])
    }

    fn is_tool(&self, span: usize) -> bool {
        self.is_operation(span, "execute_tool")
    }

    /// When a span that waits for what it adopted is done.
    fn done(&self, span: usize) -> usize {
        self.children(span).map(|child| self.done(child)).fold(self.spans[span].closed, usize::max)
    }

    /// A1: what opens a run, and what makes it one that is kept.
    fn a01_root(&self, root: usize, charges: &[Charge], run: &Run) -> bool {
        let is_declared = |span: usize| {
            self.declares(span, &["stage"]) || self.program.is_declared && STAGES.contains(&self.name(span))
        };
        let has_operation = self.inside(root).iter().any(|span| self.acts(*span).any(|(_, act)| matches!(act, Act::Operation(_))));
        !charges.is_empty() || has_operation || !run.gates.is_empty() || self.inside(root).into_iter().any(is_declared)
    }

    /// A span and all inside it.
    fn inside(&self, span: usize) -> Vec<usize> {
        let mut spans = vec![span];
        self.children(span).for_each(|child| spans.extend(self.inside(child)));
        spans
    }

    fn acts(&self, span: usize) -> impl Iterator<Item = (usize, &'a Act)> + '_ {
        self.spans[span].acts.iter().copied()
    }

    /// A2: the name of the stage that a span is.
    fn a02_stage(&self, span: usize, until: usize) -> Option<String> {
        let (name, has_list) = (self.name(span), self.program.is_declared);
        if self.declares(span, &["stage"]) {
            return Some(self.text(span, &["stage"], until).unwrap_or_else(|| name.into()));
        }
        if has_list {
            return STAGES.contains(&name).then(|| name.into());
        }
        if self.is_operation(span, "invoke_agent") {
            return self.a13_agent(span);
        }
        let is_other = self.is_gate(span) || self.is_tool(span) || self.a03_call(span).is_some();
        (self.is_direct(span) && !is_other).then(|| name.into())
    }

    /// Whether it is a direct child of its root.
    fn is_direct(&self, span: usize) -> bool {
        self.parent(span).is_some_and(|parent| self.parent(parent).is_none())
    }

    /// The row that something in a span is booked in at a time.
    fn row(&self, span: usize, at: usize) -> Path {
        let mut path: Path = self.from(span).filter_map(|span| self.a02_stage(span, at)).collect();
        path.reverse();
        path
    }

    /// A3: the thing that a call does; nothing for a span that is no call.
    fn a03_call(&self, span: usize) -> Option<&'static str> {
        if let Some(operation) = self.operation(span) {
            return thing(&operation);
        }
        let has_list = self.program.is_declared;
        let is_named = self.declares(span, &["stage"]) || has_list && STAGES.contains(&self.name(span));
        let is_long = UNITS.iter().any(|unit| self.declares(span, unit.long))
            || self.declares(span, &["gen_ai.request.model", "gen_ai.response.model"]);
        let has_own_usage = is_named || !has_list && self.is_direct(span) && !is_long;
        let has_tokens = UNITS[..COST].iter().any(|unit| self.declares(span, unit.short) || self.declares(span, unit.long));
        let has_model = self.declares(span, &["model", "gen_ai.request.model", "gen_ai.response.model"]);
        (has_tokens && has_model && !has_own_usage).then_some("text")
    }

    fn is_container(&self, span: usize) -> bool {
        self.operation(span).is_some_and(|operation| thing(&operation).is_none())
    }

    fn model(&self, span: usize, until: usize) -> Option<String> {
        self.text(span, &["gen_ai.response.model"], until)
            .or_else(|| self.text(span, &["gen_ai.request.model", "model"], until))
    }

    /// A3: the model of the nearest of these stages and agents that had recorded one.
    fn a03_inherited(&self, mut spans: impl Iterator<Item = usize>, until: usize) -> Option<String> {
        let is_named = |span: &usize| self.a02_stage(*span, until).is_some() || self.is_operation(*span, "invoke_agent");
        spans.find_map(|span| Some(span).filter(is_named).and_then(|span| self.model(span, until)))
    }

    /// A4: the figures of a span, and which of them are sums of what is inside (A6).
    fn a04_newest_figure(&self, span: usize) -> (Usage, [bool; UNITS.len()]) {
        let is_call = self.a03_call(span).is_some();
        let (mut usage, mut inclusive) = (Usage::default(), [self.is_container(span); UNITS.len()]);
        for (index, unit) in UNITS.iter().enumerate() {
            let mut by_name: BTreeMap<&str, i128> = BTreeMap::new();
            for (name, datum) in self.records(span, END) {
                if !unit.short.contains(name) && !unit.long.contains(name) {
                    continue;
                }
                let figure = if index == COST { money(datum) } else { count(datum) };
                let Some(figure) = figure else { continue };
                if is_call {
                    if figure > 0 || usage[index].is_none() {
                        usage[index] = Some(figure);
                    }
                } else {
                    *by_name.entry(name).or_default() += figure;
                }
            }
            if !is_call {
                // A10: two names of one figure are one figure.
                usage[index] = by_name.values().max().copied();
                inclusive[index] |= by_name.keys().any(|name| unit.long.contains(name));
            }
        }
        // A7: details of a call complete it.
        if is_call {
            let details = self.a07_details(span);
            usage.iter_mut().zip(details).for_each(|(own, more)| *own = own.or(more));
        }
        if usage[INPUT].is_none() {
            inclusive[INPUT] |= inclusive[CACHED];
        }
        if usage[OUTPUT].is_none() {
            inclusive[OUTPUT] |= inclusive[REASONING];
        }
        let before = usage;
        a10_parts(&mut usage);
        for (whole, part) in [(INPUT, CACHED), (OUTPUT, REASONING)] {
            if skip("L6") && !is_call && before[whole].is_none() && inclusive[part] {
                usage[whole] = None;
            }
        }
        (usage, inclusive)
    }

    /// A7: what the events that give a call's details supply. The innermost call around each is the one.
    fn a07_details(&self, call: usize) -> Usage {
        let is_its = |span: &usize| self.from(*span).find(|around| self.a03_call(*around).is_some()) == Some(call);
        let spans = self.inside(call).into_iter().filter(|span| if skip("L7") { *span == call } else { is_its(span) });
        let mut events: Vec<_> = spans.flat_map(|span| self.acts(span)).collect();
        events.sort_by_key(|(at, _)| *at);
        let mut details = Usage::default();
        for (_, act) in events {
            let Act::Event(_, _, fields) = act else { continue };
            if fields.iter().any(|(name, datum)| *name == "event.name" && text(datum) == DETAILS) {
                let newer = event_usage(fields);
                details = std::array::from_fn(|unit| details[unit].max(newer[unit]));
            }
        }
        details
    }

    /// A7: the call that an event is.
    fn a07_event(&self, span: usize, at: usize, act: &Act) -> Option<Charge> {
        let (usage, model) = match act {
            Act::Usage(model, input, output) => {
                let mut usage = Usage::default();
                usage[INPUT] = Some((*input).into());
                usage[OUTPUT] = output.map(Into::into);
                (usage, model.map(str::to_owned))
            }
            Act::Event(_, target, fields) if *target == COUNTED || target.starts_with(&format!("{COUNTED}::")) => {
                let model = fields.iter().find(|(name, _)| *name == "model");
                (event_usage(fields), model.map(|(_, datum)| text(datum)))
            }
            _ => return None,
        };
        if usage.iter().all(Option::is_none) {
            return None;
        }
        let mut charge = self.charge(span, at, "text", usage);
        a10_parts(&mut charge.usage);
        charge.model = model.or_else(|| self.model(span, at));
        charge.named = self.a03_call(span).and_then(|_| self.text(span, &["gen_ai.agent.name"], END));
        charge.inherited = self.a03_inherited(self.from(span), at);
        charge.is_open = !skip("L1");
        Some(charge)
    }

    fn charge(&self, node: usize, at: usize, thing: &'static str, usage: Usage) -> Charge {
        Charge {
            node,
            at,
            ended: at,
            thing,
            is_call: true,
            usage,
            beyond: (0, 0),
            model: None,
            inherited: None,
            id: None,
            named: None,
            agent: self.a13_agent_around(self.from(node)),
            errors: 0,
            is_open: true,
        }
    }

    /// What a span books, and all inside it.
    fn charges(&self, span: usize, run: &mut Run) -> Vec<Charge> {
        let mut charges = Vec::new();
        for child in self.children(span) {
            charges.extend(self.charges(child, run));
        }
        for (at, act) in self.acts(span) {
            charges.extend(self.a07_event(span, at, act));
            if let Act::Operation(billionths) = act {
                let mut usage = Usage::default();
                usage[COST] = Some(i128::from(*billionths) * 1_000);
                charges.push(Charge { is_call: false, is_open: false, ..self.charge(span, at, "search", usage) });
            }
        }
        charges.sort_by_key(|charge| (charge.at, charge.ended));
        if let Some(thing) = self.a03_call(span) {
            self.a05_call_in_call(span, thing, &mut charges, run);
        } else {
            charges.extend(self.a06_inclusive(span, &charges));
        }
        let is_boundary = self.a02_stage(span, END).is_some()
            || self.is_tool(span)
            || self.is_gate(span)
            || self.is_operation(span, "invoke_agent");
        charges.iter_mut().for_each(|charge| charge.is_open &= !is_boundary);
        charges
    }

    /// A5: a call with its requests.
    fn a05_call_in_call(&self, span: usize, thing: &'static str, charges: &mut Vec<Charge>, run: &mut Run) {
        let (usage, _) = self.a04_newest_figure(span);
        let mut outer = self.charge(span, self.done(span), thing, usage);
        outer.model = self.model(span, END);
        outer.inherited = self.a03_inherited(self.around(span), self.spans[span].opened);
        outer.id = self.text(span, &["gen_ai.response.id"], END);
        outer.named = self.text(span, &["gen_ai.agent.name"], END);
        outer.errors = u64::from(self.a12_failed(span) && self.a02_stage(span, END).is_none());

        let mut requests = Vec::new();
        for (index, charge) in charges.iter_mut().enumerate() {
            if !charge.is_open || !charge.is_call || charge.thing != thing {
                continue;
            }
            charge.at = outer.at;
            charge.is_open = charge.id.is_none() || outer.id.is_none() || charge.id == outer.id;
            if charge.is_open {
                requests.push(index);
            }
        }
        let last = requests.iter().copied().max_by_key(|index| (charges[*index].errors == 0, charges[*index].ended));
        let Some(last) = last else {
            let is_late = !self.spans[span].node.initial.iter().any(|(name, _)| matches!(*name, "operation" | "gen_ai.operation.name"));
            let l13 = skip("L13") && is_late && self.operation(span).is_some() && outer.usage.iter().all(Option::is_none);
            if !l13 && !(skip("L11") && outer.usage.iter().all(Option::is_none) && self.a02_stage(span, END).is_some()) {
                charges.push(outer);
            }
            return;
        };
        run.has_retries |= requests.len() > 1;
        for index in &requests {
            let request = &mut charges[*index];
            request.model = request.model.take().or_else(|| outer.model.clone());
            request.named = request.named.take().or_else(|| outer.named.clone());
            if outer.usage[COST].is_some() && request.tokens().is_some() {
                request.usage[COST] = request.usage[COST].or(Some(0));
            }
        }
        let has_failed = requests.iter().any(|index| charges[*index].errors > 0);
        let others = requests.iter().filter(|index| **index != last).map(|index| &charges[*index]);
        let others = sum(others, |charge| charge.usage[COST]);
        let last = &mut charges[last];
        join(&mut last.usage, &outer.usage, &others);
        cap_parts(last);
        last.id = last.id.take().or(outer.id);
        last.errors += if has_failed { 0 } else { outer.errors };
    }

    /// A6: what the figures of a span have beyond those inside, together with its own usage (A3).
    fn a06_inclusive(&self, span: usize, inside: &[Charge]) -> Option<Charge> {
        let (own, inclusive) = self.a04_newest_figure(span);
        let is_repeated = self.parent(span).is_none() && self.is_container(span) && self.children(span).next().is_none();
        if is_repeated || own.iter().all(Option::is_none) {
            return None;
        }
        let sum = sum(a08_response_id(inside.to_vec()).iter(), Charge::cost);
        let is_aggregate = (0..UNITS.len()).any(|unit| inclusive[unit] && own[unit].is_some());
        let at = if is_aggregate || self.is_gate(span) { self.done(span) } else { self.spans[span].closed };
        let mut charge = self.charge(span, at, "text", excess(&own, &inclusive, &sum));
        if skip("L8") {
            (0..COST).filter(|unit| inclusive[*unit]).for_each(|unit| charge.usage[unit] = charge.usage[unit].filter(|more| *more > 0));
        }
        charge.model = self.model(span, END);
        let has_own_usage = (0..COST).any(|unit| !inclusive[unit] && own[unit].is_some());
        charge.is_call = has_own_usage && !(skip("L5") && inclusive.iter().all(|is| !is) && own[TOTAL] == Some(0) && own[CACHED].or(own[REASONING]).is_none()) || charge.tokens().is_some_and(|tokens| tokens > 0);
        if charge.is_call {
            cap_parts(&mut charge);
        } else {
            charge.beyond = (charge.usage[CACHED].unwrap_or(0), charge.usage[REASONING].unwrap_or(0));
            charge.usage = std::array::from_fn(|unit| charge.usage[unit].filter(|_| unit == COST));
        }
        let is_something = charge.is_call || charge.usage[COST].unwrap_or(0) > 0 || charge.beyond != (0, 0);
        is_something.then_some(charge)
    }
}

/// A5: gives the last request what the outer call's figures have beyond those of all requests.
fn join(last: &mut Usage, outer: &Usage, others: &[i128; UNITS.len()]) {
    let (unsplit, has_split) = (last[TOTAL], last[INPUT].or(last[OUTPUT]).is_some());
    let mut requests = *others;
    for unit in (0..UNITS.len()).filter(|unit| *unit != TOTAL) {
        requests[unit] += last[unit].unwrap_or(0);
    }
    let mut more = excess(outer, &[true; UNITS.len()], &requests);
    if let Some(unsplit) = unsplit {
        if tokens(&more).is_some_and(|tokens| tokens >= unsplit) {
            last[TOTAL] = None;
        } else {
            (more[INPUT], more[OUTPUT]) = (None, None);
            more[TOTAL] = None;
        }
    } else if has_split {
        more[TOTAL] = None;
    }
    for unit in 0..UNITS.len() {
        last[unit] = more[unit].map(|more| last[unit].unwrap_or(0) + more).or(last[unit]);
    }
}

impl Model<'_> {
    /// A12: whether a span failed.
    fn a12_failed(&self, span: usize) -> bool {
        let is_failure = |(name, datum): &Recorded| match *name {
            "error" | "error.type" => is_error(datum),
            "otel.status_code" => text(datum) == "ERROR",
            _ => false,
        };
        self.records(span, END).any(is_failure)
            || self.acts(span).any(|(_, act)| {
                self.a12_fails_its_span(act) || self.program.events_fail && matches!(act, Act::Event(Level::ERROR, ..))
            })
    }

    /// A12: whether the failure of a span has a place: that of a plain span has none.
    fn can_fail(&self, span: usize) -> bool {
        self.parent(span).is_none() || self.a02_stage(span, END).is_some() || !self.spans[span].node.declared.is_empty()
    }

    /// A12: whether an event is the error that its span's own function returned.
    fn a12_fails_its_span(&self, act: &Act) -> bool {
        let Act::Event(level, target, fields) = act else { return false };
        *target == OWN
            && fields.iter().any(|(name, datum)| *name == "error" && is_error(datum))
            && (*level == Level::ERROR || fields.len() == 1)
    }

    /// A13: the name of the agent that a span is.
    fn a13_agent(&self, span: usize) -> Option<String> {
        let name = || self.text(span, &["gen_ai.agent.name", "agent"], END).unwrap_or_else(|| self.name(span).into());
        self.is_operation(span, "invoke_agent").then(name)
    }

    /// A13: the nearest agent of these spans.
    fn a13_agent_around(&self, mut spans: impl Iterator<Item = usize>) -> Option<String> {
        spans.find_map(|span| self.a13_agent(span))
    }

    /// The gates of a run, with name, verdict and whether it blocks, in order.
    fn gates(&self, spans: &[usize]) -> Vec<(String, String, bool)> {
        let mut gates = Vec::new();
        for &span in spans {
            if self.is_gate(span) {
                let verdict = self.text(span, &["verdict"], END).unwrap_or_else(|| "error".into());
                let blocks = self.text(span, &["blocking"], END).as_deref() == Some("true");
                gates.push((self.done(span), self.text(span, &["gate"], END).unwrap_or_default(), verdict, blocks));
            }
            for (at, act) in self.acts(span) {
                if let Act::Gate(name, verdict, blocks) = act {
                    gates.push((at, (*name).into(), (*verdict).into(), *blocks));
                }
            }
        }
        gates.sort();
        gates.into_iter().map(|(_, name, verdict, blocks)| (name, verdict, blocks)).collect()
    }

    /// A14: the summary of a run.
    fn run(&self, root: usize) -> Run {
        let mut run = Run::default();
        if self.spans[root].is_late || self.spans[root].opened == END {
            return run;
        }
        let mut spans = self.inside(root);
        let gates = self.gates(&spans);
        run.gates = gates.iter().map(|(name, verdict, _)| (name.clone(), verdict.clone())).collect();
        let charges = self.charges(root, &mut run);
        run.is_accountable = self.a01_root(root, &charges, &run);
        run.pipeline = self.a13_agent(root).unwrap_or_else(|| self.name(root).into());
        run.tools = spans.iter().filter(|span| self.is_tool(**span)).count() as u64;

        spans.sort_by_key(|span| self.spans[*span].closed);
        let mut has_agents = false;
        for &span in &spans {
            let (happened, has_failed) = (&self.spans[span], self.a12_failed(span));
            let l2 = skip("L2") && happened.closed > self.spans[root].closed && !happened.is_cut && happened.closed == self.done(root);
            if !l2 && self.a02_stage(span, END).is_some() {
                let stage = run.stages.entry(self.row(span, happened.closed)).or_default();
                stage.attempts += 1;
                stage.errors += u64::from(has_failed && !happened.is_cut);
                stage.status = match () {
                    () if happened.is_cut => "incomplete",
                    () if has_failed => "failed",
                    () => "completed",
                };
            }
            if skip("L10") && has_failed && self.is_container(span) && self.a02_stage(span, END).is_none() {
                run.stages.entry(self.row(span, happened.closed)).or_default().errors += 1;
            }
            if let Some(name) = self.a13_agent(span) {
                has_agents = true;
                let agent = run.agents.entry(name).or_default();
                agent.executions += 1;
                agent.errors += u64::from(has_failed);
                agent.called_by.extend(self.a13_agent_around(self.around(span)));
            }
            for (at, act) in self.acts(span) {
                if matches!(act, Act::Event(Level::ERROR, ..)) && !self.program.events_fail && !(self.a12_fails_its_span(act) && self.can_fail(span)) {
                    run.stages.entry(self.row(span, at)).or_default().error_events += 1;
                    run.error_events += 1;
                }
            }
        }
        for charge in a08_response_id(charges) {
            let row = a11_half_known(&charge);
            add(&mut run.total, &row);
            let stage = run.stages.entry(self.row(charge.node, charge.at)).or_default();
            add(&mut stage.row, &row);
            stage.errors += charge.errors;
            has_agents |= charge.named.is_some();
            let around = charge.agent.clone();
            let name = charge.named.clone().or(charge.agent).unwrap_or_else(|| "unattributed".into());
            let agent = run.agents.entry(name.clone()).or_default();
            add(&mut agent.row, &row);
            agent.called_by.extend(around.filter(|around| charge.named.is_some() && *around != name));
        }
        if !has_agents {
            run.agents.clear();
        }

        let last: BTreeMap<_, _> = gates.into_iter().map(|(name, verdict, blocks)| (name, blocks && verdict == "fail")).collect();
        let has_failed = self.a12_failed(root)
            || run.stages.values().any(|stage| stage.status == "failed")
            || last.into_values().any(|is_failed| is_failed);
        run.status = match () {
            () if spans.iter().any(|span| self.spans[*span].is_cut) => "incomplete",
            () if has_failed => "failed",
            () => "completed",
        };
        run
    }
}

/// A8: records with one response id are one call, in the row that was booked first.
fn a08_response_id(mut charges: Vec<Charge>) -> Vec<Charge> {
    charges.sort_by_key(|charge| (charge.at, charge.ended));
    let mut calls: Vec<Charge> = Vec::new();
    for charge in charges {
        let first = calls.iter_mut().find(|first| first.is_call && first.id.is_some() && first.id == charge.id);
        let Some(first) = first else {
            calls.push(charge);
            continue;
        };
        for unit in 0..UNITS.len() {
            first.usage[unit] = first.usage[unit].max(charge.usage[unit]);
        }
        if first.usage[INPUT].or(first.usage[OUTPUT]).is_some() {
            first.usage[TOTAL] = None;
        }
        first.model = first.model.take().or(charge.model);
        first.errors = first.errors.max(charge.errors);
    }
    calls
}

/// A10: parts are inside their wholes, and a total is never added to its parts.
fn a10_parts(usage: &mut Usage) {
    let has_part = usage[CACHED].or(usage[REASONING]).is_some();
    if usage[INPUT].or(usage[OUTPUT]).is_some() {
        usage[TOTAL] = None;
    } else if let Some(total) = usage[TOTAL] {
        let parts = usage[CACHED].unwrap_or(0) + usage[REASONING].unwrap_or(0);
        usage[TOTAL] = Some(if parts > total && !skip("L3") { total + parts } else { total });
        return;
    } else if has_part && usage[CACHED].unwrap_or(0) + usage[REASONING].unwrap_or(0) == 0 {
        usage[TOTAL] = Some(0);
        return;
    }
    for (whole, part) in [(INPUT, CACHED), (OUTPUT, REASONING)] {
        let part = usage[part].unwrap_or(0);
        if part > usage[whole].unwrap_or(0) {
            usage[whole] = Some(usage[whole].unwrap_or(0) + part);
        }
    }
}

/// A11: the figures of a charge, with a count of what is unknown.
fn a11_half_known(charge: &Charge) -> Row {
    let usage = &charge.usage;
    let (tokens, cost) = (charge.tokens(), charge.cost());
    let is_call = u64::from(charge.is_call);
    let is_half = charge.thing == "text" && usage[TOTAL].is_none() && usage[INPUT].is_some() != usage[OUTPUT].is_some();
    let is_cost_alone = tokens.is_none() && usage[COST].is_some();
    Row {
        tokens: tokens.unwrap_or(0),
        input: usage[INPUT].unwrap_or(0),
        output: usage[OUTPUT].unwrap_or(0),
        cached: usage[CACHED].unwrap_or(0) + charge.beyond.0,
        reasoning: usage[REASONING].unwrap_or(0) + charge.beyond.1,
        cost: if charge.is_call { cost } else { usage[COST] }.unwrap_or(0),
        llm_calls: is_call,
        unpriced: is_call * u64::from(tokens.is_some() && cost.is_none()),
        without_usage: is_call * u64::from(tokens.is_none() && usage[COST].is_none()),
        partial: is_call * u64::from(is_half || is_cost_alone),
        has_no_tokens: false,
    }
}

fn add(row: &mut Row, more: &Row) {
    row.tokens += more.tokens;
    row.input += more.input;
    row.output += more.output;
    row.cached += more.cached;
    row.reasoning += more.reasoning;
    row.cost += more.cost;
    row.llm_calls += more.llm_calls;
    row.unpriced += more.unpriced;
    row.without_usage += more.without_usage;
    row.partial += more.partial;
    // Unknown is not 0: null if there are calls, and none of them has known tokens.
    row.has_no_tokens = row.tokens == 0 && row.llm_calls > 0 && row.without_usage + row.partial == row.llm_calls;
}

/// What figures that include everything inside have beyond it.
fn excess(own: &Usage, inclusive: &[bool; UNITS.len()], inside: &[i128; UNITS.len()]) -> Usage {
    let mut usage = *own;
    // Tokens without a split count against the input first, then against the output.
    let mut unsplit = inside[TOTAL];
    for unit in (0..UNITS.len()).filter(|unit| inclusive[*unit]) {
        let known = if unit == TOTAL { inside[INPUT] + inside[OUTPUT] + inside[TOTAL] } else { inside[unit] };
        let mut more = own[unit].map_or(0, |own| (own - known).max(0));
        if matches!(unit, INPUT | OUTPUT) {
            let covered = more.min(unsplit);
            (more, unsplit) = (more - covered, unsplit - covered);
        }
        usage[unit] = own[unit].map(|_| more);
    }
    usage
}

/// Parts beyond the whole of an excess have a column of their own, and no price.
fn cap_parts(charge: &mut Charge) {
    for (whole, part) in [(INPUT, CACHED), (OUTPUT, REASONING)] {
        let Some(own) = charge.usage[part] else { continue };
        let whole = charge.usage[whole].or(charge.usage[TOTAL]).unwrap_or(0);
        charge.usage[part] = Some(own.min(whole));
        let beyond = if part == CACHED { &mut charge.beyond.0 } else { &mut charge.beyond.1 };
        *beyond += (own - whole).max(0);
    }
}

fn sum<'a>(charges: impl Iterator<Item = &'a Charge>, cost: impl Fn(&Charge) -> Option<i128>) -> [i128; UNITS.len()] {
    let mut sum = [0; UNITS.len()];
    for charge in charges {
        for unit in 0..COST {
            sum[unit] += charge.usage[unit].unwrap_or(0);
        }
        sum[CACHED] += charge.beyond.0;
        sum[REASONING] += charge.beyond.1;
        sum[COST] += cost(charge).unwrap_or(0);
    }
    sum
}

fn tokens(usage: &Usage) -> Option<i128> {
    [INPUT, OUTPUT, TOTAL].iter().filter_map(|unit| usage[*unit]).fold(None, |sum, more| Some(sum.unwrap_or(0) + more))
}

/// Pico-dollars at the rates of `main.rs`.
fn price(model: &str, usage: &Usage) -> Option<i128> {
    let (per_input, per_cached, per_output) = match model {
        "m-a" => (1_000_000, 100_000, 2_000_000),
        "m-b" => (500_000, 500_000, 4_000_000),
        _ => return None,
    };
    tokens(usage)?;
    let (input, cached) = (usage[INPUT].unwrap_or(0), usage[CACHED].unwrap_or(0));
    let is_split = usage[TOTAL].unwrap_or(0) == 0 && !(skip("L3") && usage[TOTAL].is_some() && usage[CACHED].unwrap_or(0) + usage[REASONING].unwrap_or(0) > 0);
    is_split.then(|| (input - cached) * per_input + cached * per_cached + usage[OUTPUT].unwrap_or(0) * per_output)
}

fn thing(operation: &str) -> Option<&'static str> {
    match operation {
        "chat" | "text_completion" | "generate_content" => Some("text"),
        "embeddings" => Some("embeddings"),
        _ => None,
    }
}

fn event_usage(fields: &[Recorded]) -> Usage {
    let mut usage = Usage::default();
    for (name, datum) in fields {
        if let Some(unit) = UNITS[..COST].iter().position(|unit| unit.short.contains(name) || unit.long.contains(name)) {
            usage[unit] = count(datum).or(usage[unit]);
        }
    }
    usage
}

fn text(datum: &Datum) -> String {
    match datum {
        Datum::Count(value) => value.to_string(),
        Datum::Signed(value) => value.to_string(),
        Datum::Big(value) => value.to_string(),
        Datum::BigSigned(value) => value.to_string(),
        Datum::Float(value) => value.to_string(),
        Datum::Flag(value) => value.to_string(),
        Datum::Text(value) | Datum::Shown(value) => value.clone(),
    }
}

/// A count of tokens; none if the value is no plausible one.
fn count(datum: &Datum) -> Option<i128> {
    match datum {
        Datum::Float(value) if value.is_nan() => None,
        Datum::Float(value) => Some(*value as i128),
        other => text(other).parse::<u64>().ok().map(Into::into),
    }
}

/// Pico-dollars of an amount in USD.
fn money(datum: &Datum) -> Option<i128> {
    let usd: f64 = text(datum).parse().ok()?;
    (!usd.is_nan()).then(|| (usd * 1e12).round() as i128)
}

fn is_error(datum: &Datum) -> bool {
    !["false", "0", "none", "null", ""].contains(&text(datum).to_lowercase().as_str())
}

pub(crate) fn skip(what: &str) -> bool {
    static ALL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ALL.get_or_init(|| std::env::var("SKIP").unwrap_or_default()).split(',').any(|one| one == what)
}
