//! Placing a new span: root, stage, call, or none of our business.

use std::sync::atomic::Ordering;

use tracing_core::{LevelFilter, Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsite::Meaning;
use super::class::Class;
use super::core::Core;
use super::here;
use super::parent::{Around, Parent};
use super::reading::{Manner, Reading};
use super::root::RootPart;
use super::table::{Open, Place};
use super::visit::{PlainVisitor, TextVisitor};
use crate::ledger::Name;
use crate::limit::Stages;

impl Core {
    #[inline]
    pub(crate) fn class(&self, metadata: &'static tracing_core::Metadata<'static>) -> Class {
        here::class(self.number, metadata, |metadata| self.options.named.class(Meaning::of(metadata)))
    }

    /// Remembers a new span if it matters.
    #[inline]
    pub(crate) fn open<S>(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let class = self.class(attrs.metadata());
        let matters = class.matters() || self.is_named_root(class);
        if attrs.is_contextual() && LevelFilter::current() <= LevelFilter::INFO {
            // Nearly always, this thread knows what is around.
            let epoch = self.epoch.load(Ordering::Relaxed);
            if matters {
                if let Some((_, around @ Some(_))) = here::current_with(self.number, epoch, |around| *around)
                {
                    return self.remember(class, attrs, id.into_u64(), around, false);
                }
            } else if let Some((_, Some(false))) =
                here::current_with(self.number, epoch, |around| around.is_root)
            {
                return;
            }
        }
        let (around, is_adopted) = match self.parent_of(attrs, id, ctx) {
            Parent::None => (None, false),
            // A span that does not matter by itself only asks whether it stands right under a root, where it is a stage if
            // no stages were declared.
            Parent::Real(parent) if !matters => match self.right_under_root(parent) {
                None => return,
                around => (around, false),
            },
            Parent::Real(parent) => (self.around(parent, ctx), false),
            // Whoever opens an agent or a call as a root of its own while a span is current does not mean a new run; of
            // any other span he does.
            Parent::Current(current) if class.meaning.is_gen_ai => match self.around(current, ctx) {
                None => (None, false),
                around => (around, true),
            },
            Parent::Current(_) => (None, false),
        };
        if around.is_some() || class.may_be_root {
            self.remember(class, attrs, id.into_u64(), around, is_adopted);
        }
    }

    fn is_named_root(&self, class: Class) -> bool {
        class.may_be_root && !self.options.named.roots.is_empty()
    }

    fn right_under_root(&self, parent: u64) -> Option<Around> {
        if !self.options.named.stages.is_empty() {
            return None;
        }
        let around = self.around_if_known(parent);
        // A plain span is no root; what is around it is not asked for until something that matters stands in it.
        around.filter(|around| around.is_root && around.span == parent)
    }

    fn remember(
        &self,
        class: Class,
        attrs: &span::Attributes<'_>,
        id: u64,
        around: Option<Around>,
        is_adopted: bool,
    ) {
        let meaning = class.meaning;
        let mut open = here::spare_box(meaning);
        if meaning.speaks {
            read(meaning, attrs, &mut open.reading);
        }
        self.place(class, id, around, &mut open);
        open.is_adopted = is_adopted;
        open.started = self.clock.now();
        let place = open.place;
        let declares = open.is_stage && (class.is_declared_stage || meaning.has_stage);
        if around.is_some() && (is_adopted || place.in_container) {
            self.at_root(place, |root| {
                root.has_children = true;
                root.adopted += u64::from(is_adopted);
            });
        }
        let opened = self.stage_to_journal(&open);
        self.table.insert(id, open);
        if let Some(opened) = opened {
            self.journal_opened(place, opened);
        }
        if declares {
            self.on_run(place, |_| ());
        }
    }

    /// Says where a span stands, from what is around it and what it told at its creation.
    fn place(&self, class: Class, id: u64, around: Option<Around>, open: &mut Open) {
        let meaning = class.meaning;
        open.is_container =
            meaning.is_gen_ai && open.reading.operation.is_some_and(|operation| self.is_container(operation));
        open.is_call = meaning.is_call && !open.is_container;
        if open.is_container {
            open.reading.make_inclusive();
        }
        let stage = self.stage(class, around, open);
        open.is_stage = stage.is_some();
        let outer_limited = around.map_or(Stages::NONE, |around| around.place.limited);
        let limited = outer_limited.with(self.options.limits.only(stage));
        open.place = match around {
            Some(around) => {
                open.root = None;
                Place { stage: stage.or(around.place.stage), limited, ..around.place }
            }
            None => {
                open.root = Some(RootPart::default());
                Place {
                    run: Self::next_run(),
                    root: id,
                    stage,
                    collector: 0,
                    in_container: open.is_container,
                    limited,
                }
            }
        };
        open.outer = around.and_then(|around| around.place.stage);
        open.outer_collector = open.place.collector;
        open.outer_limited = outer_limited;
        if open.collects() {
            open.place.collector = id;
        }
    }

    /// The name of the stage that a span is, if it is one.
    fn stage(&self, class: Class, around: Option<Around>, open: &Open) -> Option<Name> {
        let meaning = class.meaning;
        if meaning.has_stage {
            return open.reading.stage.or(Some(meaning.name));
        }
        if class.is_declared_stage {
            return Some(meaning.name);
        }
        let is_direct = around.is_some_and(|around| around.is_root) && self.options.named.stages.is_empty();
        if !is_direct || meaning.has_gate {
            return None;
        }
        match open.reading.agent {
            Some(agent) if open.is_container => Some(agent),
            // A span without a name has none to give to a row.
            _ => Some(meaning.name).filter(|name| !name.as_str().is_empty()),
        }
    }
}

/// Reads what a span tells at its creation.
fn read(meaning: &'static Meaning, attrs: &span::Attributes<'_>, reading: &mut Reading) {
    let manner = if meaning.is_call { Manner::Call } else { Manner::Sum };
    let mut plain = PlainVisitor::new(meaning, manner, reading);
    attrs.values().record(&mut plain);
    if plain.left_text {
        let mut texts = TextVisitor::new(meaning);
        attrs.values().record(&mut texts);
        texts.tell(manner, reading);
    }
}
