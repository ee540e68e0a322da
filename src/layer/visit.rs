//! Visitors: from `tracing`'s values to a reading.

use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};

use super::thread_state::with_thread_state;
use crate::attribution::{Accumulate, CallsiteSchema, FieldRole, FieldValue, NameField, Reading};
use crate::ledger::{MAX_COUNT, Symbol, SymbolCache};

/// Reads what comes as a plain value. Values that come as `Debug` or `Display` run their author's code, which must
/// not happen under a lock: they are only noticed.
pub(crate) struct PlainVisitor<'a, N> {
    schema: &'static CallsiteSchema,
    names: N,
    how: Accumulate,
    reading: &'a mut Reading,
    /// Whether a field that means something is still to be read by a [`TextVisitor`].
    pub(crate) left_text: bool,
    /// Whether what was read may change the span's place.
    places: bool,
}

/// Where a visitor looks for names. Spans record most of theirs at their creation, where this thread's are at hand; later, they
/// are looked for once there is one.
pub(crate) trait Names {
    /// Whether the span is placed already, so that a name may change its place.
    const IS_LATER: bool;

    /// The name with this text if it takes no call to find it.
    fn at_hand(&self, text: &str) -> Option<Symbol>;

    /// The name with this text, without the blanks around it; `None` if there is nothing else.
    fn find(&self, text: &str) -> Option<Symbol>;
}

impl Names for &SymbolCache {
    const IS_LATER: bool = false;

    // Inlined: a lookup in the names of this thread.
    #[inline]
    fn at_hand(&self, text: &str) -> Option<Symbol> {
        SymbolCache::get_short(self, text)
    }

    fn find(&self, text: &str) -> Option<Symbol> {
        SymbolCache::intern_trimmed(self, text)
    }
}

/// This thread's names, which are looked for once there is one.
pub(crate) struct Later;

impl Names for Later {
    const IS_LATER: bool = true;

    // Inlined: always nothing.
    #[inline]
    fn at_hand(&self, _: &str) -> Option<Symbol> {
        None
    }

    fn find(&self, text: &str) -> Option<Symbol> {
        with_thread_state(|thread| thread.names.intern_trimmed(text))
    }
}

impl<'a, N: Names> PlainVisitor<'a, N> {
    pub(crate) fn new(
        schema: &'static CallsiteSchema,
        names: N,
        how: Accumulate,
        reading: &'a mut Reading,
    ) -> Self {
        Self { schema, names, how, reading, left_text: false, places: false }
    }

    /// Whether there is more to be done for the span.
    // Inlined: one load.
    #[inline]
    pub(crate) fn is_more(&self) -> bool {
        // `|`, not `||`: a branch would cost more than the load of the second flag.
        self.left_text | self.places
    }

    // Inlined: one indexed load for every field of every span that matters.
    #[inline]
    fn role(&self, field: &Field) -> FieldRole {
        self.schema.role(field.index())
    }

    /// Takes a name that is not at hand.
    #[cold]
    // Not inlined: it interns names that this thread has not met.
    #[inline(never)]
    fn take_name(&mut self, name_field: NameField, value: &str) {
        if let Some(name) = self.names.find(value) {
            self.reading.name(name_field, name);
        }
    }

    /// Takes a text that is no name.
    // Not inlined: rare roles, with parsing and allocation.
    #[inline(never)]
    fn take_text(&mut self, role: FieldRole, field: &Field, text: &str) {
        self.take(role, field, FieldValue::Text(text));
    }

    /// Takes a number that is not what nearly all are.
    // Not inlined: rare roles.
    #[inline(never)]
    fn take_number(&mut self, role: FieldRole, field: &Field, number: u64) {
        self.take(role, field, FieldValue::Unsigned(number));
    }

    /// Takes a value that is not what nearly all are.
    fn take(&mut self, role: FieldRole, field: &Field, value: FieldValue<'_>) {
        self.places |= N::IS_LATER && role.places(self.how);
        self.reading.take(role, field.name(), value, self.how);
    }
}

impl<N: Names> Visit for PlainVisitor<'_, N> {
    // Inlined into the generated code of the callsite, as the six below: the value stays in a register.
    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        match self.role(field) {
            FieldRole::Other => {}
            // What nearly every record is.
            FieldRole::Usage(kind, scope) if value <= MAX_COUNT && kind.is_common() => {
                self.reading.add(kind, scope, value, self.how)
            }
            role => self.take_number(role, field, value),
        }
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        match self.role(field) {
            FieldRole::Other => {}
            role => self.take(role, field, FieldValue::Signed(value)),
        }
    }

    // 128-bit counts are as rare as they are long: one beyond 64 bits is refused, as any count above the bound.
    #[inline]
    fn record_u128(&mut self, field: &Field, value: u128) {
        match self.role(field) {
            FieldRole::Other => {}
            role => self.take(role, field, FieldValue::Unsigned(u64::try_from(value).unwrap_or(u64::MAX))),
        }
    }

    #[inline]
    fn record_i128(&mut self, field: &Field, value: i128) {
        match self.role(field) {
            FieldRole::Other => {}
            role => {
                let low = if value < 0 { i64::MIN } else { i64::MAX };
                self.take(role, field, FieldValue::Signed(i64::try_from(value).unwrap_or(low)));
            }
        }
    }

    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.role(field) {
            FieldRole::Other => {}
            role => self.take(role, field, FieldValue::Float(value)),
        }
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        match self.role(field) {
            FieldRole::Other => {}
            role => self.take(role, field, FieldValue::Flag(value)),
        }
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        match self.role(field) {
            FieldRole::Other => {}
            // A model, a provider, an operation: what nearly every text is.
            FieldRole::Name(name_field) => {
                self.places |= N::IS_LATER && name_field.places(self.how);
                match self.names.at_hand(value) {
                    Some(name) => self.reading.name(name_field, name),
                    None => self.take_name(name_field, value),
                }
            }
            role => self.take_text(role, field, value),
        }
    }

    #[inline]
    fn record_error(&mut self, field: &Field, _: &(dyn Error + 'static)) {
        self.left_text |= self.role(field) != FieldRole::Other;
    }

    #[inline]
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.left_text |= self.role(field) != FieldRole::Other;
    }
}

/// Reads what comes as `Debug` or `Display`, and nothing else.
pub(crate) struct TextVisitor {
    pub(crate) schema: &'static CallsiteSchema,
    pub(crate) texts: Vec<(FieldRole, &'static str, String)>,
}

impl Visit for TextVisitor {
    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_u128(&mut self, _: &Field, _: u128) {}

    fn record_i128(&mut self, _: &Field, _: i128) {}

    fn record_f64(&mut self, _: &Field, _: f64) {}

    fn record_bool(&mut self, _: &Field, _: bool) {}

    fn record_str(&mut self, _: &Field, _: &str) {}

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.record_debug(field, &format_args!("{error}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match self.schema.role(field.index()) {
            FieldRole::Other => {}
            role => self.texts.push((role, field.name(), format!("{value:?}"))),
        }
    }
}

impl TextVisitor {
    pub(crate) fn new(schema: &'static CallsiteSchema) -> Self {
        Self { schema, texts: Vec::new() }
    }

    /// Adds what was read to a reading.
    pub(crate) fn add_to(&self, how: Accumulate, reading: &mut Reading) {
        for (role, field, text) in &self.texts {
            reading.take(*role, field, FieldValue::Shown(text), how);
        }
    }
}
