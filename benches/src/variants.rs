//! Everything that is measured, by name.

use crate::layers::{self, Listener};
use crate::shapes::{self, Tree};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// What a span costs without any accounting.
    Floor,
    /// This crate.
    Ours,
    /// Another crate.
    Peer,
}

/// Makes a subscriber.
pub type MakeListener = fn() -> Listener;

/// One shape of tree under one subscriber.
#[derive(Clone, Copy)]
pub struct Variant {
    /// The subscriber.
    pub who: Who,
    /// Its name.
    pub under: &'static str,
    /// The shape's name.
    pub shape: &'static str,
    /// Makes the subscriber.
    pub listener: MakeListener,
    /// Lives one tree.
    pub tree: Tree,
    /// The subscriber that does nothing with the same spans.
    pub floor: Option<&'static str>,
}

impl Variant {
    /// Only the deep calls of these trees count.
    pub fn is_deep(&self) -> bool {
        self.shape.ends_with("below its stage")
    }

    /// What the tables and the baseline call it.
    pub fn name(&self) -> String {
        name(self.under, self.shape)
    }
}

/// What tables and the baseline call a shape under a subscriber.
pub fn name(under: &str, shape: &str) -> String {
    format!("{under}: {shape}")
}

/// The subscriber that does nothing, behind our filter.
pub const NO_OP_FILTERED: &str = "no-op layer behind INFO";
/// The subscriber that does nothing.
pub const NO_OP: &str = "no-op layer";

/// Ours, switched off, and no other layer.
pub const OFF: &str = "ours, off";
/// Ours, with a limit of the run.
pub const LIMITED: &str = "ours, with a limit";
const OFF_UNFILTERED: &str = "ours, off, unfiltered";
const OFF_BESIDE: &str = "ours, off, beside a no-op layer behind INFO";

const SHAPES: [(&str, Tree); 12] = [
    ("plain span below a stage", shapes::plain_below_stage),
    ("plain span below a root", shapes::plain_below_root),
    ("span with ten unknown fields", shapes::wide_below_stage),
    ("stage with usage, no model", shapes::stages),
    ("call, unpriced", shapes::unpriced_calls),
    (CALL, shapes::calls),
    ("call, the same usage again", shapes::calls_again),
    ("call of an agent that reports their sum", shapes::calls_of_an_agent),
    ("call, two runs in turn", shapes::calls_of_two_runs),
    ("call 2 below its stage", shapes::deep_calls::<2>),
    ("call 16 below its stage", shapes::deep_calls::<16>),
    ("call 64 below its stage", shapes::deep_calls::<64>),
];
/// The ordinary call: of a model with a price, with a usage that no call had before.
pub const CALL: &str = "call";
/// What peers are measured with too.
pub const COMPARED: [&str; 3] = ["plain span below a stage", "stage with usage, no model", CALL];
const BELOW_ROOT: &str = "plain span below a root";
const DISABLED: (&str, Tree) = ("disabled span", shapes::disabled);

/// Everything that is measured, in the order of the tables.
pub fn all() -> Vec<Variant> {
    let mut all = Vec::new();
    let mut add = |who, under, listener, floor, (shape, tree): (&'static str, Tree)| {
        all.push(Variant { who, under, shape, listener, tree, floor });
    };
    add(Who::Floor, NO_OP_FILTERED, layers::no_op_filtered, None, DISABLED);
    add(Who::Ours, "ours", layers::ours, Some(NO_OP_FILTERED), DISABLED);
    // No layer wants these spans; in the last variant another layer does.
    add(Who::Ours, OFF, layers::ours_off, None, SHAPES[0]);
    add(Who::Ours, OFF_UNFILTERED, layers::ours_unfiltered_off, None, SHAPES[0]);
    add(Who::Ours, OFF_BESIDE, layers::ours_off_beside, None, SHAPES[0]);
    for shape in SHAPES {
        add(Who::Floor, "registry", layers::registry_alone, None, shape);
        add(Who::Floor, NO_OP, layers::no_op, None, shape);
        add(Who::Floor, NO_OP_FILTERED, layers::no_op_filtered, None, shape);
        let (ours, unfiltered): (MakeListener, MakeListener) = match shape.0 {
            BELOW_ROOT => (layers::ours_declared, layers::ours_unfiltered_declared),
            _ => (layers::ours, layers::ours_unfiltered),
        };
        add(Who::Ours, "ours", ours, Some(NO_OP_FILTERED), shape);
        add(Who::Ours, "ours, unfiltered", unfiltered, Some(NO_OP), shape);
        if shape.0 == CALL {
            add(Who::Ours, LIMITED, layers::ours_limited, Some(NO_OP_FILTERED), shape);
        }
    }
    #[cfg(feature = "peers")]
    add_peers(&mut add);
    all
}

#[cfg(feature = "peers")]
fn add_peers(
    add: &mut impl FnMut(Who, &'static str, MakeListener, Option<&'static str>, (&'static str, Tree)),
) {
    use budget_peers as peers;
    fn kept((dispatch, keep): peers::Peer) -> Listener {
        Listener { keep, ..Listener::alone(dispatch) }
    }
    let same_spans: [(&str, MakeListener); 4] = [
        ("tracing-opentelemetry, batch", || kept(peers::opentelemetry())),
        ("fmt JSON", || kept(peers::json_log())),
        ("tracing-timing", || kept(peers::timing())),
        ("tracing-chrome", || kept(peers::chrome())),
    ];
    for (under, listener) in same_spans {
        for shape in SHAPES.into_iter().filter(|(shape, _)| COMPARED.contains(shape)) {
            add(Who::Peer, under, listener, Some(NO_OP_FILTERED), shape);
        }
    }
    let spans: Tree = |_| peers::fastrace_spans(shapes::CHILDREN);
    let calls: Tree = |_| peers::metrics_calls(shapes::CHILDREN);
    add(Who::Peer, "fastrace", || kept(peers::fastrace()), None, (CALL, spans));
    add(Who::Peer, "metrics, Prometheus", || kept(peers::metrics()), None, (CALL, calls));
}
