//! The size and the shape of the sources, of an earlier version and of this one, in one table.

use std::fs;
use std::path::Path;

use crate::deps::{Weight, weigh};
use crate::reasons::{Count, of_folder};
use crate::sources::{packages, rust_files};
use crate::{Outcome, close_path, largest_type, revision, root, surface};

/// Files below so many lines, with their imports and their first comment, are mostly frame.
const SMALL: usize = 60;

/// The folders of each part, before the split and since.
const PARTS: &[(&str, &[&str])] = &[
    ("server", &["src/server", "crates/tracing-budget-server/src"]),
    ("cli, mcp", &["src/cli", "src/mcp", "src/bin", "crates/tracing-budget-cli/src"]),
    ("history", &["src/history", "src/reprice", "crates/tracing-budget-history/src"]),
    ("journal", &["src/journal"]),
    ("layer", &["src/layer"]),
    ("attribution", &["src/attribution"]),
];

/// Prints one row per figure: its name, before, now.
pub(crate) fn print(before: &str) -> Outcome {
    let versions = [(before, revision::unpack(before)?), ("now", root().to_owned())];
    let weights = weigh(&versions, 1)?;
    let old = measure(&versions[0].1, &weights[0], before)?;
    let new = measure(&versions[1].1, &weights[1], "now")?;
    println!("{:44} {before:>10} {:>10}", "", "now");
    for (name, value) in &new {
        println!("{name:44} {:>10} {value:>10}", of(&old, name));
    }
    for (name, value) in old.iter().filter(|(name, _)| of(&new, name).is_empty()) {
        println!("{name:44} {value:>10}");
    }
    println!("\nThe close of a call, and the instructions spent in each file:");
    for (file, instructions) in close_path::files("now", root())? {
        println!("  {instructions:6}  {file}");
    }
    Ok(())
}

type Figures = Vec<(String, String)>;

fn of<'a>(figures: &'a Figures, name: &str) -> &'a str {
    figures.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
}

fn measure(repository: &Path, weight: &Weight, version: &str) -> Outcome<Figures> {
    let mut figures = Figures::new();
    let mut figure = |name: &str, value: String| figures.push((name.to_owned(), value));
    let packages = packages(repository)?;
    let (mut lines, mut reasons) = (Vec::new(), Count::default());
    for package in &packages {
        let source = package.folder.join("src");
        for file in rust_files(&source)? {
            lines.push(fs::read_to_string(file)?.lines().count());
        }
        reasons.add(of_folder(&source)?);
    }
    lines.sort_unstable();
    let small = lines.iter().filter(|lines| **lines < SMALL).count();
    figure("files", lines.len().to_string());
    figure("lines", lines.iter().sum::<usize>().to_string());
    figure("lines of the median file", median(&lines).to_string());
    figure(
        &format!("files with fewer than {SMALL} lines"),
        format!("{:.0} %", 100.0 * small as f64 / lines.len().max(1) as f64),
    );
    for (part, folders) in PARTS {
        let mut files = 0;
        for folder in folders.iter().map(|folder| repository.join(folder)).filter(|folder| folder.is_dir()) {
            files += rust_files(&folder)?.len();
        }
        figure(&format!("files: {part}"), files.to_string());
    }
    let layer = repository.join("src/layer");
    if let Some((name, size)) = largest_type::of_folder(&layer)? {
        // Named without the type: it may be another one since.
        println!("the largest type of the layer, {version}: {name}");
        figure("layer's largest type: methods", size.methods.to_string());
        figure("layer's largest type: files with them", size.files.len().to_string());
        figure("layer's largest type: open fields", size.open_fields.to_string());
    }
    figure("lines: layer", lines_of(&layer)?.to_string());
    figure("lines: attribution", lines_of(&repository.join("src/attribution"))?.to_string());
    figure("files in the close of a call", close_path::files(version, repository)?.len().to_string());
    figure("comment lines with reasons", reasons.reasons.to_string());
    figure("  per 100 lines of code", format!("{:.1}", reasons.share()));
    for room in crate::reasons::ROOMS {
        let share = of_folder(&repository.join("src").join(room))?.share();
        figure(&format!("  per 100 lines of code: {room}"), format!("{share:.1}"));
    }
    for package in &packages {
        let count = surface::count(&fs::read_to_string(package.folder.join("src/lib.rs"))?)?;
        figure(&format!("names at the root: {}", package.name), count.to_string());
    }
    figure("crates added to an application", weight.crates.len().to_string());
    figure("processor seconds added to an application", format!("{:.1}", weight.seconds));
    figure("  of the application's own", format!("{:.0} %", 100.0 * weight.seconds / weight.application));
    Ok(figures)
}

fn lines_of(folder: &Path) -> Outcome<usize> {
    if !folder.is_dir() {
        return Ok(0);
    }
    rust_files(folder)?
        .iter()
        .try_fold(0, |lines, file| Ok(lines + fs::read_to_string(file)?.lines().count()))
}

fn median(sorted: &[usize]) -> usize {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{median, of};

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[1, 2, 90]), 2);
        assert_eq!(median(&[]), 0);
    }

    #[test]
    fn a_figure_that_a_version_lacks_is_blank() {
        let figures = vec![("files".to_owned(), "3".to_owned())];
        assert_eq!(of(&figures, "files"), "3");
        assert_eq!(of(&figures, "crates"), "");
    }
}
