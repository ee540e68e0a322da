//! What a layer, its guard and its handles share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use dashmap::DashMap;
use tracing_core::dispatcher::WeakDispatch;

use super::audit::CallsAccounted;
use super::builder::ErrorEvents;
use super::callsite_flags::Named;
use super::clock::Clock;
use super::finish::Lingering;
use super::models::Models;
use super::root::Early;
use super::run::Run;
use super::stats::Counters;
use super::table::Table;
use super::warn_once::WarnOnce;
use crate::journal::Journal;
use crate::ledger::{FastHash, Symbol};
use crate::limit::Plan;
use crate::sink::Worker;

/// The state of one layer.
pub(crate) struct Core {
    /// Distinguishes layers in a thread's caches.
    pub(crate) number: u32,
    pub(crate) options: Arc<Options>,
    /// The subscriber that the layer is a part of, to look through spans that a filter hides from the layer.
    pub(crate) dispatch: OnceLock<WeakDispatch>,
    pub(crate) clock: Clock,
    pub(crate) table: Table,
    /// Runs in flight that something accountable has happened in.
    pub(crate) runs: DashMap<u64, Arc<Run>, FastHash>,
    /// Roots that closed while spans were open that they had adopted.
    pub(crate) lingering: Mutex<Vec<Lingering>>,
    pub(crate) models: Models,
    pub(crate) words: Words,
    pub(crate) counters: Counters,
    /// Shared with the summaries that are on their way.
    pub(crate) calls: Arc<CallsAccounted>,
    /// The run that was last warned that usage without a model has no price.
    pub(crate) warned_no_model: WarnOnce,
    pub(crate) worker: Worker,
    /// Where what a run has spent is kept, for the case that the process is killed.
    pub(crate) journal: Option<Arc<Journal>>,
    /// What roots that came to nothing had kept, to be used again: a server's plain requests allocate none.
    #[expect(clippy::vec_box, reason = "it is the boxes that are used again")]
    pub(crate) spare: Mutex<Vec<Box<Early>>>,
    /// Grows whenever the place of a span changes after its creation, which invalidates every thread's cached ancestors. Never 0:
    /// an entry of a thread's cache has epoch 0 until it is filled.
    pub(crate) epoch: AtomicU64,
}

/// The settings of the builder.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) project: Option<String>,
    pub(crate) named: Named,
    /// The declared stages in their order.
    pub(crate) stages: Vec<String>,
    /// The gates that must run, in their order.
    pub(crate) gates: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) limits: Plan,
    /// Emitters that report input without the tokens from the cache.
    pub(crate) exclusive_cache: Vec<Emitter>,
    /// Targets with events that count as calls.
    pub(crate) usage_events: Vec<String>,
    /// What an ERROR event does to its span.
    pub(crate) error_events: ErrorEvents,
    /// What the price book calls itself.
    pub(crate) book: String,
    /// Why there is no layer, only a guard and its handles; none for a layer that works.
    pub(crate) disabled: Option<String>,
    /// How long the guard waits for the sinks.
    pub(crate) close_timeout: Duration,
}

/// An emitter, by where its spans come from and whom it calls.
#[derive(Clone, Debug)]
pub(crate) struct Emitter {
    /// What the target of its spans begins with.
    pub(crate) target: String,
    /// The provider that it calls; none is any.
    pub(crate) provider: Option<String>,
}

impl Emitter {
    /// Whether a span with this target, and a call to this provider, are its.
    pub(crate) fn is(&self, target: &str, provider: Option<Symbol>) -> bool {
        let names_it = |named: &str| provider.is_some_and(|provider| provider.as_str() == named);
        target.starts_with(&self.target) && self.provider.as_deref().is_none_or(names_it)
    }
}

/// Names that the layer itself gives and looks for.
pub(crate) struct Words {
    /// The operation of a call that has none.
    pub(crate) chat: Symbol,
    /// The operation of a cost that has none.
    pub(crate) unattributed: Symbol,
    /// The operation of a tool that a model called.
    pub(crate) execute_tool: Symbol,
    /// Operations that contain calls, and are not calls themselves.
    pub(crate) containers: [Symbol; 3],
}

impl Default for Words {
    fn default() -> Self {
        Self {
            chat: Symbol::intern("chat"),
            unattributed: Symbol::intern("unattributed"),
            execute_tool: Symbol::intern("execute_tool"),
            containers: ["invoke_agent", "invoke_workflow", "create_agent"].map(Symbol::intern),
        }
    }
}

impl Core {
    /// Whether an operation contains calls, and is not a call itself.
    // Inlined: nearly always one comparison of two pointers.
    #[inline]
    pub(crate) fn is_container(&self, operation: Symbol) -> bool {
        // Nearly all are chats.
        operation != self.words.chat && self.words.containers.contains(&operation)
    }

    pub(crate) fn new(
        options: Options,
        models: Models,
        worker: Worker,
        clock: Clock,
        journal: Option<Journal>,
    ) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self {
            // Relaxed: only the uniqueness of the number matters.
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            options: Arc::new(options),
            dispatch: OnceLock::new(),
            clock,
            table: Table::new(),
            runs: DashMap::with_hasher(FastHash),
            lingering: Mutex::default(),
            models,
            words: Words::default(),
            counters: Counters::default(),
            calls: Arc::default(),
            warned_no_model: WarnOnce::default(),
            worker,
            journal: journal.map(Arc::new),
            spare: Mutex::default(),
            epoch: AtomicU64::new(1),
        }
    }

    /// A number for a run that is unique in the process: a thread's cache of runs is shared by all layers.
    pub(crate) fn next_run() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only the uniqueness of the number matters. It starts at 1, as 0 means "no run" in a thread's cache.
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}
