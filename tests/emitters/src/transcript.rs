//! The spans and events of a library, as text. A failed test prints it, because libraries change what they emit.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A layer that writes down every span and event, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<String>>);

impl Transcript {
    fn write(&self, line: fmt::Arguments<'_>) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{line}");
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Transcript {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let parent = ctx.span(id).and_then(|span| span.parent());
        let (parent, how) = match (&parent, attributes.is_contextual()) {
            (Some(parent), _) => (parent.id().into_u64().to_string(), ""),
            (None, true) => ("-".to_owned(), ""),
            (None, false) => {
                ("-".to_owned(), if ctx.lookup_current().is_some() { " (explicit root)" } else { "" })
            }
        };
        let (metadata, number) = (attributes.metadata(), id.into_u64());
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        self.write(format_args!(
            "new {number} {:?} in {parent}{how}, target {}:{}",
            metadata.name(),
            metadata.target(),
            fields.0
        ));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.write(format_args!("record {}:{}", id.into_u64(), fields.0));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        self.write(format_args!("follows {} from {}", id.into_u64(), follows.into_u64()));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let inside = ctx.event_span(event).map_or(0, |span| span.id().into_u64());
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        // An event at TRACE is a whole request.
        if *metadata.level() <= tracing::Level::INFO {
            self.write(format_args!(
                "{} in {inside}, target {}:{}",
                metadata.level(),
                metadata.target(),
                fields.0
            ));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.write(format_args!("close {}", id.into_u64()));
    }
}

/// Every value with the type in which it came: that is half of what there is to know about an emitter.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _ = write!(self.0, " {field}={value}");
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, format_args!("{value}u64"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, format_args!("{value}i64"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, format_args!("{value}f64"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{:?}", value.chars().take(60).collect::<String>()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.add(field, format_args!("debug({})", text.chars().take(60).collect::<String>()));
    }
}
