//! The refresh token of a browser, in a cookie that its scripts cannot read.
//!
//! **A cookie is believed only from the site itself**: it is `SameSite=Strict`, and where a browser names the origin of a request, that must be
//! the host that was asked. So no other site can sign somebody in, on or out.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use parlance_types::Code;

use super::ApiError;
use crate::Gateway;

/// Sent only to `/v1/session` and what is below it.
const NAME: &str = "parlance_refresh";
const PATH: &str = "/v1/session";

/// What a request says of cookies.
pub(super) struct Cookie {
    /// The refresh token in it.
    pub(super) token: Option<Box<str>>,
    is_own_site: bool,
}

impl FromRequestParts<Gateway> for Cookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Infallible> {
        Ok(Self { token: token(&parts.headers), is_own_site: is_own_site(&parts.headers) })
    }
}

impl Cookie {
    /// Refuses requests of other sites, where a cookie is set or believed.
    pub(super) fn guard(&self) -> Result<(), ApiError> {
        if self.is_own_site { Ok(()) } else { Err(ApiError::code(Code::Forbidden)) }
    }
}

fn token(headers: &HeaderMap) -> Option<Box<str>> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == NAME).map(|(_, value)| value.trim().into())
}

fn is_own_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.zip(text(header::HOST)).is_some_and(|((_, of), host)| of.eq_ignore_ascii_case(host))
}

/// Gives the browser a token to keep.
pub(super) fn set(gateway: &Gateway, response: &mut Response, token: &str) {
    let seconds = gateway.engine.accounts().session_unused_seconds();
    put(gateway, response, token, seconds);
}

/// Takes it away.
pub(super) fn clear(gateway: &Gateway, response: &mut Response) {
    put(gateway, response, "", 0);
}

fn put(gateway: &Gateway, response: &mut Response, value: &str, seconds: u64) {
    // Behind a proxy the browser's side is the proxy's, and that is secure.
    let secure = gateway.tls.is_some() || !gateway.config.proxies.networks.is_empty();
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!(
        "{NAME}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    let mut cookie =
        HeaderValue::from_str(&cookie).expect("a token is Base64, the rest is written here");
    cookie.set_sensitive(true);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        for (value, expected) in [
            ("parlance_refresh=abc", Some("abc")),
            ("a=b; parlance_refresh=abc; c=d", Some("abc")),
            ("a=b;parlance_refresh=abc", Some("abc")),
            ("xparlance_refresh=abc", None),
            ("parlance_refresh", None),
            ("", None),
        ] {
            assert_eq!(token(&headers(&[("cookie", value)])).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn another_origin_is_another_site() {
        for (origin, own) in [
            ("https://chat.example", true),
            ("https://CHAT.example", true),
            ("https://chat.example:444", false),
            ("https://evil.example", false),
            ("https://chat.example.evil.example", false),
            ("null", false),
        ] {
            let headers = headers(&[("origin", origin), ("host", "chat.example")]);
            assert_eq!(is_own_site(&headers), own, "{origin}");
        }
        assert!(is_own_site(&headers(&[("host", "chat.example")])), "not a browser");
        assert!(!is_own_site(&headers(&[("origin", "https://chat.example")])));
    }
}
