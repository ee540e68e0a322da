//! Files of one crate that import each other in a circle.
//!
//! A name that a `mod.rs` only re-exports counts as the file that defines it, so such a `mod.rs` is in no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::imports::{self, Imports, Module};
use crate::sources::rust_files;

/// The files of a circle, each with those of the circle that it imports.
pub(crate) type Circle<'a> = Vec<(&'a Path, Vec<&'a Path>)>;

/// The files of a crate by their module.
pub(crate) struct Modules {
    files: BTreeMap<Module, (PathBuf, Imports)>,
}

impl Modules {
    /// Reads every file below `source`, a crate's `src`.
    pub(crate) fn read(source: &Path) -> Outcome<Self> {
        let mut files = BTreeMap::new();
        for file in rust_files(source)? {
            let path = file.strip_prefix(source)?;
            // A program's own file is another crate, which names the library from outside.
            if path.starts_with("bin") || path == Path::new("main.rs") {
                continue;
            }
            let module = module(path);
            let imports = imports::read(&module, &fs::read_to_string(&file)?)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            files.insert(module, (file, imports));
        }
        Ok(Self { files })
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&Module, &Path, &Imports)> {
        self.files.iter().map(|(module, (file, imports))| (module, file.as_path(), imports))
    }

    /// The circles, the largest first.
    pub(crate) fn circles(&self) -> Vec<Circle<'_>> {
        let modules: Vec<&Module> = self.files.keys().collect();
        let edges: Vec<BTreeSet<usize>> = modules
            .iter()
            .map(|module| {
                let named =
                    self.files[*module].1.paths.iter().filter(|named| !named.test && !named.passed_on);
                let targets = named.filter_map(|named| self.definer(&named.path, 0));
                let others = targets.filter(|target| target != module);
                others.filter_map(|target| modules.binary_search(&target).ok()).collect()
            })
            .collect();
        let file = |at: usize| self.files[modules[at]].0.as_path();
        let mut circles: Vec<Circle<'_>> = components(&edges)
            .into_iter()
            .filter(|component| component.len() > 1)
            .map(|component| {
                let inside = |at: &&usize| component.contains(at);
                let imports = |at: usize| edges[at].iter().filter(inside).map(|to| file(*to)).collect();
                component.iter().map(|at| (file(*at), imports(*at))).collect()
            })
            .collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    /// The module that defines what `path` names.
    fn definer(&self, path: &[String], hops: usize) -> Option<&Module> {
        let depth = (0..=path.len()).rev().find(|depth| self.files.contains_key(&path[..*depth]))?;
        let (module, (_, imports)) = self.files.get_key_value(&path[..depth])?;
        let Some(name) = path.get(depth) else { return Some(module) };
        // A re-export may lead in a circle, which the compiler rejects: any bound will do.
        if hops < 8 && !imports.items.contains(name) {
            if let Some((_, target)) = imports.aliases.iter().find(|(alias, _)| alias == name) {
                let mut target = target.clone();
                target.extend_from_slice(&path[depth + 1..]);
                return self.definer(&target, hops + 1);
            }
            for (_, target) in imports.aliases.iter().filter(|(alias, _)| alias == "*") {
                let mut target = target.clone();
                target.push(name.clone());
                let found = self.definer(&target, hops + 1);
                if found.is_some_and(|found| self.files[found].1.items.contains(name)) {
                    return found;
                }
            }
        }
        Some(module)
    }
}

/// The module that a file below `src` is.
pub(crate) fn module(path: &Path) -> Module {
    let mut module: Module =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

/// Strongly connected components, by reachability: a crate has some hundred files.
fn components(edges: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..edges.len())
        .map(|start| {
            let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
            while let Some(at) = open.pop() {
                open.extend(edges[at].iter().copied().filter(|next| reached.insert(*next)));
            }
            reached
        })
        .collect();
    let mut left: BTreeSet<usize> = (0..edges.len()).collect();
    let mut components = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut component = vec![first];
        component.extend(
            left.iter()
                .copied()
                .filter(|other| reached[first].contains(other) && reached[*other].contains(&first)),
        );
        left.retain(|other| !component.contains(other));
        components.push(component);
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> Modules {
        let files = files.iter().map(|(path, text)| {
            let module = module(Path::new(path));
            let imports = imports::read(&module, text).expect("Rust");
            (module, (PathBuf::from(path), imports))
        });
        Modules { files: files.collect() }
    }

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let shown = |circle: Circle<'_>| circle.iter().map(|(path, _)| path.display().to_string()).collect();
        crate_of(files).circles().into_iter().map(shown).collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use super::b::B; pub struct A;"),
            ("b.rs", "use crate::c::C; pub struct B;"),
            ("c.rs", "fn c() { crate::a::A }"),
        ];
        assert_eq!(circles(&files), [["a.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn a_reexport_leads_to_the_file_that_defines_the_name() {
        let files = [
            ("room/mod.rs", "mod a; mod b; pub use a::A; pub(crate) use b::*;"),
            ("room/a.rs", "use super::B; pub struct A;"),
            ("room/b.rs", "use super::A; pub struct B;"),
        ];
        assert_eq!(circles(&files), [["room/a.rs", "room/b.rs"]]);
    }

    #[test]
    fn imports_in_one_direction_are_no_circle() {
        let files = [
            ("room/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("room/a.rs", "use super::B; pub struct A;"),
            ("room/b.rs", "pub struct B; #[cfg(test)] mod tests { use super::super::A; }"),
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn a_folders_own_file_is_the_folders_module() {
        assert_eq!(module(Path::new("sink/mod.rs")), ["sink"]);
        assert_eq!(module(Path::new("sink/worker.rs")), ["sink", "worker"]);
        assert!(module(Path::new("lib.rs")).is_empty());
    }
}
