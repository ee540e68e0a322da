//! The prices that `prices update` keeps: files named by their day and fingerprint in one directory, and one that names the current one.
//!
//! # Invariants
//!
//! - A file is written whole under its name, or not at all, and never changed. A service that reads it meanwhile has either the old or the new one.
//! - Without a directory for data, or with an empty one, the bundled prices are in use.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use tracing_budget::PriceBook;
use tracing_budget::price::PriceBookBuilder;
use tracing_budget_history::Sqlite;

/// Names prices in place of the kept and the bundled ones.
pub(super) const VARIABLE: &str = "TRACING_BUDGET_PRICES";

/// The file that names the current one, and in its second line the bundled prices of the release that kept it.
const CURRENT: &str = "current";

/// The path that the environment names.
pub(super) fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The directory of kept prices: the one that the environment names, else `prices` beside the run history of this user.
pub(super) fn directory() -> anyhow::Result<PathBuf> {
    // One that does not exist yet is meant as a directory, too: a file has an ending.
    if let Some(named) =
        named().filter(|path| path.is_dir() || (!path.exists() && path.extension().is_none()))
    {
        return Ok(named);
    }
    Ok(Sqlite::default_path()?.with_file_name("prices"))
}

/// Whether a directory has current prices.
pub(super) fn has_current(directory: &Path) -> bool {
    directory.join(CURRENT).exists()
}

/// The prices that commands use, where the environment names none: those that are kept, if they are newer than the bundled ones.
pub(super) fn newest() -> anyhow::Result<PriceBook> {
    Ok(builder()?.build()?)
}

/// A builder with these prices.
pub(super) fn builder() -> anyhow::Result<PriceBookBuilder> {
    let bundled = PriceBook::builder().bundled_prices();
    let Some(directory) = directory().ok().filter(|directory| has_current(directory)) else {
        return Ok(bundled);
    };
    let kept = PriceBook::builder().prices_json_file(&directory).build().with_context(|| {
        format!(
            "cannot use the prices kept in {}\n\
             to fetch them again: tracing-budget prices update --force\n\
             to go back to the bundled ones: delete {}",
            directory.display(),
            directory.join(CURRENT).display()
        )
    })?;
    let of_release = PriceBook::builder().bundled_prices().build()?;
    // What was kept with this release of the program is in use, even if it was forced; after an upgrade, the newer of the two.
    let pointer = fs::read_to_string(directory.join(CURRENT)).unwrap_or_default();
    let is_of_this_release = pointer.lines().nth(1) == Some(of_release.name().as_str());
    let is_in_use = is_of_this_release || kept.published_on() >= of_release.published_on();
    Ok(if is_in_use { PriceBook::builder().prices_json_file(directory) } else { bundled })
}

/// Keeps the prices of a book, of a day, and makes them the current ones. Returns their file.
pub(super) fn keep(directory: &Path, day: &str, book: &PriceBook, json: &[u8]) -> anyhow::Result<PathBuf> {
    let release = PriceBook::builder().bundled_prices().build()?.name();
    // By its fingerprint the library sees a file that was changed.
    let name = book.name();
    let (_, fingerprint) = name.as_str().rsplit_once('#').context("prices without a fingerprint")?;
    let name = format!("genai-prices-{day}-{fingerprint}.json");
    let file = directory.join(&name);
    fs::create_dir_all(directory)
        .and_then(|()| write_whole(&file, json))
        // Last: until here the old ones are the current ones.
        .and_then(|()| write_whole(&directory.join(CURRENT), format!("{name}\n{release}\n").as_bytes()))
        .with_context(|| format!("cannot keep the prices in {}", directory.display()))?;
    Ok(file)
}

/// Writes a file beside its name, and gives it its name once it is on the disk.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    // Two updates at once have a draft each.
    draft.push(format!(".{}.part", std::process::id()));
    let written = File::create(&draft)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}
