//! Placing a new span: root, stage, call, or none of our business.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use tracing_core::{LevelFilter, Metadata, Subscriber, span};
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
    pub(crate) fn class(&self, metadata: &'static Metadata<'static>) -> Class {
        here::class(self.number, metadata).unwrap_or_else(|| self.find_class(metadata))
    }

    #[cold]
    fn find_class(&self, metadata: &'static Metadata<'static>) -> Class {
        let class = self.options.named.class(Meaning::of(metadata));
        here::keep_class(self.number, metadata, class);
        class
    }

    /// Whether it is known at once that a new span does not matter: not by itself, nor as one right under a root. This is
    /// all that most spans of a program cost, so nothing here is called that is not inlined.
    #[inline]
    pub(crate) fn is_nothing(&self, attrs: &span::Attributes<'_>) -> bool {
        let Some(class) = here::class(self.number, attrs.metadata()) else { return false };
        if class.matters() || !is_where_we_are(attrs) {
            return false;
        }
        match here::is_in_root(self.number, self.epoch.load(Ordering::Relaxed)) {
            Some(in_root) => !(in_root && class.matters_under_root()),
            None => false,
        }
    }

    /// Remembers a new span if it matters.
    #[inline(never)]
    pub(crate) fn open<S>(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let class = self.class(attrs.metadata());
        let mut around = None;
        if is_where_we_are(attrs) {
            // Nearly always, this thread knows what is around.
            around = here::current_around(self.number, self.epoch.load(Ordering::Relaxed), Cell::get);
        }
        if !class.matters() && around.is_some_and(|around| !self.is_stage_in(&around)) {
            return;
        }
        let (around, is_adopted) = match around {
            Some(_) => (around, false),
            None => match self.look_around(class, attrs, id, &ctx) {
                Some(found) => found,
                None => return,
            },
        };
        self.remember(class, attrs, id.into_u64(), around.as_ref(), is_adopted);
    }

    /// What is around a new span, and whether it is adopted there; `None` if it does not matter where it stands.
    #[cold]
    fn look_around<S>(
        &self,
        class: Class,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) -> Option<(Option<Around>, bool)>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (around, is_adopted) = match self.parent_of(attrs, id, ctx) {
            Parent::None => (None, false),
            // A span that does not matter by itself only asks whether it stands right under a root, where it is a stage if
            // no stages were declared.
            Parent::Real(parent) if !class.matters() => (Some(self.right_under_root(parent)?), false),
            Parent::Real(parent) => (self.around(parent, ctx), false),
            // Whoever opens an agent or a call as a root of its own while a span is current does not mean a new run; of
            // any other span he does.
            Parent::Current(current) if class.meaning.is_gen_ai => {
                let around = self.around(current, ctx);
                (around, around.is_some())
            }
            Parent::Current(_) => (None, false),
        };
        (around.is_some() || class.may_be_root()).then_some((around, is_adopted))
    }

    /// Whether a span is a stage just for standing right in another.
    #[inline]
    fn is_stage_in(&self, around: &Around) -> bool {
        around.is_root && self.options.named.stages.is_empty()
    }

    fn right_under_root(&self, parent: u64) -> Option<Around> {
        match self.around_if_known(parent) {
            Some(around) => Some(around).filter(|around| self.is_stage_in(around) && around.span == parent),
            None => {
                // A plain span is no root; what is around it is not asked for until something that matters stands in it.
                here::keep_plain(self.number, parent);
                None
            }
        }
    }

    #[inline(always)]
    fn remember(
        &self,
        class: Class,
        attrs: &span::Attributes<'_>,
        id: u64,
        around: Option<&Around>,
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
        let begins = open.is_stage && (class.is_declared_stage() || meaning.has_stage);
        if around.is_some() && (is_adopted || place.in_container) {
            self.tell_root_of_child(place, is_adopted);
        }
        let opened = self.stage_to_journal(&open);
        self.table.insert(id, open);
        if let Some(opened) = opened {
            self.journal_opened(place, opened);
        }
        if begins {
            self.ensure_run(place);
        }
    }

    #[cold]
    fn tell_root_of_child(&self, place: Place, is_adopted: bool) {
        self.at_root(place, |root| {
            root.has_children = true;
            root.adopted += u64::from(is_adopted);
        });
    }

    /// Says where a span stands, from what is around it and what it told at its creation.
    #[inline]
    fn place(&self, class: Class, id: u64, around: Option<&Around>, open: &mut Open) {
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
        open.outer_limited = outer_limited;
        match around {
            Some(Around { place, .. }) => {
                open.root = None;
                open.place = Place { stage: stage.or(place.stage), limited, ..*place };
                (open.outer, open.outer_collector) = (place.stage, place.collector);
            }
            None => {
                let (run, in_container) = (Self::next_run(), open.is_container);
                open.root = Some(RootPart::default());
                open.place = Place { run, root: id, stage, collector: 0, in_container, limited };
                (open.outer, open.outer_collector) = (None, 0);
            }
        }
        if open.collects() {
            open.place.collector = id;
        }
    }

    /// The name of the stage that a span is, if it is one.
    #[inline]
    fn stage(&self, class: Class, around: Option<&Around>, open: &Open) -> Option<Name> {
        let meaning = class.meaning;
        if meaning.has_stage {
            return open.reading.stage.or(Some(meaning.name));
        }
        if class.is_declared_stage() {
            return Some(meaning.name);
        }
        if meaning.has_gate || around.is_none_or(|around| !self.is_stage_in(around)) {
            return None;
        }
        match open.reading.agent {
            Some(agent) if open.is_container => Some(agent),
            // A span without a name has none to give to a row.
            _ => Some(meaning.name).filter(|name| !name.as_str().is_empty()),
        }
    }
}

/// Whether a new span stands in the one that this thread has entered last, and that is known here: see `parent`.
#[inline]
fn is_where_we_are(attrs: &span::Attributes<'_>) -> bool {
    attrs.is_contextual() && LevelFilter::current() <= LevelFilter::INFO
}

/// Reads what a span tells at its creation.
#[inline]
fn read(meaning: &'static Meaning, attrs: &span::Attributes<'_>, reading: &mut Reading) {
    let manner = if meaning.is_call { Manner::Call } else { Manner::Sum };
    let mut plain = PlainVisitor::new(meaning, manner, reading);
    attrs.values().record(&mut plain);
    if plain.left_text {
        read_texts(meaning, manner, attrs, reading);
    }
}

#[cold]
fn read_texts(
    meaning: &'static Meaning,
    manner: Manner,
    attrs: &span::Attributes<'_>,
    reading: &mut Reading,
) {
    let mut texts = TextVisitor::new(meaning);
    attrs.values().record(&mut texts);
    texts.tell(manner, reading);
}
