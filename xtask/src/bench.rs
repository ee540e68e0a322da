//! Measures everything and writes the tables of `docs/performance.md`. The text between the tables is kept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::{Outcome, cargo, read, root};

const PAGE: &str = "docs/performance.md";
/// How many spans a timed tree has.
const CHILDREN: f64 = 100.0;

const OURS: &str = "ours";
const OPENTELEMETRY: &str = "tracing-opentelemetry, batch";
/// The peer is to take so many times our time.
const TIMES: f64 = 4.0;

/// Runs the named parts, or all of them.
pub(crate) fn run(parts: &[&str]) -> Outcome {
    let page = root().join(PAGE);
    let mut text = fs::read_to_string(&page)?;
    for part in ["count", "start", "memory", "threads", "time"] {
        if !parts.is_empty() && !parts.contains(&part) {
            continue;
        }
        println!("==> {part}");
        let output = match part {
            "time" => time()?,
            program => {
                read(&mut cargo(&["run", "--release", "--locked", "-p", "budget-benches", "--bin", program]))?
            }
        };
        let (bars, tables): (Vec<_>, Vec<_>) = output.lines().partition(|line| line.starts_with("bar "));
        text = replaced(&text, part, tables.join("\n").trim())?;
        let mut verdicts = "| the bar | measured | |\n|---|--:|---|".to_owned();
        for bar in bars {
            verdicts.push('\n');
            verdicts.push_str(bar.trim_start_matches("bar "));
        }
        text = replaced(&text, &format!("bars of {part}"), &verdicts)?;
        fs::write(&page, &text)?;
    }
    text = replaced(&text, "machine", &machine()?)?;
    fs::write(&page, &text)?;
    println!("{PAGE} is up to date");
    Ok(())
}

/// Puts a table between its markers.
fn replaced(text: &str, name: &str, table: &str) -> Outcome<String> {
    let (start, end) = (format!("<!-- {name} -->"), format!("<!-- end of {name} -->"));
    let missing = || format!("{PAGE} has no «{start}» before «{end}»");
    let (before, rest) = text.split_once(&start).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{start}\n\n{table}\n\n{end}{after}"))
}

/// All variants in one run of criterion, as a table, with the bar that the times decide.
fn time() -> Outcome<String> {
    let bench =
        ["bench", "--locked", "-p", "budget-benches", "--bench", "spans", "--", "--output-format", "bencher"];
    let output = read(&mut cargo(&bench))?;
    let times: Vec<(String, f64)> = output.lines().filter_map(timed).collect();
    let of: BTreeMap<&str, f64> = times.iter().map(|(name, nanos)| (name.as_str(), *nanos)).collect();
    let mut table = "| under | span | ns | times ours |\n|---|---|--:|--:|\n".to_owned();
    for (name, nanos) in &times {
        let (under, shape) = name.split_once(": ").unwrap_or((name, ""));
        let ours = of.get(format!("{OURS}: {shape}").as_str()).copied();
        let ratio = ours.map_or(String::new(), |ours| format!("{:.2}", nanos / ours));
        writeln!(table, "| {under} | {shape} | {nanos:.0} | {ratio} |")?;
        if let Some(ours) = ours.filter(|_| under == "fastrace") {
            let ratio = nanos / ours;
            let verdict = if ratio >= 1.0 { "met" } else { "**missed**" };
            writeln!(
                table,
                "bar | {shape}: no slower than fastrace | {ratio:.2} times its time | {verdict} |"
            )?;
        }
        if let Some(ours) = ours.filter(|_| under == OPENTELEMETRY) {
            let ratio = nanos / ours;
            let verdict = if ratio >= TIMES { "met" } else { "**missed**" };
            writeln!(
                table,
                "bar | {shape}: {TIMES} times less time than {OPENTELEMETRY} | {ratio:.2} times | {verdict} |"
            )?;
        }
    }
    Ok(table)
}

/// `test life/ours: call ... bench:   123,456 ns/iter (+/- 789)`, as a name and nanoseconds of one span.
fn timed(line: &str) -> Option<(String, f64)> {
    let (name, rest) = line.strip_prefix("test life/")?.split_once(" ... bench:")?;
    let (nanos, _) = rest.split_once(" ns/iter")?;
    let nanos: f64 = nanos.trim().replace(',', "").parse().ok()?;
    Some((name.to_owned(), nanos / CHILDREN))
}

fn machine() -> Outcome<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = read(std::process::Command::new(rustc).arg("-V"))?;
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism()?;
    let model = model.trim_start_matches([':', '\t', ' ']);
    Ok(format!("Measured with {} on {cores} cores of: {model}.", version.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_replaces_what_was_between_its_markers_and_nothing_else() {
        let page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
        let new = replaced(page, "x", "new").expect("the markers are there");
        assert_eq!(new, "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert!(replaced(page, "y", "new").is_err());
    }

    #[test]
    fn a_time_is_that_of_one_span() {
        let line = "test life/ours: call, unpriced ... bench:     123,456 ns/iter (+/- 789)";
        assert_eq!(timed(line), Some(("ours: call, unpriced".to_owned(), 1234.56)));
        assert_eq!(timed("running 1 test"), None);
    }
}
