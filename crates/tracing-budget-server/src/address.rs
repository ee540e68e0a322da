//! Host names as requests have them.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

/// The host that a request is for, in small letters and without its port.
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let authority = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    Some(without_port(authority).to_ascii_lowercase())
}

/// `[::1]:80` is `::1`.
fn without_port(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}

/// Whether a host can be no other machine, whoever resolves its name.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(value));
        host(&Uri::from_static("/"), &headers)
    }

    #[test]
    fn ports_and_brackets_are_no_part_of_a_host() {
        assert_eq!(asked("LocalHost:7417").as_deref(), Some("localhost"));
        assert_eq!(asked("127.0.0.1").as_deref(), Some("127.0.0.1"));
        assert_eq!(asked("[::1]:7417").as_deref(), Some("::1"));
        assert_eq!(host(&Uri::from_static("/"), &HeaderMap::new()), None);
    }

    #[test]
    fn an_absolute_target_counts_for_more_than_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let uri = Uri::from_static("http://evil.example/projects");
        assert_eq!(host(&uri, &headers).as_deref(), Some("evil.example"));
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", ""]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
