//! Callsites that show what a subscriber lets through: to the layer in it, where no downcast leads as `reload` hides what it wraps,
//! and at all.
//!
//! A registration has no effect beyond the filters' interest, which the registry clears after each.

use std::cell::Cell;
use std::ptr;

use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::field::FieldSet;
use tracing_core::{Dispatch, Interest, Kind, Level, Metadata};

/// A callsite that is never used. Not empty, as two callsites differ by their addresses.
struct Probe(&'static Metadata<'static>);

impl Callsite for Probe {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

const fn metadata(level: Level, probe: &'static Probe) -> Metadata<'static> {
    let fields = FieldSet::new(&[], Identifier(probe));
    Metadata::new("probe", "probe", level, None, None, None, fields, Kind::SPAN)
}

/// The fewest filters stop an error on its way to the layer.
static ERROR: Probe = Probe(&ERROR_METADATA);
static ERROR_METADATA: Metadata<'static> = metadata(Level::ERROR, &ERROR);

/// A span as a root is one.
static INFO: Probe = Probe(&INFO_METADATA);
static INFO_METADATA: Metadata<'static> = metadata(Level::INFO, &INFO);

thread_local! {
    /// The number of the layer that met the probe; 0 for none.
    static FOUND: Cell<u32> = const { Cell::new(0) };
}

/// The number of the first layer in a subscriber that a probe reaches.
pub(crate) fn layer_in(dispatch: &Dispatch) -> Option<u32> {
    FOUND.set(0);
    dispatch.register_callsite(&ERROR_METADATA);
    Some(FOUND.take()).filter(|layer| *layer != 0)
}

/// Whether a subscriber lets nothing through, not even errors, but for targets that its filters name.
pub(crate) fn hides_errors(dispatch: &Dispatch) -> bool {
    dispatch.register_callsite(&ERROR_METADATA).is_never()
}

/// Whether a subscriber lets no span of level INFO through, but for targets that its filters name.
pub(crate) fn hides_info(dispatch: &Dispatch) -> bool {
    dispatch.register_callsite(&INFO_METADATA).is_never()
}

/// Leaves a layer's number if a callsite is a probe.
pub(crate) fn meet(metadata: &'static Metadata<'static>, layer: u32) -> bool {
    let is_probe =
        ptr::eq(metadata, &raw const ERROR_METADATA) || ptr::eq(metadata, &raw const INFO_METADATA);
    if is_probe && FOUND.get() == 0 {
        FOUND.set(layer);
    }
    is_probe
}
