//! The one builder of HTTP clients: time-outs, roots, no redirects.

use std::time::Duration;

use reqwest::Certificate;
use reqwest::redirect::Policy;

/// How a side is spoken to.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// For a whole request and its answer.
    pub timeout: Duration,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Certificate authorities in PEM, added to the built-in roots.
    pub extra_roots: Vec<Vec<u8>>,
    /// `false` accepts any certificate. Said loudly by whoever sets it.
    pub verify: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
            user_agent: user_agent(),
            extra_roots: Vec::new(),
            verify: true,
        }
    }
}

/// `vtreporter/VERSION (gzip)`: VirusTotal's front end compresses only for
/// clients whose name says gzip.
pub fn user_agent() -> String {
    format!("vtreporter/{} (gzip)", env!("CARGO_PKG_VERSION"))
}

/// What kept a client from being built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct HttpError(String);

impl HttpError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Builds a client.
///
/// It follows no redirect: reqwest would carry `x-apikey` to the other host.
/// The roots are compiled in, so that it works in an empty image.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door the rule points to"
)]
pub fn client(options: &HttpOptions) -> Result<reqwest::Client, HttpError> {
    let mut roots = Vec::new();
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        roots.push(Certificate::from_der(der).map_err(|error| HttpError(cause(&error)))?);
    }
    for pem in &options.extra_roots {
        roots.extend(Certificate::from_pem_bundle(pem).map_err(|error| HttpError(cause(&error)))?);
    }
    reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .timeout(options.timeout)
        .user_agent(&options.user_agent)
        .tls_certs_only(roots)
        .tls_danger_accept_invalid_certs(!options.verify)
        .build()
        .map_err(|error| HttpError(cause(&error)))
}

/// The whole chain of an error on one line, without the URL that reqwest puts
/// into its text.
pub fn cause(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&inner.to_string());
        next = inner.source();
    }
    if text.is_empty() {
        // `Display` without a URL: "builder error", "error decoding response body".
        text = kind(error).to_owned();
    }
    text
}

fn kind(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "connection failed"
    } else if error.is_decode() || error.is_body() {
        "the body was cut short or could not be read"
    } else {
        "the request could not be sent"
    }
}
