//! The workspace's crates and the Rust files of each.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, root};

/// A crate that is published, by the folder of its manifest.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

/// The root package first, then `crates/*` by name.
pub(crate) fn packages(repository: &Path) -> Outcome<Vec<Package>> {
    let mut packages = vec![Package { name: "tracing-budget".to_owned(), folder: repository.to_owned() }];
    let mut folders: Vec<PathBuf> = match fs::read_dir(repository.join("crates")) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?,
        // The version before the workspace has none.
        Err(_) => Vec::new(),
    };
    folders.sort();
    for folder in folders.into_iter().filter(|folder| folder.join("Cargo.toml").is_file()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        packages.push(Package { name, folder });
    }
    Ok(packages)
}

/// Every `.rs` file below a folder, sorted.
pub(crate) fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, "rs", &mut files)?;
    files.sort();
    Ok(files)
}

/// Every file below a folder that ends with `.extension`, without what cargo builds and npm installs. A link is left out,
/// because the file it leads to is found at its own place.
pub(crate) fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                collect(&path, extension, files)?;
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    Ok(())
}

/// A path as messages show it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
