//! The dashboard's own files: one stylesheet, one script, one picture, compiled in.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/live.js");
const MARK: &str = include_str!("assets/mark.svg");

/// Changes when a file does, so that a browser may keep the files for ever and still get the new ones.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        // FNV-1a: the version must only differ, and must be the same in every process of one build.
        let bytes = [STYLE, SCRIPT, MARK].into_iter().flat_map(str::bytes);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    })
}

pub(super) fn style_path() -> String {
    path("style.css")
}

pub(super) fn script_path() -> String {
    path("live.js")
}

pub(super) fn mark_path() -> String {
    path("mark.svg")
}

fn path(name: &str) -> String {
    format!("/assets/{name}?v={}", version())
}

/// Answers `/assets/{name}`.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "live.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "mark.svg" => ("image/svg+xml", MARK),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, text).into_response()
}
