//! The one builder of HTTP clients: time-outs, roots, proxies, no redirects.

pub(crate) mod buffers;
pub mod proxy;
mod trouble;

use std::time::Duration;

use reqwest::Certificate;
use reqwest::redirect::Policy;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use proxy::Proxies;
pub use trouble::{Trouble, cause, refused_by, trouble};

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
    /// Which requests go through which proxy. The environment is not asked.
    pub proxies: Proxies,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
            user_agent: user_agent(),
            extra_roots: Vec::new(),
            verify: true,
            proxies: Proxies::default(),
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

/// The certificates of a PEM text that can serve as roots, and how
/// many cannot.
///
/// A system's collection may hold one that no verifier reads any more; as a
/// root it would keep the whole client from being built.
pub fn roots(pem: &[u8]) -> (Vec<CertificateDer<'static>>, usize) {
    let mut odd = 0;
    let mut usable = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem) {
        match der {
            Ok(der) if RootCertStore::empty().add(der.clone()).is_ok() => usable.push(der),
            _ => odd += 1,
        }
    }
    (usable, odd)
}

/// Builds a client.
///
/// It follows no redirect: reqwest would carry `x-apikey` to the other host.
/// The roots are compiled in, so that it works in an empty image. Proxies are
/// the given ones only: reqwest would ask the environment by itself.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door the rule points to"
)]
pub fn client(options: &HttpOptions) -> Result<reqwest::Client, HttpError> {
    let mut ders = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
    for pem in &options.extra_roots {
        let (usable, _) = roots(pem);
        if usable.is_empty() {
            return Err(HttpError::new("an authority of our own is no certificate"));
        }
        ders.extend(usable);
    }
    let trusted: Result<Vec<_>, _> = ders.iter().map(|der| Certificate::from_der(der)).collect();
    let trusted = trusted.map_err(|error| HttpError(cause(&error)))?;
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .timeout(options.timeout)
        .user_agent(&options.user_agent)
        .tls_certs_only(trusted)
        .tls_danger_accept_invalid_certs(!options.verify)
        .no_proxy();
    if options.proxies != Proxies::default() {
        let proxies = options.proxies.clone();
        builder = builder.proxy(reqwest::Proxy::custom(move |url| {
            proxies.of(url).map(|via| via.expose().to_owned())
        }));
    }
    builder.build().map_err(|error| HttpError(cause(&error)))
}
