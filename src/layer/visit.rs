//! Visitors: from `tracing`'s values to a reading.

use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};

use super::callsite::{Meaning, Role};
use super::reading::{Manner, Reading};
use super::told::{Told, trimmed};
use crate::ledger::{MAX_COUNT, Name};

/// Reads what comes as a plain value. Values that come as `Debug` or `Display` run their author's code, which must
/// not happen under a lock: they are only noticed.
pub(crate) struct PlainVisitor<'a> {
    pub(crate) meaning: &'static Meaning,
    pub(crate) manner: Manner,
    pub(crate) reading: &'a mut Reading,
    /// Whether a field that means something is still to be read by a [`TextVisitor`].
    pub(crate) left_text: bool,
    /// Whether what was read may change the span's place.
    pub(crate) places: bool,
}

impl<'a> PlainVisitor<'a> {
    pub(crate) fn new(meaning: &'static Meaning, manner: Manner, reading: &'a mut Reading) -> Self {
        Self { meaning, manner, reading, left_text: false, places: false }
    }

    /// Takes a value that is not what nearly all are.
    #[inline(never)]
    fn take(&mut self, role: Role, field: &Field, told: Told<'_>) {
        self.places |= matches!(role, Role::Operation | Role::Stage);
        self.reading.take(role, field.name(), told, self.manner);
    }
}

impl Visit for PlainVisitor<'_> {
    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        match self.meaning.role(field) {
            Role::Other => {}
            // What nearly every record is.
            Role::Usage(kind, scope) if value <= MAX_COUNT => {
                self.reading.add(kind, scope, value, self.manner)
            }
            role => self.take(role, field, Told::Unsigned(value)),
        }
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        match self.meaning.role(field) {
            Role::Other => {}
            role => self.take(role, field, Told::Signed(value)),
        }
    }

    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.meaning.role(field) {
            Role::Other => {}
            role => self.take(role, field, Told::Float(value)),
        }
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        match self.meaning.role(field) {
            Role::Other => {}
            role => self.take(role, field, Told::Flag(value)),
        }
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        let role = self.meaning.role(field);
        match self.reading.name_of(role) {
            // A model, a provider, an operation: what nearly every text is.
            Some(name) => {
                self.places |= matches!(role, Role::Operation | Role::Stage);
                if let Some(text) = trimmed(value) {
                    *name = Some(Name::of(text));
                }
            }
            None if role == Role::Other => {}
            None => self.take(role, field, Told::Text(value)),
        }
    }

    #[inline]
    fn record_error(&mut self, field: &Field, _: &(dyn Error + 'static)) {
        self.left_text |= self.meaning.role(field) != Role::Other;
    }

    #[inline]
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.left_text |= self.meaning.role(field) != Role::Other;
    }
}

/// Reads what comes as `Debug` or `Display`, and nothing else.
pub(crate) struct TextVisitor {
    pub(crate) meaning: &'static Meaning,
    pub(crate) texts: Vec<(Role, &'static str, String)>,
}

impl Visit for TextVisitor {
    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_f64(&mut self, _: &Field, _: f64) {}

    fn record_bool(&mut self, _: &Field, _: bool) {}

    fn record_str(&mut self, _: &Field, _: &str) {}

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.record_debug(field, &format_args!("{error}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match self.meaning.role(field) {
            Role::Other => {}
            role => self.texts.push((role, field.name(), format!("{value:?}"))),
        }
    }
}

impl TextVisitor {
    pub(crate) fn new(meaning: &'static Meaning) -> Self {
        Self { meaning, texts: Vec::new() }
    }

    /// Adds what was read to a reading.
    pub(crate) fn tell(&self, manner: Manner, reading: &mut Reading) {
        for (role, field, text) in &self.texts {
            reading.take(*role, field, Told::Shown(text), manner);
        }
    }
}
