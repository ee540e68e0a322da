//! Prices are renewed while a process runs, their age is seen, and what of them cannot be used.
#![cfg(feature = "prices")]
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tracing::info_span;
use tracing_budget::price::{Origin, PriceBookError, Rates, Source};
use tracing_budget::sink::Memory;
use tracing_budget::{BuildError, Handle, PriceBook, RunSummary, Usage, call, layer};
use tracing_subscriber::prelude::*;

/// A `data.json` with one model, the price of a million of its input tokens, and more of its price.
fn data(input_mtok: f64, more: &str) -> String {
    format!(
        r#"[{{"id": "acme", "name": "Acme", "api_pattern": "https://acme\\.example", "models": [
            {{"id": "acme-1", "match": {{"equals": "acme-1"}}, "prices": {{"input_mtok": {input_mtok}{more}}}}}]}}]"#
    )
}

/// The same with a price that began so many days ago.
fn data_from(days: u64) -> String {
    let from = SystemTime::now() - Duration::from_secs(days * 86_400);
    let day = jiff::Timestamp::try_from(from).unwrap().to_string();
    data(1.0, "").replace(
        r#""prices": {"input_mtok": 1}"#,
        &format!(
            r#""prices": [{{"prices": {{"input_mtok": 3}}}},
                {{"constraint": {{"start_date": "{}"}}, "prices": {{"input_mtok": 1}}}}]"#,
            &day[..10]
        ),
    )
}

fn book(input_mtok: f64) -> PriceBook {
    PriceBook::builder().prices_json(data(input_mtok, "")).build().unwrap()
}

/// A call of a million tokens.
fn one_call() {
    call("acme-1").provider("acme").start().usage(Usage::new().input(1_000_000));
}

/// The summary of a run under a layer with this book.
fn run(book: PriceBook, pipeline: impl FnOnce(&Handle)) -> RunSummary {
    let memory = Memory::new();
    let (budget, guard) = layer().prices(book).sink(memory.clone()).build().unwrap();
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _root = info_span!("pipeline").entered();
        pipeline(&handle);
    });
    guard.flush().unwrap();
    assert!(guard.handle().audit().is_clean(), "{}", guard.handle().audit());
    memory.take().remove(0)
}

fn cost(run: &RunSummary) -> f64 {
    run.budget_summary.total.cost_usd.unwrap().to_f64()
}

#[test]
fn calls_that_end_after_a_renewal_have_the_new_price_and_earlier_ones_keep_theirs() {
    let [first, second] = [book(1.0), book(10.0)];
    let own = PriceBook::builder().price("acme-1", Rates::per_million().input("100")).build().unwrap();
    let names = [&first, &second].map(|book| book.name().to_string());
    let run = run(first, |handle| {
        // Closed before prices are read, or after: its price is of the book that was in force.
        one_call();
        let open = call("acme-1").provider("acme").start();
        handle.set_prices(second);
        open.usage(Usage::new().input(1_000_000));
        drop(open);
        one_call();
        handle.set_prices(own);
        one_call();
    });
    assert_eq!(cost(&run), 1.0 + 10.0 + 10.0 + 100.0);
    let mut sources: Vec<_> = run.budget_summary.calls.as_ref().unwrap().iter().collect();
    sources.sort_by_key(|call| call.cost_usd);
    let sources: Vec<_> = sources.iter().map(|call| call.price_source.clone().unwrap()).collect();
    assert_eq!(sources, [&*names[0], &*names[1], &*names[1], "override"]);
    let row = &run.budget_summary.per_model["acme/acme-1"];
    assert_eq!(row.price_sources[..3], ["override".to_owned(), names[0].clone(), names[1].clone()]);
}

#[test]
fn a_run_after_a_renewal_names_its_book_alone() {
    let [first, second] = [book(1.0), book(2.0)];
    let name = second.name().to_string();
    let memory = Memory::new();
    let (budget, guard) = layer().prices(first).sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        info_span!("before").in_scope(one_call);
        guard.handle().set_prices(second);
        info_span!("after").in_scope(one_call);
    });
    guard.flush().unwrap();
    let runs = memory.take();
    let sources = |run: &RunSummary| run.budget_summary.per_model["acme/acme-1"].price_sources.clone();
    assert_eq!(sources(&runs[0]).len(), 1);
    assert_eq!(sources(&runs[1]), [name]);
}

#[test]
fn the_journal_of_a_run_after_a_renewal_names_its_book() {
    let [first, second] = [book(1.0), book(2.0)];
    let names = [&first, &second].map(|book| format!(r#""book":"{}""#, book.name()));
    let directory = directory("journal");
    let (budget, guard) = layer().prices(first).sink(Memory::new()).journal(&directory).build().unwrap();
    let journal = || {
        let files = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path());
        let journal = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).last();
        std::fs::read_to_string(journal.unwrap()).unwrap()
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        info_span!("before").in_scope(one_call);
        guard.handle().set_prices(second);
        let _open = info_span!(parent: None, "after").entered();
        one_call();
        for _ in 0..200 {
            if journal().contains(&names[1]) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let text = journal();
        let of_runs = |name: &str| {
            let runs = text.lines().filter(|line| line.contains(r#""kind":"run""#));
            runs.filter(|line| line.contains(name)).count()
        };
        assert_eq!((of_runs(&names[0]), of_runs(&names[1])), (0, 1), "{text}");
        assert!(text.lines().next().unwrap().contains(&names[0]), "{text}");
    });
}

#[test]
fn no_call_is_lost_or_priced_twice_while_books_are_swapped_on_other_threads() {
    const THREADS: usize = 4;
    const CALLS: usize = 300;
    let books = [book(1.0), book(10_000.0)];
    let run = run(books[0].clone(), |handle| {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let (root, over) = (tracing::Span::current(), AtomicBool::new(false));
        thread::scope(|threads| {
            let calls: Vec<_> = (0..THREADS)
                .map(|_| {
                    threads.spawn(|| {
                        tracing::dispatcher::with_default(&dispatch, || {
                            let _root = root.clone().entered();
                            (0..CALLS).for_each(|_| one_call());
                        });
                    })
                })
                .collect();
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    books.iter().for_each(|book| handle.set_prices(book.clone()));
                }
            });
            calls.into_iter().for_each(|calls| calls.join().unwrap());
            over.store(true, Ordering::Relaxed);
        });
    });
    let total = &run.budget_summary.total;
    assert_eq!((total.llm_calls, total.unpriced_calls), ((THREADS * CALLS) as u64, 0));
    // Each call has one of the two prices: tens of thousands are calls by the second book, the rest are calls by the first.
    let cost = cost(&run) as u64;
    assert_eq!(cost / 10_000 + cost % 10_000, (THREADS * CALLS) as u64, "{cost}");
}

#[test]
fn old_prices_are_a_warning_with_their_age() {
    let old = PriceBook::builder().prices_json(data_from(61)).build().unwrap();
    let name = old.name().to_string();
    let run_with = |book| run(book, |_| (0..3).for_each(|_| one_call()));
    assert_eq!(
        run_with(old).warnings,
        [format!(
            "the prices of {name} are 61 days old, and may have changed: `tracing-budget prices update` fetches newer ones"
        )]
    );
    let newer = PriceBook::builder().prices_json(data_from(60)).build().unwrap();
    assert_eq!(run_with(newer).warnings, [""; 0]);
    // What no published price was taken for does not depend on their age.
    let own = Rates::per_million().input("1");
    let own = PriceBook::builder().prices_json(data_from(61)).price("acme-1", own).build().unwrap();
    assert_eq!(run_with(own).warnings, [""; 0]);
    let old = PriceBook::builder().prices_json(data_from(61)).build().unwrap();
    let reported = run(old, |_| {
        call("acme-1").start().cost("0.5");
    });
    assert_eq!(reported.warnings, [""; 0]);
}

#[test]
fn a_renewal_ends_the_warning_for_later_runs() {
    let [old, new] = [500, 1].map(|days| PriceBook::builder().prices_json(data_from(days)).build().unwrap());
    let memory = Memory::new();
    let (budget, guard) = layer().prices(old).sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        info_span!("before").in_scope(one_call);
        guard.handle().set_prices(new);
        info_span!("after").in_scope(one_call);
    });
    guard.flush().unwrap();
    let warnings: Vec<_> = memory.take().iter().map(|run| run.warnings.len()).collect();
    assert_eq!(warnings, [1, 0]);
}

#[test]
fn the_edition_shows_where_prices_are_from_and_how_old_they_are() {
    let book = PriceBook::builder().prices_json(data_from(10)).build().unwrap();
    let edition = book.edition();
    assert_eq!((edition.origin.clone(), edition.providers, edition.models), (Origin::Given, 1, 1));
    assert_eq!(edition.age_days(SystemTime::now()), Some(10));
    assert_eq!(edition.age_days(SystemTime::UNIX_EPOCH), Some(0));
    // A list without a date has no age, and a price of next year none yet.
    assert_eq!(PriceBook::builder().prices_json(data(1.0, "")).build().unwrap().edition().date, None);
    let bundled = PriceBook::builder().bundled_prices().build().unwrap().edition();
    assert_eq!(bundled.origin, Origin::Bundled);
    assert!(bundled.providers > 40 && bundled.models > 2_000, "{bundled:?}");
    assert_eq!(bundled.unknown_keys, [""; 0]);
}

#[test]
fn calls_that_are_priced_without_a_part_of_their_price_are_counted_in_a_warning() {
    let newer = data(1.0, r#", "input_hologram_mtok": 7, "output_smell_mtok": 9"#);
    let book = PriceBook::builder().prices_json(newer).build().unwrap();
    assert_eq!(book.edition().unknown_keys, ["input_hologram_mtok", "output_smell_mtok"]);
    let model = book.model(Some("acme"), Some("acme-1"));
    assert_eq!(model.unknown_price_keys(SystemTime::now()).len(), 2);
    let run_with = |book, calls| run(book, |_| (0..calls).for_each(|_| one_call()));
    let run = run_with(book, 1_204);
    assert_eq!((cost(&run), run.budget_summary.total.partial_calls), (1_204.0, 1_204));
    assert_eq!(
        run.warnings,
        [
            "acme/acme-1: 1,204 calls priced without input_hologram_mtok, output_smell_mtok, which this release of \
          tracing-budget cannot price"
        ]
    );
    // Rates of the user's own are whole.
    let own = Rates::per_million().input("1");
    let newer = data(1.0, r#", "input_hologram_mtok": 7"#);
    let book = PriceBook::builder().prices_json(newer).price("acme-1", own).build().unwrap();
    assert_eq!(run_with(book, 3).warnings, [""; 0]);
}

#[test]
fn a_correction_holds_for_a_newer_list_until_that_has_another_price() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/genai-prices.json");
    let list: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let at = jiff::Timestamp::from_second(1_796_040_030).unwrap().into(); // 2026-11-30
    let source = |list: &serde_json::Value, provider: &str, model: &str| {
        let book = PriceBook::builder().prices_json(list.to_string()).build().unwrap();
        let priced = book.model(Some(provider), Some(model)).price(&Usage::new().input(1_000), at);
        priced.unwrap().source
    };
    for (provider, model) in [("deepseek", "deepseek-chat"), ("perplexity", "sonar")] {
        assert_eq!(source(&list, provider, model), Source::Corrections, "{model}");
        let mut newer = list.clone();
        let providers = newer.as_array_mut().unwrap();
        let models = providers.iter_mut().find(|of| of["id"] == provider).unwrap()["models"].as_array_mut();
        let entry = models.unwrap().iter_mut().find(|entry| entry["id"] == model).unwrap();
        entry["prices"] = serde_json::json!({"input_mtok": 0.11, "output_mtok": 0.22});
        assert!(matches!(source(&newer, provider, model), Source::Book(_)), "{model}");
    }
}

/// A directory of this test alone.
fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("renewal").join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// FNV-1a, as the fingerprint in the name of a kept file.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_current_file_of_a_directory_is_read_and_one_that_was_changed_is_not() {
    let (directory, json) = (directory("kept"), data(3.0, ""));
    let print = fingerprint(json.as_bytes());
    let name = format!("genai-prices-2026-11-10-{print:016x}.json");
    std::fs::write(directory.join(&name), &json).unwrap();
    std::fs::write(directory.join("current"), format!("{name}\n")).unwrap();
    let load = || PriceBook::builder().prices_json_file(&directory).build();
    let book = load().unwrap();
    assert_eq!(book.name().as_str(), format!("genai-prices@2026-11-10#{print:016x}"));
    assert_eq!(book.edition().date.as_deref(), Some("2026-11-10"));
    assert_eq!(book.edition().origin, Origin::File(directory.join(&name)));

    std::fs::write(directory.join(&name), data(4.0, "")).unwrap();
    let error = load().unwrap_err();
    assert!(matches!(error, PriceBookError::Data { .. }), "{error}");
    assert!(error.to_string().contains("its content was changed after it was kept"), "{error}");

    for pointer in ["", "../elsewhere.json", "/etc/passwd", ".."] {
        std::fs::write(directory.join("current"), pointer).unwrap();
        let error = load().unwrap_err().to_string();
        assert!(error.contains("expected the name of a file"), "{pointer:?}: {error}");
    }
    std::fs::remove_file(directory.join("current")).unwrap();
    assert!(matches!(load(), Err(PriceBookError::Read { .. })));
}

/// Runs in a process of its own, with `TRACING_BUDGET_PRICES` as a test has set it; a test alone does nothing.
#[test]
fn with_prices_of_the_environment() {
    let Ok(case) = std::env::var("RENEWAL_CASE") else { return };
    match &*case {
        "good" => {
            let (budget, guard) = layer().build::<tracing_subscriber::Registry>().unwrap();
            drop((budget, guard));
            let book = PriceBook::new();
            assert!(matches!(book.edition().origin, Origin::Environment(_)));
            let run = run(book, |_| one_call());
            assert_eq!((cost(&run), run.warnings), (7.0, Vec::new()));
            // Own prices go on top of it, other published ones in place of it.
            let own = Rates::per_million().input("2");
            let own = PriceBook::builder().price("acme-2", own).build().unwrap();
            assert!(own.model(Some("acme"), Some("acme-1")).never_priced().is_none());
            let bundled = PriceBook::builder().bundled_prices().build().unwrap();
            assert!(bundled.model(Some("acme"), Some("acme-1")).never_priced().is_some());
        }
        "broken" => {
            let error = layer().build::<tracing_subscriber::Registry>().err().unwrap();
            assert!(matches!(error, BuildError::Prices(PriceBookError::Environment { .. })), "{error}");
            assert!(error.to_string().starts_with("TRACING_BUDGET_PRICES: "), "{error}");
            // A layer that has to start anyway keeps its limits.
            let (budget, guard) = layer().limit_usd("0.01").build_or_disabled();
            assert_eq!(guard.handle().why_disabled(), None);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
                let _pipeline = tracing::info_span!("pipeline").entered();
                call("gpt-5").provider("openai").start().finish(Usage::new().input(1_000_000).output(0));
                assert!(tracing_budget::check().is_err());
            });
            // Where no error can be returned, the bundled prices are used, and every summary has a warning.
            for _ in 0..2 {
                let run = run(PriceBook::new(), |_| {
                    call("gpt-5").provider("openai").start().usage(Usage::new().input(1_000_000));
                });
                assert_eq!(cost(&run), 1.25);
                let warning = &run.warnings[0];
                assert!(warning.starts_with("TRACING_BUDGET_PRICES: "), "{warning}");
                assert!(warning.ends_with("; the prices used are those of genai-prices@0.2.1"), "{warning}");
            }
        }
        case => panic!("no case {case}"),
    }
}

/// What a process with these prices wrote to stderr.
fn with_prices(case: &str, prices: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "with_prices_of_the_environment", "--nocapture"])
        .env("RENEWAL_CASE", case)
        .env("TRACING_BUDGET_PRICES", prices)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{case}, {}: {text}", prices.display());
    text
}

#[test]
fn an_environment_variable_is_enough_to_price_with_a_newer_file() {
    let directory = directory("environment");
    std::fs::write(directory.join("data.json"), data(7.0, "")).unwrap();
    let good = with_prices("good", &directory.join("data.json"));
    assert!(!good.contains("tracing-budget: "), "{good}");
}

#[test]
fn a_variable_that_names_no_prices_is_an_error_or_a_warning_and_never_silent() {
    let directory = directory("broken");
    std::fs::write(directory.join("half.json"), &data(7.0, "")[..100]).unwrap();
    std::fs::write(directory.join("page.json"), "<!doctype html>").unwrap();
    for prices in ["half.json", "page.json", "none.json", ""] {
        let text = with_prices("broken", &directory.join(prices));
        let lines = text.lines().filter(|line| line.contains("the prices used are those of")).count();
        assert_eq!(lines, 1, "{prices}: {text}");
    }
}
