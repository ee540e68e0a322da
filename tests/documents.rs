//! The documents are short, name their reader, and cite only what is in this repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The README is for a busy reader. Everything beyond this belongs to a page of its own.
const README_LINES: usize = 200;

/// Folders that hold no document and no source of this repository.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// Folders in which a document may name a file.
const FOLDERS: [&str; 8] =
    ["tests/", "examples/", "crates/", "docs/", "src/", "benches/", "schema/", "xtask/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files with this extension, anywhere in the repository.
fn files(extension: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with .{extension}");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .replace("\r\n", "\n")
}

/// The name of a file, from the root of the repository.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string().replace('\\', "/")
}

/// A document without its code blocks, in which brackets and backticks are no markup.
fn prose(document: &str) -> String {
    let mut is_code = false;
    let lines = document.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of a document's links, those of its reference definitions included.
fn links(document: &str) -> Vec<String> {
    let prose = prose(document);
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    let defined =
        prose.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(defined.map(|(_, link)| link)).map(str::to_owned).collect()
}

/// The anchors of a document's headings, formed as GitHub forms them.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn the_readme_has_at_most_200_lines() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines: move some to a page in docs/");
}

#[test]
fn every_page_names_its_reader_and_the_question_at_the_top() {
    for page in files("md").iter().filter(|page| name(page).starts_with("docs/")) {
        let text = read(page);
        let lines = text.lines().filter(|line| !line.starts_with("<!--"));
        let mut lines = lines.skip_while(|line| line.is_empty());
        assert!(lines.next().is_some_and(|title| title.starts_with("# ")), "{} has no title", name(page));
        let paragraph = lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
        let first = paragraph.collect::<Vec<_>>().join(" ");
        assert!(
            first.starts_with("For ") && first.contains(": ") && first.contains('?'),
            "{}: expected \"For READER: QUESTION?\" under the title, got {first:?}",
            name(page)
        );
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in files("md") {
        for link in links(&read(&page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target =
                if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            let leads = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", name(&page)));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n{}", broken.join("\n"));
}

/// Documents name the tests that hold their claims. A test that was moved or renamed must be renamed there too.
#[test]
fn every_file_that_a_document_names_exists() {
    let mut missing = Vec::new();
    for page in files("md") {
        let prose = prose(&read(&page));
        for path in prose.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| path.starts_with(folder));
            let is_pattern = path.contains(['*', '{', ' ', '…', '<']);
            if is_path && !is_pattern && !is_upper(path) && !root().join(path).exists() {
                missing.push(format!("{}: {path}", name(&page)));
            }
        }
    }
    assert!(missing.is_empty(), "files that do not exist:\n{}", missing.join("\n"));
}

/// A path with a placeholder, such as `tests/table/NAME.txt`.
fn is_upper(path: &str) -> bool {
    let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem != "README" && stem.len() > 1 && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[test]
fn the_source_cites_no_document_that_is_missing() {
    let mut missing = Vec::new();
    for source in files("rs").iter().chain(&files("toml")) {
        for (number, line) in read(source).lines().enumerate() {
            let words = line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_')));
            for word in words.filter(|word| word.ends_with(".md")) {
                let word = word.trim_start_matches('/');
                let plain = word.trim_start_matches("../");
                let stem = plain.trim_end_matches(".md");
                let is_document = stem.starts_with("docs/")
                    || !stem.is_empty() && stem.chars().all(|c| c.is_ascii_uppercase());
                if is_document && !cites(source, word) {
                    missing.push(format!("{}:{}: {word}", name(source), number + 1));
                }
            }
            let is_comment = line.trim_start().starts_with("//");
            if is_comment && ["the design", "design 4", "the plan's"].iter().any(|cited| line.contains(cited))
            {
                missing.push(format!("{}:{}: {}", name(source), number + 1, line.trim()));
            }
        }
    }
    assert!(missing.is_empty(), "documents that are not in this repository:\n{}", missing.join("\n"));
}

/// Whether a document exists: from the root, or from a folder around the source that names it.
fn cites(source: &Path, document: &str) -> bool {
    let mut folders = source.ancestors().skip(1).take_while(|folder| folder.starts_with(root()));
    folders.any(|folder| folder.join(document).exists())
}

/// The rules have fourteen numbers, each with a heading, and each that a test cites is among them.
#[test]
fn the_rules_that_tests_cite_are_those_of_the_page() {
    let page = read(&root().join("docs/attribution.md"));
    let rules: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## A")?.split_once(' '))
        .map(|(number, _)| format!("A{number}"))
        .collect();
    assert_eq!(rules, (1..=14).map(|number| format!("A{number}")).collect());

    let mut cited = BTreeSet::new();
    for test in files("rs").iter().filter(|path| name(path).starts_with("tests/")) {
        for line in read(test).lines().filter(|line| line.trim_start().starts_with("//")) {
            let words = line.split(|c: char| !c.is_alphanumeric());
            let is_rule = |word: &&str| {
                word.strip_prefix('A')
                    .is_some_and(|number| !number.is_empty() && number.parse::<u32>().is_ok())
            };
            for rule in words.filter(is_rule) {
                assert!(rules.contains(rule), "{} cites {rule}, which docs/attribution.md lacks", name(test));
                cited.insert(rule.to_owned());
            }
        }
    }
    let built: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| [A") && !line.ends_with("| not built yet |"))
        .filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned()))
        .collect();
    let untested: Vec<_> = built.difference(&cited).collect();
    assert!(untested.is_empty(), "no test cites the rules {untested:?}, which are built");
}
