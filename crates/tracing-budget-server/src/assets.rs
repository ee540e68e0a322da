//! The dashboard's stylesheet, scripts and icon, compiled in.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/live.js");
const ZONE: &str = include_str!("assets/zone.js");
const MARK: &str = include_str!("assets/mark.svg");

/// Hash of the files. It is part of their URLs: browsers cache the files without limit, and load new ones after an update.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        // FNV-1a, because std's hasher is seeded per process: two servers behind one proxy need the same version.
        let bytes = [STYLE, SCRIPT, ZONE, MARK].into_iter().flat_map(str::bytes);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    })
}

pub(crate) fn style_path() -> String {
    path("style.css")
}

pub(crate) fn script_path() -> String {
    path("live.js")
}

pub(crate) fn zone_path() -> String {
    path("zone.js")
}

pub(crate) fn mark_path() -> String {
    path("mark.svg")
}

fn path(name: &str) -> String {
    format!("/assets/{name}?v={}", version())
}

/// Answers `/assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "live.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "zone.js" => ("text/javascript; charset=utf-8", ZONE),
        "mark.svg" => ("image/svg+xml", MARK),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, text).into_response()
}
