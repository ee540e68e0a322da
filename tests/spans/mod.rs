//! Opens real `tracing` spans and events that are described at run time.
//!
//! The macros of `tracing` fix names and fields at compile time. Programs that are read from text, or made at random, need both
//! at run time. [`Shape`] is what a macro fixes, [`Value`] is what a program sets.
//!
//! ```ignore
//! let shape = Shape::new("chat").fields(["gen_ai.operation.name", "gen_ai.usage.input_tokens"]);
//! let span = shape.span(&Parent::Current, &[("gen_ai.operation.name", Value::from("chat"))]);
//! record(&span, "gen_ai.usage.input_tokens", &Value::U64(100));
//! ```

#![allow(dead_code, reason = "not every test file needs all of it")]

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use tracing::field::{self, FieldSet};
use tracing::{Event, Level, Metadata, Span};
use tracing_core::callsite::{self, Callsite, Identifier};
use tracing_core::{Interest, Kind};

/// The most fields that a [`Shape`] may have: the same limit as in the macros.
pub(crate) const MAX_FIELDS: usize = 32;

/// What a macro of `tracing` fixes at compile time. Each distinct shape is one callsite.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) is_event: bool,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) file: Option<String>,
    pub(crate) module_path: Option<String>,
    /// Names of the declared fields, in the order of their declaration.
    pub(crate) fields: Vec<String>,
}

impl Shape {
    /// A span at INFO with this file's target, and no fields.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            is_event: false,
            name: name.into(),
            target: module_path!().into(),
            level: Level::INFO,
            file: Some(file!().into()),
            module_path: Some(module_path!().into()),
            fields: Vec::new(),
        }
    }

    /// An event instead of a span.
    pub(crate) fn event(name: impl Into<String>) -> Self {
        Self { is_event: true, ..Self::new(name) }
    }

    pub(crate) fn target(self, target: impl Into<String>) -> Self {
        Self { target: target.into(), ..self }
    }

    pub(crate) fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    pub(crate) fn file(self, file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// Declares fields after those that are declared already.
    pub(crate) fn fields<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.fields.extend(names.into_iter().map(Into::into));
        self
    }

    /// Opens a span. Fields without a value in `values` are `Empty`.
    ///
    /// # Panics
    ///
    /// Panics if a value names a field that is not declared, or if the shape is an event.
    pub(crate) fn span(&self, parent: &Parent<'_>, values: &[(&str, Value)]) -> Span {
        assert!(!self.is_event, "{self:?} is an event");
        let site = self.site();
        if site.is_disabled() {
            return Span::none();
        }
        let metadata = site.metadata();
        self.with_values(metadata.fields(), values, |values| match parent {
            Parent::Current => Span::new(metadata, values),
            Parent::Root => Span::new_root(metadata, values),
            Parent::Of(span) => Span::child_of(span.id(), metadata, values),
        })
    }

    /// Emits an event. Fields without a value in `values` are declared, and have no value.
    ///
    /// # Panics
    ///
    /// Panics if a value names a field that is not declared, or if the shape is a span.
    pub(crate) fn emit(&self, parent: &Parent<'_>, values: &[(&str, Value)]) {
        assert!(self.is_event, "{self:?} is a span");
        let site = self.site();
        if site.is_disabled() {
            return;
        }
        let metadata = site.metadata();
        self.with_values(metadata.fields(), values, |values| match parent {
            Parent::Current => Event::dispatch(metadata, values),
            Parent::Root => Event::child_of(None, metadata, values),
            Parent::Of(span) => Event::child_of(span.id(), metadata, values),
        });
    }

    /// The callsite of this shape. Callsites must live forever, so each distinct shape is leaked once.
    fn site(&self) -> &'static Site {
        static SITES: LazyLock<Mutex<HashMap<Shape, &'static Site>>> = LazyLock::new(Mutex::default);
        let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.get(self) {
            return site;
        }
        assert!(self.fields.len() <= MAX_FIELDS, "more than {MAX_FIELDS} fields in {self:?}");
        let site: &'static Site = Box::leak(Box::default());
        let names: Vec<&'static str> = self.fields.iter().map(|name| leak(name)).collect();
        let metadata = Metadata::new(
            leak(&self.name),
            leak(&self.target),
            self.level,
            self.file.as_deref().map(leak),
            self.file.as_ref().map(|_| 1),
            self.module_path.as_deref().map(leak),
            FieldSet::new(Vec::leak(names), Identifier(site)),
            if self.is_event { Kind::EVENT } else { Kind::SPAN },
        );
        assert!(site.metadata.set(metadata).is_ok(), "the callsite is new");
        callsite::register(site);
        sites.insert(self.clone(), site);
        site
    }

    fn with_values<R>(
        &self,
        fields: &FieldSet,
        values: &[(&str, Value)],
        work: impl FnOnce(&field::ValueSet<'_>) -> R,
    ) -> R {
        for (name, _) in values {
            assert!(self.fields.iter().any(|field| field == name), "{name} is not declared by {self:?}");
        }
        // `FieldSet::value_set` takes arrays only. Slots beyond the declared fields have no value.
        let first = fields.iter().next();
        let Some(first) = first else { return work(&fields.value_set(&[])) };
        let declared: Vec<field::Field> = fields.iter().collect();
        let boxes: Vec<Option<Box<dyn field::Value + '_>>> = self
            .fields
            .iter()
            .map(|name| {
                values.iter().rev().find(|(of, _)| of == name).and_then(|(_, value)| value.as_field())
            })
            .collect();
        let slots: [_; MAX_FIELDS] =
            std::array::from_fn(|index| match (declared.get(index), boxes.get(index)) {
                (Some(field), Some(value)) => (field, value.as_deref()),
                _ => (&first, None),
            });
        work(&fields.value_set(&slots))
    }
}

/// Where a span or an event belongs, for `tracing`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent<'a> {
    /// The span that is entered on this thread, if any.
    Current,
    /// No span: `parent: None`.
    Root,
    /// This span: `parent: &span`.
    Of(&'a Span),
}

/// A value of a field, by the method of `Visit` that it arrives through.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    U64(u64),
    I64(i64),
    U128(u128),
    I128(i128),
    F64(f64),
    Bool(bool),
    Str(String),
    /// `?value`: this text, unquoted.
    Debug(String),
    /// `%value`
    Display(String),
    /// A `dyn Error` with this message.
    Error(String),
    /// `Empty`: declared, and not recorded.
    Empty,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::U64(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::F64(number)
    }
}

impl Value {
    fn as_field(&self) -> Option<Box<dyn field::Value + '_>> {
        Some(match self {
            Self::U64(number) => Box::new(*number),
            Self::I64(number) => Box::new(*number),
            Self::U128(number) => Box::new(*number),
            Self::I128(number) => Box::new(*number),
            Self::F64(number) => Box::new(*number),
            Self::Bool(truth) => Box::new(*truth),
            Self::Str(text) => Box::new(text.as_str()),
            Self::Debug(text) => Box::new(field::debug(Plain(text))),
            Self::Display(text) => Box::new(field::display(text)),
            Self::Error(text) => Box::new(Box::new(Failure(text.clone())) as Box<dyn Error + 'static>),
            Self::Empty => return None,
        })
    }
}

/// Records a value on an open span. `tracing` drops it if the span does not declare the field.
pub(crate) fn record(span: &Span, name: &str, value: &Value) {
    match value {
        Value::U64(number) => span.record(name, number),
        Value::I64(number) => span.record(name, number),
        Value::U128(number) => span.record(name, number),
        Value::I128(number) => span.record(name, number),
        Value::F64(number) => span.record(name, number),
        Value::Bool(truth) => span.record(name, truth),
        Value::Str(text) => span.record(name, text.as_str()),
        Value::Debug(text) => span.record(name, field::debug(Plain(text))),
        Value::Display(text) => span.record(name, field::display(text)),
        Value::Error(text) => span.record(name, Box::new(Failure(text.clone())) as Box<dyn Error + 'static>),
        Value::Empty => span.record(name, field::Empty),
    };
}

/// A text with a `Debug` output without quotes, like that of an enum.
struct Plain<'a>(&'a str);

impl fmt::Debug for Plain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Failure {}

/// The callsite of one [`Shape`].
#[derive(Default)]
struct Site {
    // Set before the callsite is registered. The metadata's field set refers to the callsite, so neither can be made first.
    metadata: OnceLock<Metadata<'static>>,
    is_disabled: AtomicBool,
}

impl Site {
    fn is_disabled(&'static self) -> bool {
        // Relaxed: the macros read their callsite's interest relaxed as well.
        self.is_disabled.load(Ordering::Relaxed)
            || !tracing::dispatcher::get_default(|dispatch| dispatch.enabled(Callsite::metadata(self)))
    }
}

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        self.is_disabled.store(interest.is_never(), Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().expect("metadata is set before the callsite is registered")
    }
}

impl Site {
    /// The metadata for as long as spans need it.
    fn metadata(&'static self) -> &'static Metadata<'static> {
        self.metadata.get().expect("metadata is set before the callsite is registered")
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}
