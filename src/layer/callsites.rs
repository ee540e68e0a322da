//! The schemas of `tracing`'s callsites: worked out once a callsite, and cached by thread for each layer.

use dashmap::DashMap;
use once_cell::sync::Lazy;
use tracing_core::{Level, Metadata};

use super::core::Core;
use super::thread_state::with_thread_state;
use crate::attribution::{CallsiteFlags, CallsiteKind, CallsiteSchema, Declaration};
use crate::ledger::FastHash;
use crate::sink::print_diagnostic;

static SCHEMAS: Lazy<DashMap<usize, &'static CallsiteSchema, FastHash>> =
    Lazy::new(|| DashMap::with_hasher(FastHash));

/// The schema of the callsite of these metadata.
pub(crate) fn schema_of(metadata: &'static Metadata<'static>) -> &'static CallsiteSchema {
    let address = std::ptr::from_ref(metadata) as usize;
    // `get` first: `entry` takes the write lock of a shard, and all threads meet the same callsites.
    if let Some(known) = SCHEMAS.get(&address) {
        return *known;
    }
    // Leaked: metadata live for ever, and a reference without a count is copied into every span.
    *SCHEMAS.entry(address).or_insert_with(|| Box::leak(Box::new(declared(metadata))))
}

fn declared(metadata: &'static Metadata<'static>) -> CallsiteSchema {
    let fields: Vec<&str> = metadata.fields().iter().map(|field| field.name()).collect();
    let kind = match (metadata.is_event(), *metadata.level()) {
        (false, _) => CallsiteKind::Span,
        (true, Level::ERROR) => CallsiteKind::ErrorEvent,
        (true, _) => CallsiteKind::Event,
    };
    let schema = CallsiteSchema::of(Declaration {
        name: metadata.name(),
        target: metadata.target(),
        file: metadata.file(),
        fields: &fields,
        kind,
    });
    // On stderr, not in a run's warnings: it is a fault of the source, and most callsites are registered before a run.
    for (field, known) in schema.misspelt_fields(&fields) {
        let (name, target) = (metadata.name(), metadata.target());
        print_diagnostic(&format!(
            "field {field:?} of {name:?} in {target} is not known: did you mean {known:?}?"
        ));
    }
    schema
}

impl Core {
    /// What a callsite is to this layer.
    // Inlined: two comparisons; the miss is rare.
    #[inline]
    pub(crate) fn flags(&self, metadata: &'static Metadata<'static>) -> CallsiteFlags {
        with_thread_state(|thread| {
            thread.flags(self.spans.layer, metadata).unwrap_or_else(|| {
                let flags = self.options.rules.flags(schema_of(metadata));
                if flags.is_named_root() {
                    self.counters.outside.note_root(flags.schema.name);
                }
                thread.keep_flags(self.spans.layer, metadata, flags);
                flags
            })
        })
    }
}
