//! Chromium, driven by chromedriver: started for a test on a free port, and stopped with it.

use std::env;
use std::fmt::Debug;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// One browser at a time: a dozen of them on two cores only wait for each other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Maximum wait for a change of a page. It affects only how soon a failure is reported.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Driver,
    _turn: MutexGuard<'static, ()>,
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// The width of a window, and what the user prefers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) scheme: &'static str,
}

pub(crate) const LOOKS: [Look; 4] = [
    Look { name: "light", width: 1280, scheme: "light" },
    Look { name: "dark", width: 1280, scheme: "dark" },
    Look { name: "phone-light", width: 390, scheme: "light" },
    Look { name: "phone-dark", width: 390, scheme: "dark" },
];

impl Browser {
    /// Starts a browser. Returns `None` without an installed browser, which is a failure if no test may be skipped.
    pub(crate) async fn start(scripts: Scripts) -> Option<Self> {
        let turn = TURN.lock().await;
        let (Some(chromedriver), Some(chromium)) = (find("chromedriver"), find("chromium")) else {
            skip("chromium and chromedriver are not installed (apt-get install chromium chromium-driver)");
            return None;
        };
        let driver = Driver::start(&chromedriver);
        let javascript = if scripts == Scripts::On { 1 } else { 2 };
        let profile = driver.profile.display().to_string();
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": chromium,
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                    format!("--user-data-dir={profile}"), "--window-size=1280,900",
                ],
                "prefs": { "profile.managed_default_content_settings.javascript": javascript },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is written above") };
        let address = format!("http://127.0.0.1:{}", driver.port);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&address)
            .await
            .expect("a session");
        Some(Self { client, driver, _turn: turn })
    }

    pub(crate) async fn open(&self, address: &str) {
        self.client.goto(address).await.expect("the page opens");
    }

    pub(crate) async fn look(&self, look: Look) {
        let mobile = look.width < 600;
        let height = if mobile { 844 } else { 900 };
        let metrics =
            json!({ "width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": look.scheme }] });
        self.devtools("Emulation.setEmulatedMedia", scheme).await;
    }

    /// The whole page as a picture under `target/screenshots`.
    pub(crate) async fn keep(&self, name: &str) {
        let size = &self.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let shot = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.devtools("Page.captureScreenshot", shot).await;
        let picture = BASE64_STANDARD.decode(answer["data"].as_str().expect("a picture")).expect("base64");
        let folder = target().join("screenshots");
        fs::create_dir_all(&folder).expect("a folder for the pictures");
        fs::write(folder.join(format!("{name}.png")), picture).expect("the picture is kept");
    }

    /// Errors of the page's scripts, policy or files since the last call.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let log = self.command("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The texts of all that match.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        // A page that changes may put a new element in the place of one just found: then all are found anew.
        let start = Instant::now();
        loop {
            match self.try_texts(css).await {
                Ok(texts) => return texts,
                Err(error) => assert!(start.elapsed() < PATIENCE, "no texts of {css}: {error}"),
            }
        }
    }

    async fn try_texts(&self, css: &str) -> Result<Vec<String>, CmdError> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(css)).await? {
            texts.push(element.text().await?);
        }
        Ok(texts)
    }

    /// The text of the first that matches.
    pub(crate) async fn text(&self, css: &str) -> String {
        let texts = self.texts(css).await;
        texts.into_iter().next().unwrap_or_else(|| panic!("no {css} on the page"))
    }

    pub(crate) async fn click(&self, css: &str) {
        let element =
            self.client.find(Locator::Css(css)).await.unwrap_or_else(|_| panic!("no {css} on the page"));
        element.click().await.expect("a click");
    }

    pub(crate) async fn address(&self) -> String {
        self.client.current_url().await.expect("an address").to_string()
    }

    /// Waits until the page's source meets a condition.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let start = Instant::now();
        loop {
            let source = self.client.source().await.unwrap_or_default();
            if holds(&source) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain until {what}; the page is {source}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    pub(crate) async fn close(self) {
        self.client.clone().close().await.expect("the session ends");
        drop(self.driver);
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        self.client
            .issue_cmd(Extension { path, body })
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// A command of chromedriver's beyond the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

struct Driver {
    process: Child,
    port: u16,
    profile: PathBuf,
}

impl Driver {
    fn start(chromedriver: &Path) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let profile = env::temp_dir().join(format!("tracing-budget-browser-{}-{number}", std::process::id()));
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(
                output.read_line(&mut line).expect("its output") > 0,
                "chromedriver ended before it listened"
            );
            // "ChromeDriver was started successfully on port 37221."
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').parse().expect("a port");
            }
        };
        // It keeps writing, and would block if the pipe were full.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self { process, port, profile }
    }

    /// Has it end its browsers and then itself.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(|_| ())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.shut_down();
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Prints why a test is skipped, or fails where no test may be skipped.
pub(crate) fn skip(why: &str) {
    assert!(env::var_os("TRACING_BUDGET_NO_SKIP").is_none(), "nothing may be skipped, and {why}");
    eprintln!("skipped: {why}");
}

pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The folder where cargo builds: three folders above this program.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().expect("this program has a path");
    program.ancestors().nth(3).expect("it is in target/debug/deps").to_owned()
}
