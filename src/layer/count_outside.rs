//! Counting what happens outside of any run.

use std::sync::atomic::Ordering;

use super::core::Core;
use super::outside::Outside;
use super::stats::count;
use crate::attribution::CallsiteFlags;
use crate::sink::print_diagnostic;

impl Core {
    /// Counts a check or a reservation that was refused as no run encloses the caller.
    pub(crate) fn count_refusal(&self) {
        count(&self.counters.outside.refused);
    }

    /// Counts a span that would matter, and is in no run.
    #[cold]
    pub(crate) fn count_span_outside(&self, flags: CallsiteFlags) {
        let (schema, outside) = (flags.schema, &self.counters.outside);
        if schema.has_gate {
            count(&outside.gates);
        } else if schema.has_figures || schema.is_gen_ai {
            count(&outside.calls);
        }
    }

    /// What happened outside of any run.
    pub(crate) fn outside(&self) -> Outside {
        self.counters.outside.counted(&self.options.rules.roots)
    }

    /// Prints what happened outside of any run, if anything did: once, by the first end of the layer.
    pub(crate) fn report_outside(&self) {
        // Relaxed: only the first caller prints, and the counters need no order.
        if self.counters.outside.is_reported.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(line) = self.outside().report() {
            print_diagnostic(&line);
        }
    }
}
