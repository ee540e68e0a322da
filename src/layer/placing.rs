//! Placing a new span: root, stage, call, or none of our business.

use tracing_core::{Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::class::Class;
use super::core::Core;
use super::here;
use super::parent::Parent;
use super::reading::{Manner, Reading};
use super::root::RootPart;
use super::table::{Open, Place};
use super::visit::{PlainVisitor, TextVisitor};

/// What a new span sees of the nearest one around it that matters.
#[derive(Clone, Copy)]
struct Around {
    place: Place,
    is_root: bool,
    is_adopted: bool,
}

impl Core {
    pub(crate) fn class(&self, metadata: &'static tracing_core::Metadata<'static>) -> Class {
        here::class(self.number, metadata, |metadata| {
            self.options.named.class(super::callsite::Meaning::of(metadata))
        })
    }

    /// Remembers a new span if it matters.
    pub(crate) fn open<S>(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let class = self.class(attrs.metadata());
        let parent = self.parent_of(attrs, id, ctx);
        let around = match parent {
            Parent::None => None,
            Parent::Real(parent) => match self.around(class, parent, ctx) {
                None if !class.matters() && !self.is_named_root(class) => return,
                around => around,
            },
            // Whoever opens an agent or a call as a root of its own while a span is current does not mean a new run; of
            // any other span he does.
            Parent::Current(current) if class.meaning.is_gen_ai => {
                self.around(class, current, ctx).map(|around| Around { is_adopted: true, ..around })
            }
            Parent::Current(_) => None,
        };
        if around.is_none() && !class.may_be_root {
            return;
        }
        let id = id.into_u64();
        let open = self.new_open(class, id, around, read(class, attrs));
        let place = open.place;
        let declares = open.is_stage && (class.is_declared_stage || class.meaning.has_stage);
        if let Some(around) = around {
            if around.is_adopted || place.in_container {
                self.at_root(place, |root| {
                    root.has_children = true;
                    root.adopted += u64::from(around.is_adopted);
                });
            }
        }
        self.table.insert(id, here::boxed(open));
        if declares {
            self.on_run(place, |_| ());
        }
    }

    fn is_named_root(&self, class: Class) -> bool {
        class.may_be_root && !self.options.named.roots.is_empty()
    }

    /// The nearest span around a new one. A span that does not matter by itself only asks whether it stands right under
    /// a root, where it is a stage if no stages were declared.
    fn around<S>(&self, class: Class, parent: u64, ctx: &Context<'_, S>) -> Option<Around>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let look = |_: u64, open: &mut Open| Around {
            place: open.place,
            is_root: open.root.is_some(),
            is_adopted: false,
        };
        if class.matters() || self.is_named_root(class) {
            return self.nearest(parent, ctx, look);
        }
        if !self.options.named.stages.is_empty() {
            return None;
        }
        self.table.with_root(parent, |open| look(parent, open))
    }

    fn new_open(&self, class: Class, id: u64, around: Option<Around>, mut reading: Reading) -> Open {
        let meaning = class.meaning;
        let is_container = reading.operation.is_some_and(|operation| self.is_container(operation));
        if is_container {
            reading.make_inclusive();
        }
        let is_direct = self.options.named.stages.is_empty() && around.is_some_and(|around| around.is_root);
        let stage = match around {
            _ if meaning.has_stage => reading.stage.or(Some(meaning.name)),
            _ if class.is_declared_stage => Some(meaning.name),
            Some(_) if is_direct && !meaning.has_gate => match reading.agent {
                Some(agent) if is_container => Some(agent),
                // A span without a name has none to give to a row.
                _ => Some(meaning.name).filter(|name| !name.as_str().is_empty()),
            },
            _ => None,
        };
        let outer = around.and_then(|around| around.place.stage);
        let outer_collector = around.map_or(0, |around| around.place.collector);
        let mut open = Open {
            meaning,
            place: Place {
                run: around.map_or_else(|| self.next_run(), |around| around.place.run),
                root: around.map_or(id, |around| around.place.root),
                stage: stage.or(outer),
                collector: outer_collector,
                in_container: around.map_or(is_container, |around| around.place.in_container),
            },
            outer,
            outer_collector,
            is_stage: stage.is_some(),
            is_call: meaning.is_call && !is_container,
            is_container,
            is_adopted: around.is_some_and(|around| around.is_adopted),
            started: self.clock.now(),
            reading,
            root: around.is_none().then(Box::<RootPart>::default),
        };
        if open.collects() {
            open.place.collector = id;
        }
        open
    }
}

/// Reads what a span tells at its creation.
fn read(class: Class, attrs: &span::Attributes<'_>) -> Reading {
    let mut reading = Reading::default();
    let meaning = class.meaning;
    if meaning.speaks {
        let manner = if meaning.is_call { Manner::Call } else { Manner::Sum };
        let mut plain = PlainVisitor::new(meaning, manner, &mut reading);
        attrs.values().record(&mut plain);
        if plain.left_text {
            let mut texts = TextVisitor::new(meaning);
            attrs.values().record(&mut texts);
            texts.tell(manner, &mut reading);
        }
    }
    reading
}
