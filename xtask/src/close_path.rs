//! The files of this library that the close of an ordinary call passes through.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::application::Application;
use crate::{Outcome, root, run};

/// An unpriced call with new usage below a stage, closed where callgrind sees it. The ones before it fill the caches.
const PROGRAM: &str = r#"use tracing_subscriber::prelude::*;

#[inline(never)]
fn counted_close(span: tracing::Span) {
    drop(span);
}

fn main() {
    let built = tracing_budget::layer().sink(|_: &tracing_budget::RunSummary| ()).build();
    let (layer, _guard) = built.expect("nothing in these options can be wrong");
    tracing_subscriber::registry().with(layer).init();
    let root = tracing::info_span!("pipeline").entered();
    let stage = tracing::info_span!("implementation", stage = "implementation").entered();
    for number in 0_u64..40 {
        let call = tracing::info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "some",
            gen_ai.request.model = "house-model",
            gen_ai.usage.input_tokens = 1000 + number,
            gen_ai.usage.output_tokens = 100 + number,
        );
        if number < 39 { drop(call) } else { counted_close(call) }
    }
    drop((stage, root));
}
"#;

/// Each file with the instructions that were spent in it, functions that were inlined into others among them.
pub(crate) fn files(name: &str, library: &Path) -> Outcome<BTreeMap<String, u64>> {
    let application = Application::write(&format!("{name}-close"), library, true)?;
    let program = application.build_program(PROGRAM)?;
    let profile = root().join("target/xtask/close.callgrind");
    let mut option = std::ffi::OsString::from("--callgrind-out-file=");
    option.push(&profile);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_close*"]);
    valgrind.args(["--compress-strings=no", "--compress-pos=no"]).arg(option).arg(program);
    run(valgrind.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let library = library.join("src");
    let files = read(&fs::read_to_string(&profile)?, &format!("{}/", library.display()));
    if files.is_empty() { Err("callgrind saw no file of the library".into()) } else { Ok(files) }
}

/// The files below a folder that took instructions themselves.
fn read(profile: &str, folder: &str) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    let mut file = "";
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        let named = ["fl=", "fi=", "fe="].iter().find_map(|key| line.strip_prefix(key));
        if let Some(named) = named {
            file = named;
        } else if line.starts_with("calls=") {
            // The cost of the callee is in the callee's own lines.
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit())
            && let Some(own) = file.strip_prefix(folder)
            && let Some(cost) = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok())
        {
            *files.entry(own.to_owned()).or_default() += cost;
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn inlined_functions_are_in_their_own_files() {
        let text = "events: Ir\n\nfl=/w/src/a.rs\nfn=close\n16 3\nfi=/w/src/b.rs\n9 2\nfe=/w/src/a.rs\ncfi=/rustc/x.rs\n\
                    cfn=malloc\ncalls=2 0\n16 90\n17 4\n\nfl=/rustc/x.rs\nfn=malloc\n0 90\ntotals: 99\n";
        let files = read(text, "/w/src/");
        assert_eq!(files.into_iter().collect::<Vec<_>>(), [("a.rs".to_owned(), 7), ("b.rs".to_owned(), 2)]);
    }
}
