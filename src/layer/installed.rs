//! The layers of this process, for a caller with a subscriber that leads to none: a thread without a subscriber, or a layer
//! in a wrapper that hides it.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::core::Core;

/// Every layer that works, from its build to its drop. A process has one, or a few.
static LAYERS: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// Adds a layer that was built.
pub(crate) fn add(core: &Arc<Core>) {
    LAYERS.lock().push(Arc::downgrade(core));
}

/// Removes a layer that is dropped: with its subscriber, or by a reload.
pub(crate) fn remove(core: &Arc<Core>) {
    LAYERS.lock().retain(|layer| !std::ptr::eq(layer.as_ptr(), Arc::as_ptr(core)));
}

/// The layers that are a part of a subscriber.
pub(crate) fn all() -> Vec<Arc<Core>> {
    // Copied out of the lock: the drop of a last reference ends threads, which must not happen under it.
    let layers: Vec<_> = LAYERS.lock().iter().filter_map(Weak::upgrade).collect();
    layers.into_iter().filter(|core| core.spans.is_installed()).collect()
}
