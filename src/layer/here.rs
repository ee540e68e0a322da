//! What a thread remembers, so that it need not ask what all threads share: the spans it has entered, and what it looked
//! up last.
//!
//! None of the user's code runs inside of these functions.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use tracing_core::Metadata;

use super::callsite::Meaning;
use super::class::Class;
use super::models::{Model, ModelName, Recent};
use super::parent::Around;
use super::run::Run;
use super::table::Open;
use crate::ledger::Name;

/// Spans entered at once that a thread remembers. Whoever stands deeper has to ask the registry.
const DEPTH: usize = 128;

/// Callsites whose class a thread finds again, by their address. A busy program has a few dozen on its hot path.
const NEAR_CLASSES: usize = 64;

/// Models that a thread finds again. A pipeline calls two or three.
const NEAR_MODELS: usize = 8;

/// Boxes of closed spans kept for the next ones, a stack's depth or so.
const SPARE: usize = 64;

/// A callsite's class for one layer.
#[derive(Clone, Copy)]
struct NearClass {
    address: usize,
    layer: u32,
    class: Option<Class>,
}

impl NearClass {
    const NONE: Self = Self { address: 0, layer: 0, class: None };
}

/// The box of a span that has closed: it is the boxes that are used again.
type SpareBox = Box<Open>;

/// A span that is entered.
struct Entered {
    /// The number of its layer; 0 once it was left while others inside of it were not.
    layer: Cell<u32>,
    span: Cell<u64>,
    /// The epoch in which was found what is around it; 0 where that was not asked for.
    epoch: Cell<u64>,
    around: Cell<Around>,
    /// It does not matter by itself, so that it is no root.
    is_plain: Cell<bool>,
}

/// The spans entered on a thread, innermost last. Cells alone, which need neither a flag for who borrows them nor one for
/// whether the thread has dropped them already.
struct Stack {
    /// How many are entered; those beyond [`DEPTH`] are only counted.
    depth: Cell<usize>,
    spans: [Entered; DEPTH],
}

/// A model as an emitter names it, for one layer.
pub(crate) struct NearModel {
    pub(crate) layer: u32,
    pub(crate) name: ModelName,
    pub(crate) model: Arc<Model>,
    pub(crate) recent: Recent,
}

thread_local! {
    /// The spans entered on this thread, innermost last. The registry's own stack would tell the
    /// same for several times the price, see `parent`.
    static ENTERED: Stack = const { Stack::new() };
    static CLASSES: [Cell<NearClass>; NEAR_CLASSES] = const { [const { Cell::new(NearClass::NONE) }; NEAR_CLASSES] };
    static MODELS: [Cell<Option<Box<NearModel>>>; NEAR_MODELS] = const { [const { Cell::new(None) }; NEAR_MODELS] };
    static RUN: Cell<Option<Arc<Run>>> = const { Cell::new(None) };
    /// The number of that run, to be asked without taking it.
    static SERIAL: Cell<u64> = const { Cell::new(0) };
    static BOXES: RefCell<Vec<SpareBox>> = const { RefCell::new(Vec::new()) };
}

impl Entered {
    const fn nobody() -> Self {
        let around = Cell::new(Around::NOTHING);
        let is_plain = Cell::new(false);
        Self { layer: Cell::new(0), span: Cell::new(0), epoch: Cell::new(0), around, is_plain }
    }
}

impl Stack {
    const fn new() -> Self {
        Self { depth: Cell::new(0), spans: [const { Entered::nobody() }; DEPTH] }
    }

    /// The last that was entered; none where that is too deep to be remembered.
    #[inline]
    fn last(&self) -> Option<&Entered> {
        self.spans.get(self.depth.get().wrapping_sub(1))
    }

    /// The innermost span of a layer. Nearly always the last: a program has one budget layer.
    #[inline]
    fn innermost(&self, layer: u32) -> Option<&Entered> {
        match self.last() {
            Some(last) if last.layer.get() == layer => Some(last),
            _ => self.innermost_below(layer),
        }
    }

    #[cold]
    fn innermost_below(&self, layer: u32) -> Option<&Entered> {
        self.spans.get(..self.depth.get())?.iter().rev().find(|entered| entered.layer.get() == layer)
    }

    /// Guards may be dropped out of order.
    #[cold]
    fn exit_out_of_order(&self, layer: u32, span: u64) {
        let known = &self.spans[..self.depth.get().min(DEPTH)];
        match known.iter().rfind(|entered| (entered.layer.get(), entered.span.get()) == (layer, span)) {
            Some(left) => left.layer.set(0),
            None if self.depth.get() > DEPTH => self.depth.set(self.depth.get() - 1),
            // It was never entered here.
            None => {}
        }
        while self.last().is_some_and(|last| last.layer.get() == 0) {
            self.depth.set(self.depth.get() - 1);
        }
    }
}

#[inline]
pub(crate) fn enter(layer: u32, span: u64) {
    ENTERED.with(|entered| {
        let depth = entered.depth.get();
        if let Some(next) = entered.spans.get(depth) {
            next.layer.set(layer);
            next.span.set(span);
            next.epoch.set(0);
            next.is_plain.set(false);
        }
        entered.depth.set(depth + 1);
    });
}

#[inline]
pub(crate) fn exit(layer: u32, span: u64) {
    ENTERED.with(|entered| match entered.last() {
        Some(last) if last.span.get() == span && last.layer.get() == layer => {
            entered.depth.set(entered.depth.get() - 1);
        }
        _ => entered.exit_out_of_order(layer, span),
    });
}

/// The innermost span of a layer that is entered on this thread; `None` also where that is too deep to be remembered.
#[inline]
pub(crate) fn current(layer: u32) -> Option<u64> {
    ENTERED.with(|entered| entered.innermost(layer).map(|entered| entered.span.get()))
}

/// What `look` makes of what was found around the innermost span of a layer that is entered on this thread, if nothing has
/// changed its place since.
#[inline]
pub(crate) fn current_around<T>(layer: u32, epoch: u64, look: impl FnOnce(&Cell<Around>) -> T) -> Option<T> {
    ENTERED.with(|entered| match entered.innermost(layer) {
        Some(innermost) if innermost.epoch.get() == epoch => Some(look(&innermost.around)),
        _ => None,
    })
}

/// Whether the last span that this thread has entered is one of this layer that stands in a run, as far as is known without
/// a search, and whether it is the root.
#[inline]
pub(crate) fn is_in_root(layer: u32, epoch: u64) -> Option<bool> {
    ENTERED.with(|entered| match entered.last() {
        Some(last) if last.layer.get() != layer => None,
        Some(last) if last.epoch.get() == epoch => Some(last.around.get().is_root),
        Some(last) if last.is_plain.get() => Some(false),
        _ => None,
    })
}

/// Keeps that a span does not matter by itself if it is the innermost on this thread.
pub(crate) fn keep_plain(layer: u32, span: u64) {
    ENTERED.with(|entered| {
        if let Some(current) = entered.innermost(layer).filter(|current| current.span.get() == span) {
            current.is_plain.set(true);
        }
    });
}

/// What was found around a span that is the innermost on this thread, if nothing has changed its place since.
#[inline]
pub(crate) fn around(layer: u32, span: u64, epoch: u64) -> Option<Around> {
    if current(layer) == Some(span) { current_around(layer, epoch, Cell::get) } else { None }
}

/// Keeps what was found around a span if it is the innermost on this thread.
pub(crate) fn keep_around(layer: u32, span: u64, epoch: u64, around: Around) {
    ENTERED.with(|entered| {
        if let Some(current) = entered.innermost(layer).filter(|current| current.span.get() == span) {
            current.epoch.set(epoch);
            current.around.set(around);
        }
    });
}

/// The class of a callsite for a layer, if this thread has met it lately.
#[inline]
pub(crate) fn class(layer: u32, metadata: &'static Metadata<'static>) -> Option<Class> {
    let address = std::ptr::from_ref(metadata) as usize;
    let near = CLASSES.with(|classes| classes[class_slot(address)].get());
    near.class.filter(|_| near.address == address && near.layer == layer)
}

/// Remembers the class of a callsite.
pub(crate) fn keep_class(layer: u32, metadata: &'static Metadata<'static>, class: Class) {
    let address = std::ptr::from_ref(metadata) as usize;
    CLASSES.with(|classes| {
        classes[class_slot(address)].set(NearClass { address, layer, class: Some(class) });
    });
}

/// Metadata are over a hundred bytes, so the low bits say little.
#[inline]
fn class_slot(address: usize) -> usize {
    (address >> 4 ^ address >> 10) % NEAR_CLASSES
}

#[inline]
fn model_slot((provider, model): ModelName) -> usize {
    model.or(provider).map_or(0, Name::address) / 16 % NEAR_MODELS
}

/// Takes what this thread remembers of a model, to be given back with [`keep_model`].
#[inline]
pub(crate) fn take_model(layer: u32, name: ModelName) -> Option<Box<NearModel>> {
    let taken = MODELS.try_with(|models| models[model_slot(name)].take()).ok().flatten();
    taken.filter(|near| near.layer == layer && near.name == name)
}

/// Remembers a model.
#[inline]
pub(crate) fn keep_model(near: Box<NearModel>) {
    let _ = MODELS.try_with(|models| models[model_slot(near.name)].set(Some(near)));
}

/// Whether this thread was at work last on the run with this number.
#[inline]
pub(crate) fn is_at_work_on(serial: u64) -> bool {
    SERIAL.get() == serial
}

/// Takes the run with this number if this thread was at work on it last. Whoever takes it gives it back with [`keep_run`]:
/// to take and give back is to move a pointer, where another reference to the run would be counted on a cache line that
/// all its threads share.
#[inline]
pub(crate) fn take_run(serial: u64) -> Option<Arc<Run>> {
    if is_at_work_on(serial) { RUN.try_with(Cell::take).ok().flatten() } else { None }
}

/// Remembers the run that this thread is at work on.
#[inline]
pub(crate) fn keep_run(run: Arc<Run>) {
    SERIAL.set(run.serial);
    let _ = RUN.try_with(|near| near.set(Some(run)));
}

/// Forgets the run if it is the one that this thread remembers.
pub(crate) fn forget_run(serial: u64) {
    if take_run(serial).is_some() {
        SERIAL.set(0);
    }
}

/// A box for a span that opens: that of one that has closed, if there is any, with its reading blank.
#[inline]
pub(crate) fn spare_box(meaning: &'static Meaning) -> Box<Open> {
    let spare = BOXES.try_with(|boxes| boxes.borrow_mut().pop()).ok().flatten();
    match spare {
        Some(mut spare) => {
            spare.meaning = meaning;
            spare
        }
        None => new_box(meaning),
    }
}

#[cold]
fn new_box(meaning: &'static Meaning) -> Box<Open> {
    Box::new(Open::blank(meaning))
}

/// Takes back the box of a span that has closed.
#[inline]
pub(crate) fn recycle(mut open: Box<Open>) {
    open.reading.wipe();
    let _ = BOXES.try_with(|boxes| {
        let mut boxes = boxes.borrow_mut();
        if boxes.len() < SPARE {
            boxes.push(open);
        }
    });
}
