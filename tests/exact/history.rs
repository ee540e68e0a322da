//! What a program did, step by step, as a plain tree: what each span recorded and when, and when it closed.

use crate::program::{Act, Event, Node, Value};
use crate::usage::unit;

/// One step of a program, by the index of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Open(usize),
    /// The act of this index.
    Act(usize, usize),
    /// Drops the program's handle. The span closes when the last span inside has closed.
    Drop(usize),
    /// `handle.finish` for the run of this root.
    Finish(usize),
    /// The guard is dropped, while spans may be open.
    End,
}

/// A span as the rules see it. Times are numbers of steps.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    pub(crate) name: &'static str,
    /// The span that it is in, also if only rule A9 knows.
    pub(crate) parent: Option<usize>,
    pub(crate) opened: usize,
    pub(crate) closed: usize,
    /// Whether it was closed from outside.
    pub(crate) is_cut: bool,
    pub(crate) events: Vec<(usize, &'a Event)>,
    fields: &'a [(&'static str, Option<Value>)],
    records: Vec<(usize, &'static str, &'a Value)>,
}

impl Span<'_> {
    /// Whether the span declares the field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, _)| *name == field)
    }

    pub(crate) fn has_tokens(&self) -> bool {
        self.fields.iter().any(|(name, _)| name.contains("_tokens"))
    }

    /// Whether one of its token, cost and model fields has a long name.
    pub(crate) fn has_long_names(&self) -> bool {
        let is_long =
            |name: &str| unit(name).is_some() && name.contains('.') || name == "gen_ai.request.model";
        self.fields.iter().any(|(name, _)| is_long(name))
    }

    /// The newest text of these fields by then.
    pub(crate) fn text(&self, fields: &[&str], at: usize) -> Option<&'static str> {
        let known = self.records.iter().filter(|(when, name, _)| *when <= at && fields.contains(name));
        known.filter_map(|(_, _, value)| value.text()).next_back()
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.records.iter().map(|(_, name, value)| (*name, *value))
    }
}

#[derive(Debug)]
pub(crate) struct History<'a> {
    /// By the index of the node; none for what came too late.
    spans: Vec<Option<Span<'a>>>,
    /// The roots of runs that were ended from outside.
    finished: Vec<usize>,
}

impl<'a> History<'a> {
    /// Follows the steps by the rules of `tracing`, and by A9 (which span is inside which) and A14 (what comes too late).
    pub(crate) fn new(nodes: &'a [Node], steps: &[Step]) -> Self {
        let mut history = Self { spans: nodes.iter().map(|_| None).collect(), finished: Vec::new() };
        let mut has_handle = vec![true; nodes.len()];
        let mut is_closed = vec![false; nodes.len()];
        let mut is_open = vec![false; nodes.len()];
        for (at, step) in steps.iter().enumerate() {
            match *step {
                Step::Open(index) => {
                    is_open[index] = true;
                    history.open(nodes, index, at);
                }
                Step::Act(index, act) => history.act(index, &nodes[index].acts[act], at),
                Step::Drop(index) => {
                    has_handle[index] = false;
                    let mut next = Some(index);
                    while let Some(index) = next.filter(|index| {
                        let is_held = |child: usize| {
                            nodes[child].tracing_parent() == Some(*index)
                                && is_open[child]
                                && !is_closed[child]
                        };
                        !has_handle[*index] && !(0..nodes.len()).any(is_held)
                    }) {
                        is_closed[index] = true;
                        history.close(index, at, false);
                        next = nodes[index].tracing_parent();
                    }
                }
                Step::Finish(root) => {
                    history.finished.push(root);
                    for index in history.within(root).collect::<Vec<_>>() {
                        history.close(index, at, true);
                    }
                }
                Step::End => {
                    let open: Vec<usize> = history.roots().filter(|root| history.is_open(*root)).collect();
                    history.finished.extend(open);
                    (0..nodes.len()).for_each(|index| history.close(index, at, true));
                }
            }
        }
        history
    }

    fn open(&mut self, nodes: &'a [Node], index: usize, at: usize) {
        let node = &nodes[index];
        let parent = node.a9_parent();
        // A14: what a finished run opens comes too late.
        if parent.is_some_and(|parent| self.root(parent).is_none_or(|root| self.is_finished(root))) {
            return;
        }
        let fields = node.fields.iter();
        let records = fields.filter_map(|(name, value)| Some((at, *name, value.as_ref()?))).collect();
        let (name, fields) = (node.name, node.fields.as_slice());
        let span = Span {
            name,
            parent,
            opened: at,
            closed: usize::MAX,
            is_cut: false,
            events: Vec::new(),
            fields,
            records,
        };
        self.spans[index] = Some(span);
    }

    fn act(&mut self, index: usize, act: &'a Act, at: usize) {
        let Some(span) = self.spans[index].as_mut().filter(|span| !span.is_cut) else { return };
        match act {
            Act::Record(name, value) => span.records.push((at, name, value)),
            Act::Event(event) => span.events.push((at, event)),
        }
    }

    fn close(&mut self, index: usize, at: usize, is_cut: bool) {
        if let Some(span) = self.spans[index].as_mut().filter(|span| span.closed == usize::MAX) {
            (span.closed, span.is_cut) = (at, is_cut);
        }
    }

    fn root(&self, index: usize) -> Option<usize> {
        let span = self.spans[index].as_ref()?;
        span.parent.map_or(Some(index), |parent| self.root(parent))
    }

    fn is_open(&self, root: usize) -> bool {
        self.within(root).any(|index| self.span(index).closed == usize::MAX)
    }

    pub(crate) fn is_finished(&self, root: usize) -> bool {
        self.finished.contains(&root)
    }

    pub(crate) fn roots(&self) -> impl Iterator<Item = usize> {
        (0..self.spans.len())
            .filter(|index| self.spans[*index].as_ref().is_some_and(|span| span.parent.is_none()))
    }

    pub(crate) fn span(&self, index: usize) -> &Span<'a> {
        self.spans[index].as_ref().expect("only spans that were opened in time have indices")
    }

    pub(crate) fn children(&self, index: usize) -> impl Iterator<Item = usize> {
        let is_child =
            move |child: &usize| self.spans[*child].as_ref().is_some_and(|span| span.parent == Some(index));
        (index + 1..self.spans.len()).filter(is_child)
    }

    /// The span and everything inside it.
    pub(crate) fn within(&self, index: usize) -> impl Iterator<Item = usize> {
        let mut spans = vec![index];
        let mut next = 0;
        while next < spans.len() {
            spans.extend(self.children(spans[next]));
            next += 1;
        }
        spans.into_iter()
    }
}

/// The program as it ran, one line a step.
pub(crate) fn listing(nodes: &[Node], steps: &[Step]) -> String {
    let line = |step: &Step| match *step {
        Step::Open(index) => {
            let node = &nodes[index];
            let given: Vec<_> =
                node.fields.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?))).collect();
            let empty: Vec<_> =
                node.fields.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
            let root = if node.is_explicit_root { " parent: None" } else { "" };
            format!("open {index} {:?} in {:?}{root} {given:?} empty {empty:?}", node.name, node.current)
        }
        Step::Act(index, act) => format!("in {index} {:?}", nodes[index].acts[act]),
        Step::Drop(index) => format!("drop {index}"),
        Step::Finish(root) => format!("finish the run of {root}"),
        Step::End => "drop the guard".to_owned(),
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}
