//! `prices update` and `prices status`: newer prices are kept and used, and what is no newer list of prices is refused with its reason.
//!
//! `wheel/data.py` is a part of that file in the wheel of genai-prices 0.2.1 on PyPI (MIT, see data/LICENSE-genai-prices), as it is there.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::SystemTime;

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use crate::program::{Ended, Place};

/// The bundled list.
fn bundled() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/genai-prices.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the bundled data")).expect("JSON")
}

/// The bundled list with one model more, from a day on.
fn newer(start: &str) -> Value {
    let mut list = bundled();
    let openai = list.as_array_mut().expect("a list").iter_mut().find(|provider| provider["id"] == "openai");
    openai.expect("openai")["models"].as_array_mut().expect("models").push(json!({
        "id": "gpt-99", "match": {"equals": "gpt-99"},
        "prices": [{"prices": {"input_mtok": 7}},
            {"constraint": {"start_date": start}, "prices": {"input_mtok": 7, "input_hologram_mtok": 9}}],
    }));
    list
}

/// A part of it: the comparison of two whole lists takes seconds in a debug build.
fn small(start: &str) -> Value {
    let mut list = newer(start);
    list.as_array_mut()
        .expect("a list")
        .retain(|provider| ["openai", "perplexity"].iter().any(|id| provider["id"] == *id));
    list
}

/// Today: a list is dated by the newest price that has begun, and the bundled list, which the lists here are made of, has some that
/// begin later than it was published.
static DAY: LazyLock<String> = LazyLock::new(|| {
    let now = tracing_budget::summary::Timestamp::from(SystemTime::now());
    now.to_string()[.."2026-11-21".len()].to_owned()
});

fn kept(place: &Place) -> PathBuf {
    place.path("data/tracing-budget/prices")
}

fn update(place: &Place, from: &str, more: &[&str]) -> Ended {
    place.run(&[&["prices", "update", "--format", "json", "--from", from], more].concat())
}

fn status(place: &Place) -> Value {
    place.run(&["prices", "status", "--format", "json"]).ended_with(0).json()
}

#[test]
fn a_newer_list_is_kept_and_used_by_the_commands() {
    let place = Place::empty();
    let before = status(&place);
    assert_eq!((&before["origin"], &before["prices"]), (&json!("bundled"), &json!("genai-prices@0.2.1")));
    place.run(&["prices", "calc", "gpt-99", "--input", "1000000"]).ended_with(4);

    place.write("data.json", &newer(&DAY).to_string());
    let updated = update(&place, "data.json", &[]).ended_with(0).json();
    assert_eq!(updated["models_added"], json!(["openai/gpt-99"]));
    assert_eq!((&updated["models_removed"], &updated["refused"]), (&json!([]), &json!([])));
    assert_eq!(updated["unknown_price_keys"], json!(["input_hologram_mtok"]));
    assert_eq!(updated["date"], *DAY);

    let after = status(&place);
    let name = after["prices"].as_str().expect("a name");
    assert!(name.starts_with(&format!("genai-prices@{}#", *DAY)), "{name}");
    let file = kept(&place).join(format!("{}.json", name.replace(['@', '#'], "-")));
    assert_eq!(after["file"], json!(file));
    assert_eq!(after["models"].as_u64(), before["models"].as_u64().map(|models| models + 1));
    place.run(&["prices", "calc", "gpt-99", "--provider", "openai", "--input", "1000000"]).ended_with(0);
    // Nothing else is left in the directory, and a second time changes nothing.
    let again = update(&place, "data.json", &[]).ended_with(0).json();
    assert_eq!((&again["models_added"], &again["rates_changed"]), (&json!([]), &json!([])));
    let files = fs::read_dir(kept(&place)).expect("the directory").count();
    assert_eq!(files, 2, "the list, and the file that names it");
    // The environment goes before what is kept: a file, or the directory of another user.
    let command = |prices: &Path| {
        let mut command = place.command(&["prices", "status", "--format", "json"]);
        Ended::of(command.env("TRACING_BUDGET_PRICES", prices).output().expect("it runs"), &["status"])
    };
    for prices in [kept(&place), file] {
        assert_eq!(command(&prices).ended_with(0).json()["origin"], "environment");
    }
    assert!(command(Path::new("nowhere.json")).ended_with(5).talk.contains("TRACING_BUDGET_PRICES: "));
}

#[test]
fn what_is_older_of_an_older_format_or_shorter_is_refused_unless_forced() {
    let place = Place::empty();
    place.write("newer.json", &small(&DAY).to_string());
    update(&place, "newer.json", &["--force"]).ended_with(0);

    place.write("older.json", &small("2026-11-20").to_string());
    let older = update(&place, "older.json", &[]).ended_with(1);
    let reason = format!("they are older than those in use: of 2026-11-20, expected {} or later", *DAY);
    assert_eq!(older.json()["refused"], json!([reason]));
    assert!(older.talk.contains(&reason) && older.talk.contains("--force"), "{}", older.talk);
    assert_eq!(status(&place)["date"], *DAY, "what was refused is not kept");

    let mut shorter = small(&DAY);
    shorter.as_array_mut().expect("a list").pop();
    place.write("shorter.json", &shorter.to_string());
    let refused = update(&place, "shorter.json", &[]).ended_with(1).json()["refused"].to_string();
    assert!(refused.contains("they have 1 provider, fewer than the 2 providers in use"), "{refused}");

    let mut first_format = small(&DAY);
    for provider in first_format.as_array_mut().expect("a list") {
        for model in provider["models"].as_array_mut().expect("models") {
            model.as_object_mut().expect("a model").remove("price_variants");
        }
    }
    place.write("v1.json", &first_format.to_string());
    let refused = update(&place, "v1.json", &[]).ended_with(1).json()["refused"].to_string();
    assert!(refused.contains("they are of an older format"), "{refused}");

    update(&place, "older.json", &["--force"]).ended_with(0);
    assert_eq!(status(&place)["date"], "2026-11-20");
    // Older than the bundled list, too: what was forced is in use.
    place.write("old.json", &first_format.to_string().replace(&*DAY, "2024-01-01"));
    let date = update(&place, "old.json", &["--force"]).ended_with(0).json()["date"].clone();
    assert_eq!((&status(&place)["origin"], &status(&place)["date"]), (&json!("kept"), &date));
}

#[test]
fn kept_prices_that_were_damaged_are_an_error_that_names_the_remedy() {
    let place = Place::empty();
    place.write("data.json", &small(&DAY).to_string());
    let file =
        update(&place, "data.json", &["--force"]).ended_with(0).json()["file"].as_str().map(PathBuf::from);
    let file = file.expect("a file");
    let half = fs::read(&file).expect("the list");
    fs::write(&file, &half[..half.len() / 2]).expect("half a list");
    let broken = place.run(&["prices", "list", "gpt-5"]).ended_with(5);
    assert!(broken.talk.contains("tracing-budget prices update --force"), "{}", broken.talk);
    update(&place, "data.json", &["--force"]).ended_with(0);
    place.run(&["prices", "list", "gpt-5"]).ended_with(0);
    // A list that is gone.
    fs::remove_file(&file).expect("the list");
    place.run(&["prices", "list", "gpt-5"]).ended_with(5);
}

/// A zip file.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default()).expect("a file");
        archive.write_all(bytes).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

const WHEEL: &str = include_str!("wheel/data.py");

#[test]
fn a_wheel_is_read_as_the_list_that_upstream_publishes() {
    let place = Place::empty();
    let wheel = zipped(&[("genai_prices/__init__.py", b""), ("genai_prices/data.py", WHEEL.as_bytes())]);
    fs::write(place.path("genai_prices-0.2.1-py3-none-any.whl"), wheel).expect("a wheel");
    let updated = update(&place, "genai_prices-0.2.1-py3-none-any.whl", &["--force"]).ended_with(0).json();
    let file = updated["file"].as_str().expect("a file");
    let list: Value = serde_json::from_str(&fs::read_to_string(file).expect("the list")).expect("JSON");
    // The bundled list is of the same release, from the Rust crate.
    let bundled = bundled();
    let providers = list.as_array().expect("a list");
    assert_eq!(providers.len(), 4);
    for provider in providers {
        let same = bundled.as_array().expect("a list").iter().find(|other| other["id"] == provider["id"]);
        assert_eq!(Some(provider), same, "{}", provider["id"]);
    }
}

#[test]
fn hostile_files_are_errors_that_name_the_reason() {
    let place = Place::empty();
    let zeros = vec![b' '; 40 << 20];
    let bomb = zipped(&[("genai_prices/data.py", &zeros)]);
    assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
    let whole = zipped(&[("genai_prices/data.py", WHEEL.as_bytes())]);
    let code = WHEEL.replace("Decimal('0.135')", "__import__('os')");
    let list = bundled().to_string();
    for (name, bytes, reason) in [
        ("bomb.whl", bomb, "genai_prices/data.py unpacks to more than 32 MB"),
        ("half.whl", whole[..whole.len() / 2].to_vec(), "it is not a whole zip file"),
        (
            "other.whl",
            zipped(&[("other/data.py", b"")]),
            "it has neither genai_prices/data.py nor a data.json",
        ),
        ("code.whl", zipped(&[("genai_prices/data.py", code.as_bytes())]), "unknown call of __import__"),
        ("latin.whl", zipped(&[("genai_prices/data.py", b"\xe9")]), "is not UTF-8"),
        ("page.json", b"<!doctype html><p>Not found".to_vec(), "it is a page of HTML"),
        ("v3.json", br#"{"units": {}, "providers": []}"#.to_vec(), "it is a JSON object; expected the array"),
        (
            "half.json",
            list.as_bytes()[..list.len() / 2].to_vec(),
            "no list of prices that this release can read",
        ),
        ("text.json", b"prices".to_vec(), "it is not JSON"),
        ("empty.json", Vec::new(), "it is empty"),
        ("deep.json", "[".repeat(1 << 20).into_bytes(), "no list of prices that this release can read"),
        ("large.json", vec![b'['; (32 << 20) + 1], "it is larger than 32 MB"),
    ] {
        fs::write(place.path(name), bytes).expect("a file");
        let ended = update(&place, name, &["--force"]).ended_with(5);
        assert!(ended.talk.contains(reason) && ended.talk.contains(name), "{name}: {}", ended.talk);
        assert_eq!(ended.data, "", "{name}");
    }
    let missing = update(&place, "nowhere.json", &[]).ended_with(5);
    assert!(missing.talk.contains("cannot fetch prices from nowhere.json"), "{}", missing.talk);
    let scheme = update(&place, "ftp://example.org/data.json", &[]).ended_with(5);
    assert!(scheme.talk.contains("a URL with http or https"), "{}", scheme.talk);
    assert!(!kept(&place).exists(), "nothing was kept");
}

/// Serves one kind of answer on loopback, and returns the URL.
fn serve(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}/data.json", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // Up to the end of the request's head; a client that leaves is no failure of the test.
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let _ = answer(&mut stream);
        }
    });
    url
}

fn whole(stream: &mut TcpStream, status: &str, head: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{head}\r\n", body.len())?;
    stream.write_all(body)
}

#[test]
fn lists_and_wheels_are_fetched_and_redirects_followed() {
    let place = Place::empty();
    let list = small(&DAY).to_string().into_bytes();
    let list_at = serve(move |stream| whole(stream, "200 OK", "", &list));
    assert_eq!(update(&place, &list_at, &["--force"]).ended_with(0).json()["date"], *DAY);
    let moved = serve(move |stream| whole(stream, "302 Found", &format!("Location: {list_at}\r\n"), b""));
    update(&place, &moved, &[]).ended_with(0);
    let wheel = zipped(&[("genai_prices/data.py", WHEEL.as_bytes())]);
    let wheel_at = serve(move |stream| whole(stream, "200 OK", "", &wheel));
    assert_eq!(update(&place, &wheel_at, &["--force"]).ended_with(0).json()["providers"], 4);
}

#[test]
fn hostile_servers_are_errors_that_name_the_reason() {
    let place = Place::empty();
    let endless = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")?;
        let zeros = vec![b' '; 1 << 16];
        loop {
            stream.write_all(&zeros)?;
        }
    });
    let two_gigabytes = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n")?;
        let zeros = vec![b' '; 1 << 16];
        loop {
            stream.write_all(&zeros)?;
        }
    });
    let half = serve(|stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{\"id\": "));
    let page = serve(|stream| whole(stream, "200 OK", "Content-Type: text/html\r\n", b"<html>Sign in"));
    let missing = serve(|stream| whole(stream, "404 Not Found", "", b"404: Not Found"));
    let failing = serve(|stream| whole(stream, "503 Service Unavailable", "", b""));
    let circle = serve(|stream| whole(stream, "302 Found", "Location: /data.json\r\n", b""));
    let nonsense = serve(|stream| stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n"));
    let closed = {
        let port = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        format!("http://{}/data.json", port.local_addr().expect("an address"))
    };
    for (url, reason) in [
        (&endless, "it is larger than 32 MB"),
        (&two_gigabytes, "it is larger than 32 MB"),
        (&half, "cannot fetch prices"),
        (&page, "it is a page of HTML"),
        (&missing, "the server answered 404 Not Found"),
        (&failing, "the server answered 503"),
        (&circle, "more than 5 redirects"),
        (&nonsense, "cannot fetch prices"),
        (&closed, "cannot fetch prices"),
    ] {
        let ended = update(&place, url, &["--force"]).ended_with(5);
        assert!(ended.talk.contains(reason) && ended.talk.contains(url.as_str()), "{reason}: {}", ended.talk);
    }
    assert!(!kept(&place).exists(), "nothing was kept");
}

#[test]
fn the_status_names_models_of_the_history_without_a_price() {
    let place = Place::seeded();
    let status = status(&place);
    let unpriced = status["unpriced_in_history"].as_array().expect("models");
    assert!(!unpriced.is_empty(), "{status}");
    for model in unpriced {
        assert!(model["unpriced_calls"].as_u64().is_some_and(|calls| calls > 0), "{model}");
    }
    let shown = place.run(&["prices", "status"]).ended_with(0);
    assert!(shown.data.starts_with("prices     genai-prices@0.2.1\nfrom       bundled\n"), "{}", shown.data);
    assert!(shown.talk.contains("tracing-budget prices update"), "{}", shown.talk);
}
