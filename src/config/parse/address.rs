//! Addresses and what travels in headers.

use reqwest::header::{HeaderName, HeaderValue};
use url::{Host, Url};

use super::{Parser, placeholder};
use crate::base::http::proxy::Via;
use crate::base::secret::Secret;
use crate::config::table::Value;

/// VirusTotal's API answers under this name.
const VIRUSTOTAL: &str = "www.virustotal.com";

impl Parser<'_> {
    /// An http or https address, without credentials and without a slash at
    /// the end of its path.
    pub(super) fn address(&mut self, value: Value<'_>) -> Option<Url> {
        self.required(value)?;
        self.read_as(value, address)
    }

    /// The API's address: VirusTotal's own host gets its right name, since the
    /// apex only redirects and redirects are not followed with a key.
    pub(super) fn api_address(&mut self, value: Value<'_>) -> Option<Url> {
        let mut url = self.address(value)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if host == "virustotal.com" && url.set_host(Some(VIRUSTOTAL)).is_ok() {
            self.warn(
                value,
                "names virustotal.com, which only redirects: www.virustotal.com is used",
            );
        }
        if url.host_str() == Some(VIRUSTOTAL) && url.path() == "/" {
            url.set_path("/api/v3");
            self.warn(value, "has no path: /api/v3 is used");
        }
        let own = url.host_str() == Some(VIRUSTOTAL);
        if url.scheme() == "http" && own {
            self.fault(value, "would send the key in the clear; write https");
        } else if url.scheme() == "http" && !loopback(&url) {
            self.warn(value, "is not https: the key travels in the clear");
        }
        Some(url)
    }

    /// A key or token: something that fits into a header.
    pub(super) fn key(&mut self, value: Value<'_>) -> Option<Secret> {
        self.required(value)?;
        self.read_as(value, |text| {
            let text = text.trim();
            let quoted = |quote| text.starts_with(quote) || text.ends_with(quote);
            if placeholder(text) {
                Err("is still the placeholder of the sample".to_owned())
            } else if quoted('"') || quoted('\'') {
                Err("has quotation marks around it; docker's --env-file keeps them".to_owned())
            } else if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                Err("has spaces or characters that no header can carry".to_owned())
            } else {
                Ok(Secret::new(text))
            }
        })
    }

    /// `name:value;name:value`.
    pub(super) fn headers(&mut self, value: Value<'_>) -> Vec<(String, Secret)> {
        self.read_as(value, headers).unwrap_or_default()
    }

    /// A proxy's address, credentials and all: never shown whole from here on.
    pub(super) fn proxy(&mut self, value: Value<'_>) -> Option<Via> {
        self.read_as(value, |text| Via::parse(value.setting.env, text))
    }
}

fn address(text: &str) -> Result<Url, String> {
    if placeholder(text) {
        return Err("is still the placeholder of the sample".to_owned());
    }
    // The URL parser would silently drop line ends and tabs.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("has spaces or line ends in it".to_owned());
    }
    let mut url = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is neither http nor https".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has credentials in it".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment (? or #)".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

pub(super) fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn headers(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let mut headers = Vec::new();
    let pairs = text.split(';').map(str::trim);
    for (at, pair) in pairs.filter(|pair| !pair.is_empty()).enumerate() {
        let at = at + 1;
        let (name, value) = pair
            .split_once(':')
            .ok_or_else(|| format!("header {at} has no colon"))?;
        let (name, value) = (name.trim(), value.trim());
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("the name of header {at} is no header name"))?;
        HeaderValue::from_str(value)
            .map_err(|_| format!("the value of header {at} fits into no header"))?;
        if matches!(
            name.as_str(),
            "authorization" | "host" | "content-type" | "content-length"
        ) {
            return Err(format!("header {at} is one that the connector sets itself"));
        }
        headers.push((name.as_str().to_owned(), Secret::new(value)));
    }
    Ok(headers)
}
