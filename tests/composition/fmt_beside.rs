//! `fmt` prints what it is to print, and nothing is switched on for our sake.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_budget::layer;
use tracing_budget::sink::Memory;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use crate::pipeline::{run, saw_it};

/// A page to print to.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Which of the words are printed: trace, debug, info.
    pub(crate) fn words(&self) -> [bool; 3] {
        ["trace", "debug", "info"].map(|level| self.text().contains(&format!("{level} word")))
    }
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn fmt<S>(page: &Page) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone())
}

#[test]
fn without_a_filter_it_prints_everything_before_and_after_us() {
    for before in [true, false] {
        let (page, memory) = (Page::default(), Memory::new());
        let guard = if before {
            let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
            tracing::subscriber::with_default(
                tracing_subscriber::registry().with(fmt(&page)).with(budget),
                run,
            );
            guard
        } else {
            let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
            tracing::subscriber::with_default(
                tracing_subscriber::registry().with(budget).with(fmt(&page)),
                run,
            );
            guard
        };
        assert_eq!(page.words(), [true; 3], "fmt before us: {before}\n{}", page.text());
        saw_it(&guard, &memory);
    }
}

#[test]
fn at_debug_it_prints_debug_before_and_after_us() {
    for before in [true, false] {
        let (page, memory) = (Page::default(), Memory::new());
        let guard = if before {
            let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
            tracing::subscriber::with_default(
                tracing_subscriber::registry().with(fmt(&page).with_filter(LevelFilter::DEBUG)).with(budget),
                run,
            );
            guard
        } else {
            let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
            tracing::subscriber::with_default(
                tracing_subscriber::registry().with(budget).with(fmt(&page).with_filter(LevelFilter::DEBUG)),
                run,
            );
            guard
        };
        assert_eq!(page.words(), [false, true, true], "fmt before us: {before}");
        saw_it(&guard, &memory);
    }
}

#[test]
fn under_a_quiet_fmt_we_see_what_it_does_not_print() {
    let (page, memory) = (Page::default(), Memory::new());
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let fmt = tracing_subscriber::fmt::layer().with_writer(page.clone()).with_filter(EnvFilter::new("error"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget).with(fmt), run);
    assert_eq!(page.words(), [false; 3]);
    saw_it(&guard, &memory);
}
