//! Instructions and allocations of one span's life, counted by callgrind: the same to the digit wherever the same
//! compiler made the same code, however busy the machine is.
//!
//! ```text
//! cargo run --release -p budget-benches --bin count                 every variant
//! cargo run --release -p budget-benches --bin count -- ours call    variants with «ours» and «call» in their name
//!     --functions   also the functions where the instructions went
//!     --check       ours against benches/baseline.json: fails beyond 3 % more instructions
//!     --strict      with --check: fails where nothing can be compared, because the compiler or the machine is another
//!     --bless       writes benches/baseline.json
//!     --json FILE   writes what was counted
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use budget_benches::bar;
use budget_benches::callgrind::Profile;
use budget_benches::heap::{self, Counting};
use budget_benches::layers::Rest;
use budget_benches::shapes::{self, CHILDREN, Tree};
use budget_benches::variants::{self, Variant, Who};
use serde_json::{Value, json};

/// Trees before those that are counted: caches are full, tables have grown.
const WARM: u32 = 20;
/// Trees that are counted.
const COUNTED: u32 = 20;
const SPANS: f64 = (COUNTED * CHILDREN) as f64;

const OPENTELEMETRY: &str = "tracing-opentelemetry, batch";

/// How much more one of our variants may take than the baseline has.
const TOLERANCE: f64 = 1.03;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one variant takes for one span.
#[derive(Clone, Copy)]
struct Count {
    instructions: f64,
    allocations: f64,
    /// Of the allocations those in the span's own life.
    in_life: f64,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Outcome {
    let mut arguments = arguments.into_iter();
    let (mut check, mut strict, mut bless, mut functions, mut json, mut words) =
        (false, false, false, false, None, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--inside" => return live(&arguments.next().unwrap_or_default()).map(|never| match never {}),
            "--check" => check = true,
            "--strict" => strict = true,
            "--bless" => bless = true,
            "--functions" => functions = true,
            "--json" => json = Some(PathBuf::from(arguments.next().ok_or("--json needs a file")?)),
            option if option.starts_with("--") => return Err(format!("unknown option {option}").into()),
            _ => words.push(argument),
        }
    }
    let mut wanted = variants::all();
    wanted.retain(|variant| words.iter().all(|word| variant.name().contains(word.as_str())));
    wanted.retain(|variant| !check || variant.who == Who::Ours);
    wanted.retain(|variant| !bless || variant.who != Who::Peer);
    let baseline = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.json");
    let against = if check { comparable(&baseline)? } else { None };
    if check && against.is_none() {
        return if strict { Err("bless the baseline with this compiler".into()) } else { Ok(()) };
    }
    let mut counts = BTreeMap::new();
    let mut worse = Vec::new();
    println!("| under | span | instructions | above no-op | allocations | in its life |");
    println!("|---|---|--:|--:|--:|--:|");
    for variant in &wanted {
        let (profile, [allocations, in_life]) = count(variant)?;
        let instructions = profile.total as f64 / SPANS;
        let floor = variant.floor.and_then(|floor| counts.get(&variants::name(floor, variant.shape)));
        let above =
            floor.map_or(String::new(), |floor: &Count| format!("{:.0}", instructions - floor.instructions));
        // Only variants that use our trees report this number.
        let is_reported = variant.who != Who::Peer || variant.floor.is_some();
        let own = if is_reported { format!("{in_life:.3}") } else { String::new() };
        println!(
            "| {} | {} | {instructions:.1} | {above} | {allocations:.3} | {own} |",
            variant.under, variant.shape
        );
        if functions {
            print_functions(&profile);
        }
        if let Some(bar) =
            against.as_ref().and_then(|against| against[variant.name()]["instructions"].as_f64())
            && instructions > bar * TOLERANCE
        {
            worse.push(format!("{}: {instructions:.1} instructions, {bar:.1} before", variant.name()));
        }
        counts.insert(variant.name(), Count { instructions, allocations, in_life });
    }
    print_bars(&counts);
    let text = serde_json::to_string_pretty(&document(&counts)?)? + "\n";
    if let Some(file) = json {
        std::fs::write(file, &text)?;
    }
    if bless {
        if !words.is_empty() {
            return Err("--bless wants all variants".into());
        }
        std::fs::write(&baseline, &text)?;
    }
    if worse.is_empty() {
        return Ok(());
    }
    let much = (TOLERANCE - 1.0) * 100.0;
    Err(format!("over {much:.0} % more than the baseline; `--bless` if that is meant:\n{}", worse.join("\n"))
        .into())
}

/// The bars that instructions and allocations decide, in lines that `cargo xtask bench` gathers.
fn print_bars(counts: &BTreeMap<String, Count>) {
    let of = |under, shape| counts.get(&variants::name(under, shape)).copied();
    for (shape, most, most_allocations) in [
        ("plain span below a stage", 250.0, 0.0),
        ("plain span below a root", 250.0, 0.0),
        ("span with ten unknown fields", 400.0, 0.0),
        ("stage with usage, no model", 1500.0, 0.05),
        ("call, unpriced", 1500.0, 0.05),
        (variants::CALL, 2000.0, 0.1),
    ] {
        let (Some(ours), Some(floor)) = (of("ours", shape), of(variants::NO_OP_FILTERED, shape)) else {
            continue;
        };
        let above = ours.instructions - floor.instructions;
        bar(
            &format!("{shape}: at most {most} instructions above the no-op layer behind the same filter"),
            &format!("{above:.0}"),
            above <= most,
        );
        let text = format!("{shape}: at most {most_allocations} allocations in its life");
        bar(&text, &format!("{:.3}", ours.in_life), ours.in_life <= most_allocations);
    }
    if let (Some(ours), Some(floor)) =
        (of(variants::LIMITED, variants::CALL), of(variants::NO_OP_FILTERED, variants::CALL))
    {
        let above = ours.instructions - floor.instructions;
        bar(
            "call with a run's limit: at most 2600 instructions above the same",
            &format!("{above:.0}"),
            above <= 2600.0,
        );
    }
    if let Some(ours) = of("ours", "disabled span") {
        bar(
            "a disabled callsite stays at some 30 instructions",
            &format!("{:.0}", ours.instructions),
            ours.instructions <= 33.0,
        );
    }
    if let Some(off) = of(variants::OFF, "plain span below a stage") {
        bar(
            "a span under a layer that is switched off costs some 50 instructions with its guard, as a disabled callsite does",
            &format!("{:.0}", off.instructions),
            off.instructions <= 50.0,
        );
    }
    for shape in variants::COMPARED {
        let (Some(ours), Some(theirs)) = (of("ours", shape), of(OPENTELEMETRY, shape)) else { continue };
        let Some(floor) = of(variants::NO_OP_FILTERED, shape) else { continue };
        // The call's is that of what the layers add, as all its bars are; the others' is with what the registry takes.
        let (floor, least, of_what) = match shape {
            variants::CALL => (floor.instructions, 5.0, "fewer instructions above the no-op layer"),
            _ => (0.0, 4.0, "fewer instructions"),
        };
        let ratio = (theirs.instructions - floor) / (ours.instructions - floor);
        let text = format!("{shape}: {least} times {of_what} than {OPENTELEMETRY}");
        bar(&text, &format!("{ratio:.2} times"), ratio >= least);
    }
    if let (Some(near), Some(far)) =
        (of("ours", "call 2 below its stage"), of("ours", "call 64 below its stage"))
    {
        let ratio = far.instructions / near.instructions;
        let text = "a call 64 spans below its stage within 1.3 times one 2 below, in instructions";
        bar(text, &format!("{ratio:.3}"), ratio <= 1.3);
    }
}

/// Lives the trees of one variant, inside callgrind.
fn live(name: &str) -> Outcome<Infallible> {
    let variant =
        variants::all().into_iter().find(|variant| variant.name() == name).ok_or("no such variant")?;
    let listener = (variant.listener)();
    tracing::dispatcher::set_global_default(listener.dispatch)?;
    // Prices are looked up by the minute.
    let second = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() % 60;
    if second > 45 {
        std::thread::sleep(Duration::from_secs(60 - second));
    }
    let mut number = 0;
    for _ in 0..WARM {
        (variant.tree)(&mut number);
        (listener.rest)();
    }
    let [allocations, in_lives] = all_counted(variant.tree, &mut number, &listener.rest);
    println!("{allocations} {in_lives}");
    // Without ending anything: what a peer's end takes is not measured here.
    std::process::exit(0);
}

/// Where callgrind begins to keep what it counts; it knows functions by their names.
#[inline(never)]
fn all_counted(tree: Tree, number: &mut u64, rest: &Rest) -> [u64; 2] {
    let mut allocations = 0;
    let before = shapes::allocations_in_lives();
    for _ in 0..COUNTED {
        allocations += counted_tree(tree, number);
        // Threads of the subscriber's own would otherwise be at work at times of their choosing.
        rest();
    }
    [allocations, shapes::allocations_in_lives() - before]
}

/// What callgrind collects.
#[inline(never)]
fn counted_tree(tree: Tree, number: &mut u64) -> u64 {
    let before = heap::allocations();
    tree(number);
    heap::allocations() - before
}

fn count(variant: &Variant) -> Outcome<(Profile, [f64; 2])> {
    let file = std::env::temp_dir().join(format!("callgrind.{}", std::process::id()));
    let mut option = std::ffi::OsString::from("--callgrind-out-file=");
    option.push(&file);
    // The deep calls of the trees that only warm up are counted, too, and forgotten.
    let collect: &[&str] = if variant.is_deep() {
        &["--toggle-collect=*deep_lives*", "--zero-before=*all_counted*"]
    } else {
        &["--toggle-collect=*counted_tree*"]
    };
    let output = Command::new("setarch")
        .args(["-R", "valgrind", "--tool=callgrind", "--collect-atstart=no"])
        .args(collect)
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(option)
        .arg(std::env::current_exe()?)
        .args(["--inside", &variant.name()])
        // The environment lies on the stack, and moves it.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("setarch and valgrind are needed: {error}"))?;
    if !output.status.success() {
        return Err(format!("{}: {}", variant.name(), String::from_utf8_lossy(&output.stderr)).into());
    }
    let profile = Profile::read(&std::fs::read_to_string(&file)?);
    std::fs::remove_file(file)?;
    let profile = profile.ok_or_else(|| format!("{}: callgrind counted nothing", variant.name()))?;
    let printed = String::from_utf8(output.stdout)?;
    let (all, in_lives) = printed.trim().split_once(' ').ok_or("no allocations were reported")?;
    Ok((profile, [all.parse::<f64>()? / SPANS, in_lives.parse::<f64>()? / SPANS]))
}

fn print_functions(profile: &Profile) {
    for (function, instructions) in profile.largest(16) {
        println!("    {:9.1}  {function}", instructions as f64 / SPANS);
    }
    println!();
}

/// The compiler and the machine that the counts are for.
fn maker() -> Outcome<(String, String)> {
    let output =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let version = text.lines().next().unwrap_or_default().to_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
    Ok((version, host))
}

fn document(counts: &BTreeMap<String, Count>) -> Outcome<Value> {
    let (rustc, target) = maker()?;
    let variants: BTreeMap<_, _> = counts
        .iter()
        .map(|(name, Count { instructions, allocations, .. })| {
            (name, json!({ "instructions": instructions, "allocations": allocations }))
        })
        .collect();
    Ok(json!({ "rustc": rustc, "target": target, "variants": variants }))
}

/// The baseline's variants, if they were counted with this compiler on such a machine.
fn comparable(baseline: &Path) -> Outcome<Option<Value>> {
    let mut baseline: Value = serde_json::from_str(&std::fs::read_to_string(baseline)?)?;
    let (rustc, target) = maker()?;
    if baseline["rustc"] != rustc.as_str() || baseline["target"] != target.as_str() {
        println!(
            "nothing was compared: the baseline is of {} on {}, this is {rustc} on {target}",
            baseline["rustc"], baseline["target"]
        );
        return Ok(None);
    }
    Ok(Some(baseline["variants"].take()))
}
