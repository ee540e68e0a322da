//! Spans and events with names and fields that are known only at run time. The macros of `tracing` need them in the source.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, OnceLock};

use tracing::field::{Field, FieldSet, Value};
use tracing::{Id, Level, Metadata, Span, callsite, subscriber::Interest};

/// One place in the source, in effect. Leaked, as those of the macros are static.
struct Callsite(OnceLock<Metadata<'static>>);

impl callsite::Callsite for Callsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("the metadata is set before anyone can see the callsite")
    }
}

/// What makes two spans or events come from one place.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    is_span: bool,
    level: Level,
    target: &'static str,
    name: &'static str,
    fields: Vec<&'static str>,
}

static PLACES: LazyLock<Mutex<HashMap<Place, &'static Metadata<'static>>>> = LazyLock::new(Mutex::default);

fn metadata(place: Place) -> &'static Metadata<'static> {
    let mut places = PLACES.lock().unwrap();
    if let Some(known) = places.get(&place) {
        return known;
    }
    let callsite: &'static Callsite = Box::leak(Box::new(Callsite(OnceLock::new())));
    let fields = FieldSet::new(place.fields.clone().leak(), callsite::Identifier(callsite));
    let kind = if place.is_span { tracing::metadata::Kind::SPAN } else { tracing::metadata::Kind::EVENT };
    let Place { level, target, name, .. } = place;
    let known = callsite.0.get_or_init(|| Metadata::new(name, target, level, None, None, None, fields, kind));
    callsite::register(callsite);
    places.insert(place, known);
    known
}

/// A field's name, and its value unless it is `Empty`.
pub(crate) type Given<'a> = (&'static str, Option<&'a dyn Value>);

/// Calls `act` with the metadata and the values, if a layer wants them.
fn with<T>(
    place: Place,
    given: &[Given<'_>],
    act: impl FnOnce(&'static Metadata<'static>, &tracing::field::ValueSet<'_>) -> T,
) -> Option<T> {
    let metadata = metadata(place);
    // As the macros do: filters of single layers remember the answer for the span or event that follows.
    if !tracing::dispatcher::get_default(|dispatch| dispatch.enabled(metadata)) {
        return None;
    }
    let fields: Vec<Field> = metadata.fields().iter().collect();
    assert_eq!(fields.len(), given.len());
    // A set of values is an array of a fixed length. 32 is the longest that `tracing` has.
    let values: [(&Field, Option<&dyn Value>); 32] = std::array::from_fn(|index| {
        fields.get(index).map_or((&fields[0], None), |field| (field, given[index].1))
    });
    Some(act(metadata, &metadata.fields().value_set(&values)))
}

/// Opens a span at INFO, inside the parent or as a root.
pub(crate) fn span(name: &'static str, parent: Option<Id>, given: &[Given<'_>]) -> Span {
    let fields = given.iter().map(|(name, _)| *name).collect();
    let place = Place { is_span: true, level: Level::INFO, target: module_path!(), name, fields };
    let span = with(place, given, |metadata, values| match parent {
        Some(parent) => Span::child_of(parent, metadata, values),
        None => Span::new_root(metadata, values),
    });
    span.unwrap_or_else(Span::none)
}

/// Emits an event in a span.
pub(crate) fn event(
    level: Level,
    target: &'static str,
    name: &'static str,
    parent: Option<Id>,
    given: &[Given<'_>],
) {
    let fields = given.iter().map(|(name, _)| *name).collect();
    let place = Place { is_span: false, level, target, name, fields };
    with(place, given, |metadata, values| match parent {
        Some(parent) => tracing::Event::child_of(parent, metadata, values),
        None => tracing::Event::dispatch(metadata, values),
    });
}

/// The target of [`span`]'s spans.
pub(crate) const OWN_TARGET: &str = module_path!();
