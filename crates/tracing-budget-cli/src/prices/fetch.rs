//! Published prices from a file, a URL, a wheel, or PyPI.
//!
//! # Invariants
//!
//! - Nothing is read beyond [`MAX_BYTES`], packed or unpacked.
//! - An error names where the prices were to come from, and why they cannot.

use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::python_data;

/// The newest prices of upstream, in the format that this release reads.
pub(super) const FEED: &str =
    "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json";

/// The files of the Python package; it is released with the prices of its day.
const PYPI: &str = "https://pypi.org/simple/genai-prices/";

/// Bytes of a list, of a wheel, and of what a wheel unpacks to. The list has 1 MB in 2026.
const MAX_BYTES: u64 = 32 << 20;

/// Time for a whole download. A person waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Redirects that are followed. Real ones are one or two.
const MAX_REDIRECTS: u32 = 5;

/// Prices, and where and of when they are.
pub(super) struct Fetched {
    pub(super) json: Vec<u8>,
    /// Where they are from, for people.
    pub(super) from: String,
    /// The day of the prices, if the source has it: `2026-11-10`.
    pub(super) day: Option<String>,
}

/// Reads prices from a path, a URL, or the word `pypi`. `today` is the day of what upstream serves now.
pub(super) fn fetch(from: &str, today: &str) -> anyhow::Result<Fetched> {
    let fetched = if from == "pypi" {
        from_pypi()
    } else if from.contains("://") {
        download(from).map(|bytes| Fetched {
            json: bytes,
            from: from.to_owned(),
            day: (from == FEED).then(|| today.to_owned()),
        })
    } else {
        read(from).map(|bytes| Fetched { json: bytes, from: from.to_owned(), day: None })
    };
    let mut fetched = fetched.with_context(|| {
        let elsewhere =
            if from == FEED { "\nto fetch them elsewhere: --from pypi, or --from FILE" } else { "" };
        format!("cannot fetch prices from {from}{elsewhere}")
    })?;
    if fetched.json.starts_with(b"PK\x03\x04") {
        fetched.json =
            unpack(&fetched.json).with_context(|| format!("cannot read the wheel {}", fetched.from))?;
    }
    if let Some(reason) = no_list(&fetched.json) {
        bail!("{} is no list of prices: {reason}", fetched.from);
    }
    Ok(fetched)
}

/// Why bytes are no list of prices, as far as their beginning shows.
fn no_list(bytes: &[u8]) -> Option<&'static str> {
    match bytes.trim_ascii_start().first() {
        None => Some("it is empty"),
        Some(b'<') => Some("it is a page of HTML; expected a data.json"),
        Some(b'{') => {
            Some("it is a JSON object; expected the array of format v2, as at .../new_data/v2/data.json")
        }
        Some(b'[') => None,
        Some(_) => Some("it is not JSON; expected a data.json, or a wheel of genai-prices"),
    }
}

fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("it is larger than {} MB", MAX_BYTES >> 20);
    }
    Ok(bytes)
}

fn download(url: &str) -> anyhow::Result<Vec<u8>> {
    let is_secure = url.starts_with("https://");
    if !is_secure && !url.starts_with("http://") {
        bail!("expected a path, or a URL with http or https");
    }
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(MAX_REDIRECTS)
        // A redirect to http would let anyone on the way set the prices.
        .https_only(is_secure)
        .http_status_as_error(false)
        .tls_config(tls)
        .build()
        .new_agent();
    let mut answer = agent.get(url).header("Accept", ACCEPT).call().map_err(plainly)?;
    if !answer.status().is_success() {
        bail!("the server answered {}", answer.status());
    }
    answer.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(plainly)
}

/// PyPI serves its list of files as a page of HTML otherwise.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/json, */*";

fn plainly(error: ureq::Error) -> anyhow::Error {
    match error {
        ureq::Error::BodyExceedsLimit(_) => anyhow::anyhow!("it is larger than {} MB", MAX_BYTES >> 20),
        ureq::Error::TooManyRedirects => anyhow::anyhow!("more than {MAX_REDIRECTS} redirects"),
        ureq::Error::RequireHttpsOnly(to) => anyhow::anyhow!("a redirect from https to {to}"),
        ureq::Error::Timeout(_) => anyhow::anyhow!("no answer within {} s", TIMEOUT.as_secs()),
        error => error.into(),
    }
}

/// The list in a wheel: the Python package has it as code. A wheel of another package may have a `data.json`.
fn unpack(wheel: &[u8]) -> anyhow::Result<Vec<u8>> {
    const PYTHON: &str = "genai_prices/data.py";
    let mut archive = zip::ZipArchive::new(Cursor::new(wheel)).context("it is not a whole zip file")?;
    let names: Vec<String> = archive.file_names().filter_map(Result::ok).map(Into::into).collect();
    let json = names.iter().find(|name| name.rsplit('/').next() == Some("data.json"));
    let Some(name) = names.iter().find(|name| *name == PYTHON).or(json) else {
        bail!("it has neither {PYTHON} nor a data.json");
    };
    let mut bytes = Vec::new();
    let entry = archive.by_name(name)?;
    entry
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{name} cannot be unpacked"))?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{name} unpacks to more than {} MB", MAX_BYTES >> 20);
    }
    if name != PYTHON {
        return Ok(bytes);
    }
    let python = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
    let list = python_data::to_json(&python)
        .map_err(|reason| anyhow::anyhow!("{name} has another form than expected: {reason}"))?;
    Ok(serde_json::to_vec(&list)?)
}

/// A package's files, as PyPI lists them.
#[derive(Deserialize)]
struct Package {
    files: Vec<PackageFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PackageFile {
    filename: String,
    url: String,
    #[serde(default)]
    upload_time: String,
    /// `false`, or the reason.
    #[serde(default)]
    yanked: serde_json::Value,
}

impl PackageFile {
    /// Whether it is a wheel that people are to install: no preview, and not withdrawn.
    fn is_released(&self) -> bool {
        let version = self.filename.split('-').nth(1).unwrap_or_default();
        let is_withdrawn = !matches!(self.yanked, serde_json::Value::Null | serde_json::Value::Bool(false));
        self.filename.ends_with(".whl")
            && version.split('.').all(|part| part.parse::<u64>().is_ok())
            && !is_withdrawn
    }
}

/// The newest wheel on PyPI.
fn from_pypi() -> anyhow::Result<Fetched> {
    let wheel = newest_wheel(&download(PYPI)?)?;
    let json = download(&wheel.url).with_context(|| wheel.url.clone())?;
    let day = wheel.upload_time.get(..10).map(str::to_owned);
    Ok(Fetched { json, from: wheel.filename, day })
}

fn newest_wheel(list: &[u8]) -> anyhow::Result<PackageFile> {
    let package: Package = serde_json::from_slice(list).context("the list of its files cannot be read")?;
    // RFC 3339 in UTC: their order is that of the text.
    let released = package.files.into_iter().filter(PackageFile::is_released);
    released.max_by(|one, other| one.upload_time.cmp(&other.upload_time)).context("it has no wheel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wheel_is_the_last_one_that_people_are_to_install() {
        let file = |name: &str, day: &str, yanked: serde_json::Value| {
            serde_json::json!({"filename": name, "url": "https://example.org", "yanked": yanked,
                "upload-time": format!("2026-11-{day}T01:41:45.123Z")})
        };
        let list = |files: &[serde_json::Value]| serde_json::json!({"files": files}).to_string().into_bytes();
        let newest = newest_wheel(&list(&[
            file("genai_prices-0.2.3-py3-none-any.whl", "10", false.into()),
            file("genai_prices-0.2.10-py3-none-any.whl", "12", false.into()),
            file("genai_prices-0.2.10.tar.gz", "13", false.into()),
            file("genai_prices-0.2.11-py3-none-any.whl", "14", "wrong prices".into()),
            file("genai_prices-0.3.0rc1-py3-none-any.whl", "15", false.into()),
        ]));
        assert_eq!(
            newest.map(|file| file.filename).ok().as_deref(),
            Some("genai_prices-0.2.10-py3-none-any.whl")
        );
        for list in [list(&[]), b"<html>".to_vec()] {
            assert!(newest_wheel(&list).is_err());
        }
    }
}
