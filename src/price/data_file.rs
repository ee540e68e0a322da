//! Bytes of a price file, and a newer `data.json` of genai-prices.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::catalog::Catalog;
use super::edition::{Origin, VARIABLE};
use super::error::PriceBookError;
use super::file_name::FileName;

/// Where a file's content is.
#[derive(Debug)]
pub(super) enum Bytes {
    Given(Vec<u8>),
    File(PathBuf),
}

#[cfg(feature = "price-files")]
impl Bytes {
    pub(super) fn read(&self) -> Result<std::borrow::Cow<'_, [u8]>, PriceBookError> {
        match self {
            Self::Given(bytes) => Ok(bytes.into()),
            Self::File(path) => std::fs::read(path)
                .map(std::borrow::Cow::Owned)
                .map_err(|reason| PriceBookError::Read { path: path.clone(), reason }),
        }
    }

    pub(super) fn name(&self, given: &str) -> String {
        match self {
            Self::Given(_) => given.to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// The file in a directory of kept prices that names the current one.
const CURRENT: &str = "current";

/// Reads published prices.
pub(super) fn load_catalog(bytes: &Bytes) -> Result<Catalog, PriceBookError> {
    match bytes {
        Bytes::Given(json) => load("prices.json", Origin::Given, json),
        Bytes::File(path) => load_file(path, Origin::File),
    }
}

/// Reads the published prices that the environment names; `None` if it names none.
pub(super) fn load_from_environment() -> Result<Option<Catalog>, PriceBookError> {
    let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else { return Ok(None) };
    load_file(&PathBuf::from(path), Origin::Environment)
        .map(Some)
        .map_err(|error| PriceBookError::Environment { variable: VARIABLE, reason: Box::new(error) })
}

/// The most bytes of a price list: some twenty times those of today's. A device such as `/dev/zero` has no end.
const MOST: u64 = 32 << 20;

fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of published prices, or the current one of a directory that `prices update` keeps.
fn load_file(path: &Path, origin: impl Fn(PathBuf) -> Origin) -> Result<Catalog, PriceBookError> {
    let read = |path: PathBuf| {
        read_at_most(&path, MOST).map_err(|reason| PriceBookError::Read { path: path.clone(), reason })
    };
    let file = if path.is_dir() {
        let pointer = path.join(CURRENT);
        let content = read(pointer.clone())?;
        let content = String::from_utf8_lossy(&content);
        let name = content.lines().next().unwrap_or_default().trim();
        // A path could lead out of the directory.
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            let (name, reason) =
                (pointer.display().to_string(), format!("expected the name of a file, got {name:?}"));
            return Err(PriceBookError::Data { name, reason });
        }
        path.join(name)
    } else {
        path.to_owned()
    };
    let json = read(file.clone())?;
    load(&file.file_name().unwrap_or_default().to_string_lossy(), origin(file.clone()), &json)
}

fn load(name: &str, origin: Origin, json: &[u8]) -> Result<Catalog, PriceBookError> {
    Catalog::load(&FileName(name), origin, json)
        .map_err(|reason| PriceBookError::Data { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let length = std::fs::metadata(&path).expect("a file").len();
        assert!(read_at_most(&path, length).is_ok_and(|bytes| bytes.len() as u64 == length));
        let error = read_at_most(&path, length - 1).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
