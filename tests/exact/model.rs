//! The rules of `docs/attribution.md` a second time, computed from a plain tree of spans: one function per rule.
//!
//! The layer books while the program runs. This model looks back at the whole program, so the two share no state and no order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::expected::{Expected, Path, Row};
use crate::history::{History, Span};
use crate::program::{Event, STAGES, Value};
use crate::usage::{Figures, Thing, Unit, thing};

const OPERATION: [&str; 2] = ["gen_ai.operation.name", "operation"];
const AGENT: [&str; 2] = ["gen_ai.agent.name", "agent"];
const MODEL: [&str; 2] = ["gen_ai.request.model", "model"];
const ID: [&str; 1] = ["gen_ai.response.id"];

/// An amount that is booked: a call, or a cost or parts beyond everything inside.
#[derive(Clone, Debug)]
struct Call {
    /// The span of the call, or of the event.
    span: usize,
    /// When its span closed or it happened, and when it is booked, with the span that books it: of spans that close in one step,
    /// the innermost closes first.
    at: usize,
    booked: (usize, Reverse<usize>),
    thing: Thing,
    /// Its own model, and the one that it takes if no outer call has one either.
    model: Option<&'static str>,
    inherited: Option<&'static str>,
    /// The agent that it names itself.
    agent: Option<&'static str>,
    id: Option<&'static str>,
    figures: Figures,
    /// Whether it is a call, and not just a cost or parts.
    is_call: bool,
    has_failed: bool,
    /// Its failure, or that of an outer call with requests that did not fail.
    errors: u64,
    /// The nearest span that may be an outer call, and the response id of the call that it represents.
    outer: Option<usize>,
    outer_id: Option<&'static str>,
}

pub(crate) struct Model<'a> {
    history: &'a History<'a>,
    is_declared: bool,
    found: Expected,
}

/// The runs of a program, by the index of their root.
pub(crate) fn expected(history: &History<'_>, is_declared: bool) -> BTreeMap<usize, Expected> {
    let run = |root| Some((root, Model { history, is_declared, found: Expected::default() }.a1_run(root)?));
    history.roots().filter_map(run).collect()
}

impl<'a> Model<'a> {
    /// A1: a run with usage, a cost, a call, a gate, or a declared stage.
    fn a1_run(mut self, root: usize) -> Option<Expected> {
        let mut calls = self.settle(root);
        // What is booked together is booked in the order in which it closed.
        calls.sort_by_key(|call| (call.booked, call.at, self.inner_first(call.span)));
        let calls = a8_one_response(calls);
        calls.iter().for_each(|call| self.book(call));
        self.a2_attempts(root);
        self.a12_error_events(root);
        self.a12_gates(root);
        self.a13_executions(root);
        let has_stage = self.history.within(root).any(|span| self.is_declared_stage(span));
        let is_accountable = has_stage || !calls.is_empty() || !self.found.gates.is_empty();
        self.found.tools =
            self.history.within(root).filter(|span| self.is_tool(*span, self.span(*span).closed)).count()
                as u64;
        self.found.is_cut = self.history.is_finished(root);
        self.found.has_failed |= self.a12_failure(root);
        self.found.total();
        is_accountable.then_some(self.found)
    }

    fn span(&self, index: usize) -> &'a Span<'a> {
        self.history.span(index)
    }

    /// The order of spans that close in one step: the last that was opened closes first.
    fn inner_first(&self, index: usize) -> Reverse<usize> {
        Reverse(self.span(index).opened)
    }

    fn ancestors(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.span(index).parent, |index| self.span(*index).parent)
    }

    /// The span itself, then what is around it.
    fn around(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(index).chain(self.ancestors(index))
    }

    // ---- What a span is ----

    fn operation(&self, index: usize, at: usize) -> Option<&'static str> {
        self.span(index).text(&OPERATION, at)
    }

    fn is_tool(&self, index: usize, at: usize) -> bool {
        self.operation(index, at) == Some("execute_tool")
    }

    fn is_gate(&self, index: usize) -> bool {
        self.span(index).has("gate")
    }

    fn is_container(&self, index: usize, at: usize) -> bool {
        self.operation(index, at).is_some_and(|operation| thing(operation).is_none())
    }

    /// A1, A2: by its field, or by the list.
    fn is_declared_stage(&self, index: usize) -> bool {
        let span = self.span(index);
        span.has("stage") || self.is_declared && STAGES.contains(&span.name)
    }

    fn is_direct(&self, index: usize) -> bool {
        self.span(index).parent.is_some_and(|parent| self.span(parent).parent.is_none())
    }

    /// A3.
    fn a3_call(&self, index: usize, at: usize) -> Option<Thing> {
        let span = self.span(index);
        if let Some(operation) = self.operation(index, at) {
            return thing(operation);
        }
        let is_authors = span.parent.is_none() || !self.is_declared && self.is_direct(index);
        let has_own_usage = self.is_declared_stage(index) || is_authors && !span.has_long_names();
        (span.has_tokens() && MODEL.iter().any(|name| span.has(name)) && !has_own_usage)
            .then_some(Thing::Text)
    }

    /// A2: the stage's name, if the span is one.
    fn a2_stage(&self, index: usize, at: usize) -> Option<&'static str> {
        let span = self.span(index);
        let is_agent = self.operation(index, at) == Some("invoke_agent");
        if self.is_declared_stage(index) {
            return Some(span.text(&["stage"], at).unwrap_or(span.name));
        }
        if self.is_declared {
            return None;
        }
        if is_agent {
            return Some(self.a13_agent(index, at).unwrap_or(span.name));
        }
        let is_other = self.a3_call(index, at).is_some() || self.is_gate(index) || self.is_tool(index, at);
        (self.is_direct(index) && !is_other).then_some(span.name)
    }

    /// A13: the agent's name, if the span is an agent's.
    fn a13_agent(&self, index: usize, at: usize) -> Option<&'static str> {
        let span = self.span(index);
        let named = span.text(&AGENT, at);
        if self.operation(index, at) == Some("invoke_agent") {
            return Some(named.unwrap_or(span.name));
        }
        named.filter(|_| self.a3_call(index, at).is_none() && !self.is_tool(index, at))
    }

    /// A13: the agent of what is inside: the span's own, or the one that a call names.
    fn a13_maker(&self, index: usize, at: usize) -> Option<&'static str> {
        let named = || self.span(index).text(&AGENT, at).filter(|_| self.a3_call(index, at).is_some());
        self.a13_agent(index, at).or_else(named)
    }

    /// A2: the names of the stages around, outermost first; empty for `unattributed`. A span that outlives its parent (A9) keeps the
    /// names that the parent had at its close.
    fn path(&self, index: usize, at: usize) -> Path {
        let parent = self.span(index).parent;
        let mut path =
            parent.map_or_else(Path::new, |parent| self.path(parent, at.min(self.span(parent).closed)));
        path.extend(self.a2_stage(index, at).map(str::to_owned));
        path
    }

    /// A3: the model of the nearest stage or agent around that has recorded one by then.
    fn a3_inherited(&self, index: usize, at: usize) -> Option<&'static str> {
        let parent = self.span(index).parent?;
        let at = at.min(self.span(parent).closed);
        let is_source = self.a2_stage(parent, at).is_some() || self.a13_agent(parent, at).is_some();
        let own = self.span(parent).text(&MODEL, at).filter(|_| is_source);
        own.or_else(|| self.a3_inherited(parent, at))
    }

    /// A9: when everything inside has closed, also what only the layer knows to be inside.
    fn a9_closed(&self, index: usize) -> usize {
        self.history.within(index).map(|span| self.span(span).closed).max().unwrap_or(0)
    }

    // ---- What is booked ----

    /// The amounts of a span and of everything inside it, in the order in which they closed.
    fn settle(&self, index: usize) -> Vec<Call> {
        let children: Vec<usize> = self.history.children(index).collect();
        let mut inside: Vec<Call> = children.into_iter().flat_map(|child| self.settle(child)).collect();
        inside.extend(self.a7_usage_events(index));
        inside.sort_by_key(|call| (call.at, self.inner_first(call.span)));
        match self.a3_call(index, self.span(index).closed) {
            Some(thing) => self.a5_call_in_call(index, thing, &mut inside),
            None => self.a6_inclusive(index, &mut inside),
        }
        inside
    }

    /// A call of this span, with nothing known about it yet.
    fn call(&self, index: usize, at: usize, thing: Thing) -> Call {
        Call {
            span: index,
            at,
            booked: (at, self.inner_first(index)),
            thing,
            model: None,
            inherited: None,
            agent: None,
            id: None,
            figures: Figures::default(),
            is_call: true,
            has_failed: false,
            errors: 0,
            outer: self.span(index).parent.filter(|_| !self.is_between(index, at)),
            outer_id: None,
        }
    }

    /// A7: events that are usage are calls of the span that they happen in.
    fn a7_usage_events(&self, index: usize) -> Vec<Call> {
        let mut calls = Vec::new();
        for (at, event) in &self.span(index).events {
            let Event::Usage { fields, .. } = event else { continue };
            let text = |names: &[&str]| {
                fields.iter().find(|(name, _)| names.contains(name)).and_then(|(_, value)| value.text())
            };
            let records = fields.iter().map(|(name, value)| (*name, value));
            let own = self.span(index).text(&MODEL, *at);
            let figures = Figures::a4_newest(records).a10_parts();
            // A cost with an operation of the program's own is a cost alone.
            let is_other = text(&OPERATION).is_some_and(|operation| thing(operation).is_none());
            let is_call =
                !is_other || text(&MODEL).is_some() || figures.0.keys().any(|unit| *unit != Unit::Cost);
            calls.push(Call {
                is_call,
                model: text(&MODEL).or(own),
                inherited: self.a3_inherited(index, *at),
                id: text(&ID).filter(|_| is_call),
                outer_id: text(&ID),
                figures,
                outer: Some(index),
                ..self.call(index, *at, text(&OPERATION).and_then(thing).unwrap_or(Thing::Text))
            });
        }
        calls
    }

    /// A7: the details of the nearest call around complete it.
    fn a7_details(&self, index: usize, figures: &mut Figures) {
        let is_call = |span: &usize| self.a3_call(*span, self.span(*span).closed).is_some();
        let nearest =
            self.history.within(index).filter(|span| self.around(*span).find(is_call) == Some(index));
        let events = nearest.flat_map(|span| &self.span(span).events);
        let details = events.filter_map(|(at, event)| match event {
            Event::Details { fields, .. } => Some((*at, fields.as_slice())),
            _ => None,
        });
        let mut largest = Figures::default();
        for (_, fields) in details {
            largest.larger(&Figures::a4_newest(fields.iter().map(|(name, value)| (*name, value))));
        }
        figures.supply(&largest);
    }

    /// A5: an ordinary call, or what a wrapper has beyond its requests.
    fn a5_call_in_call(&self, index: usize, thing: Thing, inside: &mut Vec<Call>) {
        let span = self.span(index);
        let mut own = Figures::a4_newest(span.records());
        self.a7_details(index, &mut own);
        let own = own.a10_parts();
        let (model, id) = (span.text(&MODEL, span.closed), span.text(&ID, span.closed));
        // A stage's failure is that of its attempt (A12).
        let has_failed = self.a12_failure(index) && self.a2_stage(index, span.closed).is_none();
        let ordinary = Call {
            model,
            inherited: self.a3_inherited(index, span.closed),
            booked: (self.a9_closed(index), self.inner_first(index)),
            agent: span.text(&AGENT, span.closed),
            id,
            outer_id: id,
            figures: own.clone(),
            has_failed,
            errors: has_failed.into(),
            ..self.call(index, span.closed, thing)
        };
        // Until this call closes it is open whether they are its requests: their response ids may come late.
        for call in inside.iter_mut().filter(|call| self.a5_nearest(call) == Some(index)) {
            call.booked = call.booked.max(ordinary.booked);
        }
        let (amounts, requests): (Vec<usize>, Vec<usize>) = (0..inside.len())
            .filter(|call| self.a5_outer(&inside[*call]) == Some(index))
            .partition(|call| !inside[*call].is_call);
        let succeeded = requests.iter().rfind(|call| !inside[**call].has_failed);
        let Some(last) = succeeded.or(requests.last()).copied() else {
            // A cost or parts alone are no requests, and count once all the same.
            let sum = Figures::sum(amounts.iter().map(|call| &inside[*call].figures));
            amounts.iter().for_each(|call| inside[*call].outer = ordinary.outer);
            let figures = if amounts.is_empty() { own } else { own.beyond(&sum).a5_zero_total() };
            return inside.push(Call { figures, ..ordinary });
        };
        let has_error = requests.iter().any(|call| inside[*call].errors > 0);
        inside[last].errors += u64::from(has_failed && !has_error);
        for request in &requests {
            let call = &mut inside[*request];
            call.model = call.model.or(model);
            (call.outer, call.outer_id) = (ordinary.outer, id);
            if own.get(Unit::Cost).is_some() && call.figures.has_tokens() {
                call.figures.0.entry(Unit::Cost).or_insert(0);
            }
        }
        for call in &amounts {
            (inside[*call].outer, inside[*call].outer_id) = (ordinary.outer, id);
        }
        let sum = Figures::sum(requests.iter().chain(&amounts).map(|call| &inside[*call].figures));
        for (unit, excess) in own.beyond(&sum).0 {
            if excess > 0 || !sum.0.contains_key(&unit) {
                *inside[last].figures.0.entry(unit).or_insert(0) += excess;
            }
        }
        inside[last].figures = std::mem::take(&mut inside[last].figures).a5_zero_total();
        inside[last].id = inside[last].id.or(id);
    }

    /// A5: the outer call, if the response ids do not differ.
    fn a5_outer(&self, call: &Call) -> Option<usize> {
        let outer = self.a5_nearest(call)?;
        let id = self.span(outer).text(&ID, self.span(outer).closed);
        Some(outer).filter(|_| call.outer_id.is_none() || id.is_none() || id == call.outer_id)
    }

    /// A5: the nearest enclosing call of the same thing, if nothing lies between.
    fn a5_nearest(&self, call: &Call) -> Option<usize> {
        for span in self.around(call.outer?) {
            let closed = self.span(span).closed;
            if self.a3_call(span, closed) == Some(call.thing) {
                return Some(span);
            }
            if self.is_between(span, closed) {
                return None;
            }
        }
        None
    }

    /// A5: what separates a call from the calls around it.
    fn is_between(&self, index: usize, at: usize) -> bool {
        let is_agent = self.a13_agent(index, at).is_some();
        self.a2_stage(index, at).is_some() || is_agent || self.is_tool(index, at) || self.is_gate(index)
    }

    /// A3, A6: a span's own usage, and what its inclusive figures have beyond everything inside.
    fn a6_inclusive(&self, index: usize, inside: &mut Vec<Call>) {
        let span = self.span(index);
        let is_container = self.is_container(index, span.closed);
        let (own, inclusive) = Figures::a4_sums(span.records(), is_container);
        let is_repeating = span.parent.is_none() && self.history.children(index).next().is_none();
        if is_container && is_repeating {
            return;
        }
        let all = self.figures_inside(inside);
        let mut excess = inclusive.beyond(&all);
        // A half that is known inside is known here.
        for unit in [Unit::Input, Unit::Output] {
            if all.get(unit).is_some() && excess.has_tokens() {
                excess.0.entry(unit).or_insert(0);
            }
        }
        let has_tokens = [Unit::Input, Unit::Output, Unit::Total].iter().any(|unit| excess.known(*unit) > 0);
        let mut figures = Figures::sum([&own, &excess].into_iter());
        let is_call = own.has_tokens() || has_tokens;
        if !is_call {
            // By parts alone no token is known.
            figures.0.retain(|unit, figure| *unit == Unit::Cost || *figure > 0);
        }
        if is_call || !own.0.is_empty() || figures.0.values().any(|figure| *figure > 0) {
            let booked = if inclusive.0.is_empty() { span.closed } else { self.a9_closed(index) };
            let call = Call {
                booked: (booked, self.inner_first(index)),
                ..self.call(index, span.closed, Thing::Text)
            };
            inside.push(Call { model: span.text(&MODEL, span.closed), figures, is_call, ..call });
        }
    }

    /// A6: everything inside, a response id once.
    fn figures_inside(&self, inside: &[Call]) -> Figures {
        let once = a8_one_response(inside.to_vec());
        let figures = once.into_iter().map(|call| {
            let mut figures = call.figures.clone();
            if let Some(cost) = self.cost(&call) {
                figures.0.insert(Unit::Cost, cost);
            }
            figures
        });
        Figures::sum(figures.collect::<Vec<_>>().iter())
    }

    /// A reported cost, else the price at the model of the call, or the inherited one.
    fn cost(&self, call: &Call) -> Option<i128> {
        let is_priced = call.is_call && call.figures.has_tokens();
        let price = || call.figures.price(call.model.or(call.inherited)).filter(|_| is_priced);
        call.figures.get(Unit::Cost).or_else(price)
    }

    // ---- Rows ----

    fn book(&mut self, call: &Call) {
        let row = self.row(call);
        let path = self.path(call.span, call.at);
        let around = self.around(call.span).find_map(|span| self.a13_maker(span, call.at));
        let stage = self.found.stages.entry(path).or_default();
        stage.add(&row);
        stage.errors += call.errors;
        let agent = call.agent.or(around).unwrap_or("unattributed");
        let agent = self.found.agents.entry(agent.to_owned()).or_default();
        agent.row.add(&row);
        agent.row.errors += call.errors;
    }

    /// A11: which half of a call is known.
    fn row(&self, call: &Call) -> Row {
        let known = |unit| call.figures.known(unit);
        let is_known = |unit| call.figures.get(unit).is_some();
        let cost = self.cost(call);
        let (has_tokens, is_call) = (call.figures.has_tokens(), u64::from(call.is_call));
        let has_half = is_known(Unit::Input) != is_known(Unit::Output) && !is_known(Unit::Total);
        let is_partial = call.thing == Thing::Text && has_half || cost.is_some() && !has_tokens;
        Row {
            input: known(Unit::Input),
            output: known(Unit::Output),
            unsplit: known(Unit::Total),
            cached: known(Unit::Cached),
            reasoning: known(Unit::Reasoning),
            cost: cost.unwrap_or(0),
            llm_calls: is_call,
            unpriced: is_call * u64::from(has_tokens && cost.is_none()),
            without_usage: is_call * u64::from(!has_tokens && cost.is_none()),
            partial: is_call * u64::from(is_partial),
            with_tokens: is_call * u64::from(has_tokens),
            with_cost: u64::from(cost.is_some()),
            ..Row::default()
        }
    }

    /// A2, A12: attempts and their errors. The last attempt of each row decides.
    fn a2_attempts(&mut self, root: usize) {
        let mut spans: Vec<usize> = self.history.within(root).collect();
        spans.sort_by_key(|span| (self.span(*span).closed, self.inner_first(*span)));
        let mut last = BTreeMap::new();
        for index in spans {
            let span = self.span(index);
            if self.a2_stage(index, span.closed).is_none() {
                continue;
            }
            let has_failed = self.a12_failure(index);
            let path = self.path(index, span.closed);
            let row = self.found.stages.entry(path.clone()).or_default();
            row.executions += 1;
            row.errors += u64::from(has_failed);
            last.insert(path, has_failed);
        }
        self.found.has_failed |= last.into_values().any(|has_failed| has_failed);
    }

    /// A12: whether a span recorded an error, or an event in it is one.
    fn a12_failure(&self, index: usize) -> bool {
        let span = self.span(index);
        let recorded = span.records().any(|(name, value)| match name {
            "error" | "error.type" => value.is_error(),
            "otel.status_code" => value.text() == Some("ERROR"),
            _ => false,
        });
        recorded || span.events.iter().any(|(_, event)| fails(event))
    }

    /// A12: ERROR events that fail nothing.
    fn a12_error_events(&mut self, root: usize) {
        for index in self.history.within(root).collect::<Vec<_>>() {
            for (at, event) in &self.span(index).events {
                if matches!(event, Event::Error { is_error_level: true, .. }) && !fails(event) {
                    self.found.stages.entry(self.path(index, *at)).or_default().error_events += 1;
                }
            }
        }
    }

    /// A12: the verdicts of spans and events, in their order. The last verdict of each gate decides.
    fn a12_gates(&mut self, root: usize) {
        let mut gates = Vec::new();
        // Of spans that close in one step, the innermost closes first.
        let mut spans: Vec<usize> = self.history.within(root).collect();
        spans.sort_by_key(|span| self.inner_first(*span));
        for index in spans {
            let span = self.span(index);
            if let Some(name) = span.text(&["gate"], span.closed) {
                let verdict = span.text(&["verdict"], span.closed).unwrap_or("error");
                gates.push((self.a9_closed(index), name, verdict));
            }
            gates.extend(span.events.iter().filter_map(|(at, event)| match event {
                Event::Gate(name, verdict) => Some((*at, *name, *verdict)),
                _ => None,
            }));
        }
        gates.sort_by_key(|(at, ..)| *at);
        let last: BTreeMap<_, _> = gates.iter().map(|(_, name, verdict)| (*name, *verdict)).collect();
        self.found.has_failed |= last.values().any(|verdict| *verdict == "fail");
        self.found.gates =
            gates.into_iter().map(|(_, name, verdict)| (name.to_owned(), verdict.to_owned())).collect();
    }

    /// A13: executions of agents, their errors and their callers. A call that names an agent is no execution, but has a caller.
    fn a13_executions(&mut self, root: usize) {
        for index in self.history.within(root).collect::<Vec<_>>() {
            let closed = self.span(index).closed;
            let Some(name) = self.a13_maker(index, closed) else { continue };
            let caller = self
                .ancestors(index)
                .find_map(|span| self.a13_maker(span, closed))
                .filter(|caller| *caller != name);
            let is_execution = self.a13_agent(index, closed).is_some();
            let has_failed = is_execution && self.a12_failure(index);
            let agent = self.found.agents.entry(name.to_owned()).or_default();
            agent.row.executions += u64::from(is_execution);
            agent.row.errors += u64::from(has_failed);
            agent.called_by.extend(caller.map(str::to_owned));
        }
        // Rows by agent exist only in a run with an agent.
        if self.found.agents.keys().all(|name| name == "unattributed") {
            self.found.agents.clear();
        }
    }
}

/// A8: records with one response id are one call, in the row that was booked first.
fn a8_one_response(calls: Vec<Call>) -> Vec<Call> {
    let mut once: Vec<Call> = Vec::new();
    for call in calls {
        match once.iter_mut().find(|first| call.id.is_some() && first.id == call.id) {
            Some(first) => {
                first.figures.a8_join(&call.figures);
                first.model = first.model.or(first.inherited).or(call.model).or(call.inherited);
                first.errors = first.errors.max(call.errors);
            }
            None => once.push(call),
        }
    }
    once
}

/// A12: an event of the span's own target with an error fails the span at the level ERROR, or if it has nothing else.
fn fails(event: &Event) -> bool {
    match event {
        Event::Error { is_error_level, is_own_target, error, has_message } => {
            *is_own_target && error.as_ref().is_some_and(Value::is_error) && (*is_error_level || !has_message)
        }
        _ => false,
    }
}
