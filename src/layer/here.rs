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
    layer: Cell<u32>,
    span: Cell<u64>,
    /// The epoch in which was found what is around it; 0 where that was not asked for.
    epoch: Cell<u64>,
    around: Cell<Around>,
}

/// The spans entered on a thread, innermost last. Cells alone, which need neither a flag for who borrows them nor one for
/// whether the thread has dropped them already.
struct Stack {
    len: Cell<usize>,
    /// How many were entered when there was no room left.
    beyond: Cell<usize>,
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
        Self { layer: Cell::new(0), span: Cell::new(0), epoch: Cell::new(0), around }
    }
}

impl Stack {
    const fn new() -> Self {
        Self { len: Cell::new(0), beyond: Cell::new(0), spans: [const { Entered::nobody() }; DEPTH] }
    }

    /// The innermost span of a layer. Nearly always the last: a program has one budget layer.
    #[inline]
    fn innermost(&self, layer: u32) -> Option<&Entered> {
        match self.spans.get(self.len.get().wrapping_sub(1)) {
            Some(last) if last.layer.get() == layer && self.beyond.get() == 0 => Some(last),
            _ => self.innermost_below(layer),
        }
    }

    #[cold]
    fn innermost_below(&self, layer: u32) -> Option<&Entered> {
        let known = self.spans[..self.len.get()].iter();
        known.rev().find(|entered| entered.layer.get() == layer).filter(|_| self.beyond.get() == 0)
    }

    /// Guards may be dropped out of order.
    #[cold]
    fn exit_out_of_order(&self, layer: u32, span: u64) {
        let spans = &self.spans[..self.len.get()];
        let is_it = |entered: &Entered| (entered.layer.get(), entered.span.get()) == (layer, span);
        match spans.iter().rposition(is_it) {
            Some(at) => {
                for (to, from) in spans[at..].iter().zip(&spans[at + 1..]) {
                    to.layer.set(from.layer.get());
                    to.span.set(from.span.get());
                    to.epoch.set(from.epoch.get());
                    to.around.set(from.around.get());
                }
                self.len.set(spans.len() - 1);
            }
            None => self.beyond.set(self.beyond.get().saturating_sub(1)),
        }
    }
}

#[inline]
pub(crate) fn enter(layer: u32, span: u64) {
    ENTERED.with(|entered| match entered.spans.get(entered.len.get()) {
        Some(next) => {
            next.layer.set(layer);
            next.span.set(span);
            next.epoch.set(0);
            entered.len.set(entered.len.get() + 1);
        }
        None => entered.beyond.set(entered.beyond.get() + 1),
    });
}

#[inline]
pub(crate) fn exit(layer: u32, span: u64) {
    ENTERED.with(|entered| {
        let at = entered.len.get().wrapping_sub(1);
        match entered.spans.get(at) {
            Some(last)
                if last.span.get() == span && last.layer.get() == layer && entered.beyond.get() == 0 =>
            {
                entered.len.set(at);
            }
            _ => entered.exit_out_of_order(layer, span),
        }
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

/// The class of a callsite for a layer, worked out by `work_out` if this thread has not met it lately.
#[inline]
pub(crate) fn class(
    layer: u32,
    metadata: &'static Metadata<'static>,
    work_out: impl Fn(&'static Metadata<'static>) -> Class,
) -> Class {
    let address = std::ptr::from_ref(metadata) as usize;
    // Metadata are over a hundred bytes, so the low bits say little.
    let slot = (address >> 4 ^ address >> 10) % NEAR_CLASSES;
    match CLASSES.try_with(|classes| classes[slot].get()) {
        Ok(NearClass { address: at, layer: of, class: Some(class) }) if (at, of) == (address, layer) => class,
        _ => {
            let class = work_out(metadata);
            let _ = CLASSES
                .try_with(|classes| classes[slot].set(NearClass { address, layer, class: Some(class) }));
            class
        }
    }
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
        None => Box::new(Open::blank(meaning)),
    }
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
