//! What a thread remembers, so that it need not ask what all threads share: the spans it has entered, and what it looked
//! up last.
//!
//! None of the user's code runs inside of these functions.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use tracing_core::Metadata;

use super::callsite::Meaning;
use super::class::Class;
use super::models::Model;
use super::parent::Around;
use super::run::Run;
use super::table::Open;
use crate::ledger::Name;

/// Callsites whose class a thread finds again, by their address. A busy program has a few dozen on its hot path.
const NEAR_CLASSES: usize = 64;

/// Models that a thread finds again. A pipeline calls two or three.
const NEAR_MODELS: usize = 8;

/// Boxes of closed spans kept for the next ones, a stack's depth or so.
const SPARE: usize = 64;

/// A callsite's class for one layer, laid flat.
#[derive(Clone, Copy)]
struct NearClass {
    address: usize,
    layer: u32,
    is_declared_stage: bool,
    may_be_root: bool,
    meaning: Option<&'static Meaning>,
}

impl NearClass {
    const NONE: Self =
        Self { address: 0, layer: 0, is_declared_stage: false, may_be_root: false, meaning: None };
}

/// The box of a span that has closed: it is the boxes that are used again.
type SpareBox = Box<Open>;

/// A span that is entered.
struct Entered {
    layer: u32,
    span: u64,
    /// What was found around it, and in which epoch.
    around: Option<(u64, Around)>,
}

/// A model as an emitter names it, for one layer.
struct NearModel {
    layer: u32,
    provider: Option<Name>,
    name: Option<Name>,
    model: Arc<Model>,
}

thread_local! {
    /// The spans entered on this thread, innermost last. The registry's own stack would tell the
    /// same for several times the price, see `parent`.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    static CLASSES: [Cell<NearClass>; NEAR_CLASSES] = const { [const { Cell::new(NearClass::NONE) }; NEAR_CLASSES] };
    static MODELS: RefCell<[Option<NearModel>; NEAR_MODELS]> = const { RefCell::new([const { None }; NEAR_MODELS]) };
    static RUN: RefCell<Option<Arc<Run>>> = const { RefCell::new(None) };
    static BOXES: RefCell<Vec<SpareBox>> = const { RefCell::new(Vec::new()) };
}

#[inline]
pub(crate) fn enter(layer: u32, span: u64) {
    let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(Entered { layer, span, around: None }));
}

#[inline]
pub(crate) fn exit(layer: u32, span: u64) {
    let _ = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let is_it = |entered: &Entered| (entered.layer, entered.span) == (layer, span);
        if entered.last().is_some_and(is_it) {
            entered.pop();
        } else if let Some(at) = entered.iter().rposition(is_it) {
            // Guards may be dropped out of order.
            entered.remove(at);
        }
    });
}

/// The innermost span of a layer that is entered on this thread.
#[inline]
pub(crate) fn current(layer: u32) -> Option<u64> {
    let current = ENTERED.try_with(|entered| {
        let entered = entered.borrow();
        entered.iter().rev().find(|entered| entered.layer == layer).map(|entered| entered.span)
    });
    current.ok().flatten()
}

/// The innermost span of a layer that is entered on this thread, and what `look` makes of what was found around it, if
/// nothing has changed its place since.
#[inline]
pub(crate) fn current_with<T>(
    layer: u32,
    epoch: u64,
    look: impl FnOnce(&Around) -> T,
) -> Option<(u64, Option<T>)> {
    let current = ENTERED.try_with(|entered| {
        let entered = entered.borrow();
        let current = match entered.last() {
            // Nearly always: a program has one budget layer.
            Some(last) if last.layer == layer => last,
            _ => entered.iter().rev().find(|entered| entered.layer == layer)?,
        };
        let around = current.around.as_ref().filter(|(at, _)| *at == epoch);
        Some((current.span, around.map(|(_, around)| look(around))))
    });
    current.ok().flatten()
}

/// What was found around a span that is the innermost on this thread, if nothing has changed its place since.
#[inline]
pub(crate) fn around(layer: u32, span: u64, epoch: u64) -> Option<Around> {
    current_with(layer, epoch, |around| *around).filter(|(current, _)| *current == span)?.1
}

/// Keeps what was found around a span if it is the innermost on this thread.
pub(crate) fn keep_around(layer: u32, span: u64, epoch: u64, around: Around) {
    let _ = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        if let Some(current) = entered.iter_mut().rev().find(|entered| entered.layer == layer)
            && current.span == span
        {
            current.around = Some((epoch, around));
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
    let near = CLASSES.try_with(|classes| classes[slot].get());
    if let Ok(NearClass { address: at, layer: of, is_declared_stage, may_be_root, meaning: Some(meaning) }) =
        near
        && (at, of) == (address, layer)
    {
        return Class { meaning, is_declared_stage, may_be_root };
    }
    let class @ Class { meaning, is_declared_stage, may_be_root } = work_out(metadata);
    let near = NearClass { address, layer, is_declared_stage, may_be_root, meaning: Some(meaning) };
    let _ = CLASSES.try_with(|classes| classes[slot].set(near));
    class
}

/// Runs `act` on the model that an emitter names so, looked up by `look_up` if this thread has not met it lately.
pub(crate) fn with_model<T>(
    layer: u32,
    (provider, name): (Option<Name>, Option<Name>),
    look_up: impl Fn() -> Arc<Model>,
    act: impl FnOnce(&Model) -> T,
) -> T {
    let slot = name.or(provider).map_or(0, Name::address) / 16 % NEAR_MODELS;
    let mut act = Some(act);
    let done = MODELS.try_with(|models| {
        let mut models = models.try_borrow_mut().ok()?;
        let near = &mut models[slot];
        let is_it = near
            .as_ref()
            .is_some_and(|near| (near.layer, near.provider, near.name) == (layer, provider, name));
        if !is_it {
            *near = Some(NearModel { layer, provider, name, model: look_up() });
        }
        let near = near.as_ref()?;
        act.take().map(|act| act(&near.model))
    });
    match (done, act) {
        (Ok(Some(done)), _) => done,
        (_, Some(act)) => act(&look_up()),
        (_, None) => unreachable!("what was done was returned"),
    }
}

/// Runs `act` on the run with this number if this thread was at work on it last.
#[inline]
pub(crate) fn with_run<T>(serial: u64, act: impl FnOnce(&Run) -> T) -> Option<T> {
    let done = RUN.try_with(|run| match run.try_borrow().ok()?.as_deref() {
        Some(run) if run.serial == serial => Some(act(run)),
        _ => None,
    });
    done.ok().flatten()
}

/// Remembers the run that this thread is at work on.
pub(crate) fn remember_run(run: &Arc<Run>) {
    let run = Some(Arc::clone(run));
    let _ = RUN.try_with(|near| near.replace(run));
}

/// Forgets the run if it is the one that this thread remembers.
pub(crate) fn forget_run(serial: u64) {
    let _ = RUN.try_with(|near| near.borrow_mut().take_if(|run| run.serial == serial));
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
