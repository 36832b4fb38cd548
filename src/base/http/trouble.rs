//! Why no answer came, in words that name the setting to look at.

use std::error::Error;
use std::io;

use rustls::CertificateError::{
    self, BadSignature, NotValidForName, NotValidForNameContext, UnknownIssuer,
};
use url::Url;

use super::proxy::{Proxies, Via};

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// On one line, without the URL and without credentials.
    pub cause: String,
    /// A setting has to change: asking again does not help.
    pub lasting: bool,
}

/// Explains why a request to `url` was not answered.
pub fn trouble(error: &reqwest::Error, url: &Url, proxies: &Proxies) -> Trouble {
    let chain = cause(error);
    let via = proxies.of(url);
    // The type of the tunnel's errors cannot be named: the texts are what there is.
    if let Some(via) = via
        && error.is_connect()
        && chain.contains("proxy authorization required")
    {
        return Trouble {
            cause: refused_by(Some(via)),
            lasting: true,
        };
    }
    let through = via.map_or_else(String::new, |via| format!("through {via}: "));
    // What to do comes first: whoever shows it may cut it.
    let (cause, lasting) = match hint(error, &chain) {
        ("", lasting) => (format!("{through}{chain}"), lasting),
        (hint, lasting) => (format!("{through}{hint} ({chain})"), lasting),
    };
    Trouble { cause, lasting }
}

/// What the 407 of a proxy means.
pub fn refused_by(via: Option<&Via>) -> String {
    match via {
        Some(via) => {
            format!("{via} does not accept our user and password (407); they stand in its address as in http://user:password@host:port")
        }
        None => "a proxy on the way asks for a user and password (407): set HTTP_PROXY, HTTPS_PROXY or VTREPORTER_PROXY".to_owned(),
    }
}

/// What to change, and whether nothing else helps.
fn hint(error: &reqwest::Error, chain: &str) -> (&'static str, bool) {
    match tls_fault(error) {
        Some(rustls::Error::InvalidCertificate(certificate)) => certificate_hint(certificate),
        Some(rustls::Error::InvalidMessage(_)) => {
            ("no TLS is spoken there: is it an http address?", false)
        }
        _ if chain.contains("tunnel error: unsuccessful") => (
            "the proxy does not let us through to this host and port",
            false,
        ),
        _ => ("", false),
    }
}

fn certificate_hint(certificate: &CertificateError) -> (&'static str, bool) {
    match certificate {
        UnknownIssuer | BadSignature => (
            "nobody whom we trust signed the certificate: put its authority into HTTPS_CA_CERTIFICATES",
            true,
        ),
        NotValidForName | NotValidForNameContext { .. } => (
            "the certificate is for another name: use a name that is in it",
            true,
        ),
        // Others pass: it is renewed, the clock is set.
        _ => ("the certificate cannot be used", false),
    }
}

/// The TLS fault in a chain of causes.
fn tls_fault(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = next {
        if let Some(fault) = inner.downcast_ref() {
            return Some(fault);
        }
        next = match inner.downcast_ref::<io::Error>() {
            // It shows what it wraps, but its source is one further.
            Some(io) => io.get_ref().map(|wrapped| wrapped as _),
            None => inner.source(),
        };
    }
    None
}

/// The whole chain of an error on one line, without the URL that reqwest puts
/// into its text.
pub fn cause(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn Error> = Error::source(error);
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
