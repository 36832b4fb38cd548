//! The ONE place that sends GraphQL: token, retries of passing faults, and
//! what an answer means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use crate::base::backoff::{Backoff, uneven};
use crate::base::clock::{self, Clock};
use crate::base::http::buffers::Buffers;
use crate::base::http::proxy::Proxies;
use crate::base::http::{self, HttpError};
use crate::base::secret::Secret;
use crate::stix::json;

use super::Settings;
use super::answer::{Asked, Fault, Head};
use super::documents::{Operation, Repeat};
use super::error::Error;
use super::version::{Feature, Level};

/// How often an operation is tried, the first time included.
pub(super) const TRIES: u32 = 4;
/// Pauses between tries; a server may not make us wait longer either.
pub(super) const AGAIN: Backoff = Backoff::from_to(Duration::from_secs(1), Duration::from_secs(30));
/// The largest answer that is read; a platform's are a few kB.
const MOST_READ: usize = 16 << 20;
const DRAFT: HeaderName = HeaderName::from_static("opencti-draft-id");

/// A platform. Cheap to clone; clones share what was learned about it.
#[derive(Clone)]
pub struct OpenCti(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    bodies: Buffers,
    url: Url,
    token: Secret,
    headers: Result<HeaderMap, String>,
    proxies: Proxies,
    clock: Clock,
    level: Mutex<Level>,
}

/// An answer, and what is not certain about it.
pub(super) struct Told<T> {
    pub(super) data: T,
    /// An earlier try may have been carried out too: its answer was lost.
    pub(super) repeated: bool,
}

impl OpenCti {
    /// A client on the machine's clock. Sends nothing yet.
    pub fn new(settings: &Settings) -> Result<Self, HttpError> {
        Self::with_clock(settings, clock::system())
    }

    /// A client whose waits between tries follow `clock`.
    pub fn with_clock(settings: &Settings, clock: Clock) -> Result<Self, HttpError> {
        Ok(Self(Arc::new(Inner {
            http: http::client(&settings.http)?,
            bodies: Buffers::default(),
            url: endpoint(&settings.url),
            token: settings.token.clone(),
            headers: headers(settings),
            proxies: settings.http.proxies.clone(),
            clock,
            level: Mutex::default(),
        })))
    }

    /// The address of a page of the platform's web interface.
    pub(super) fn page(&self, path: &str) -> String {
        let endpoint = self.0.url.as_str();
        let base = endpoint.strip_suffix("/graphql").unwrap_or(endpoint);
        format!("{base}/{path}")
    }

    /// The clock that its waits follow.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn level(&self) -> MutexGuard<'_, Level> {
        self.0.level.lock()
    }

    /// An answer that makes no sense, in words.
    pub(super) fn odd(&self, what: &str) -> Error {
        Error::Malformed {
            url: self.0.url.to_string(),
            status: 200,
            what: self.0.token.quoted(what),
            said: String::new(),
        }
    }

    /// Sends the newer form where the platform may have `feature`, the older
    /// where it has not or says so by refusing the document.
    pub(super) async fn call_in_form<T: DeserializeOwned>(
        &self,
        feature: Feature,
        newer: (&Operation, &impl Serialize),
        older: (&Operation, &impl Serialize),
    ) -> Result<T, Error> {
        let told = self.call_in_form_and_draft(feature, newer, older, None);
        Ok(told.await?.data)
    }

    /// As [`OpenCti::call_in_form`], inside a draft, and tells how certain it is.
    pub(super) async fn call_in_form_and_draft<T: DeserializeOwned>(
        &self,
        feature: Feature,
        newer: (&Operation, &impl Serialize),
        older: (&Operation, &impl Serialize),
        draft: Option<&str>,
    ) -> Result<Told<T>, Error> {
        let asks = self.level().asks(feature);
        if asks {
            match self.call_telling(newer.0, newer.1, draft).await {
                Err(Error::Invalid { said, .. })
                    if said.contains(&format!("\"{}\"", feature.word())) =>
                {
                    self.lacks(feature);
                }
                answer => return answer,
            }
        }
        self.call_telling(older.0, older.1, draft).await
    }

    fn lacks(&self, feature: Feature) {
        if self.level().lacks(feature) {
            tracing::info!(
                opencti.lacks = feature.word(),
                "this OpenCTI does not know `{}`: it is asked in the older form from now on",
                feature.word()
            );
        }
    }

    /// Sends one operation and reads its `data`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        variables: &impl Serialize,
    ) -> Result<T, Error> {
        Ok(self.call_telling(operation, variables, None).await?.data)
    }

    /// As [`OpenCti::call`], inside a draft, and tells how certain it is.
    pub(super) async fn call_telling<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        variables: &impl Serialize,
        draft: Option<&str>,
    ) -> Result<Told<T>, Error> {
        let request = self.request(operation, variables, draft)?;
        let mut tried = 0;
        let mut repeated = false;
        loop {
            let fault = match self.send(operation, &request).await {
                Ok(data) => {
                    let data = self.read(operation, &data)?;
                    return Ok(Told { data, repeated });
                }
                Err(fault) => fault,
            };
            // What the platform itself refuses was not carried out.
            repeated |= !fault.unsent && !matches!(fault.error, Error::Failed { .. });
            tried += 1;
            let again = fault.passing && (fault.unsent || operation.repeat == Repeat::Safe);
            if tried == TRIES || !again {
                return Err(fault.error);
            }
            let pause = fault.wait.unwrap_or(AGAIN.pause(tried)).min(AGAIN.longest);
            tracing::debug!(
                tries_left = TRIES - tried,
                "{} is tried again: {}",
                operation.name,
                fault.error
            );
            self.0.clock.sleep(uneven(pause)).await;
        }
    }

    fn request(
        &self,
        operation: &Operation,
        variables: &impl Serialize,
        draft: Option<&str>,
    ) -> Result<Request, Error> {
        let mut headers = match &self.0.headers {
            Ok(headers) => headers.clone(),
            Err(setting) => return Err(header_fault(setting)),
        };
        if let Some(draft) = draft {
            let value = HeaderValue::from_str(draft).map_err(|_| header_fault("the draft's id"))?;
            headers.insert(DRAFT, value);
        }
        let mut body = self.0.bodies.take();
        let question = Question {
            query: operation.text,
            variables,
        };
        json::write(&mut body, &question).map_err(|error| Error::Bundle(error.to_string()))?;
        let mut request = Request::new(Method::POST, self.0.url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(Bytes::from_owner(body).into());
        Ok(request)
    }

    /// One request: the raw `data` of its answer.
    async fn send(&self, operation: &Operation, request: &Request) -> Result<Box<RawValue>, Fault> {
        let bytes = request
            .body()
            .and_then(|body| body.as_bytes())
            .map_or(0, <[u8]>::len);
        let asked = Asked {
            operation: operation.name,
            url: &self.0.url,
            token: &self.0.token,
            proxies: &self.0.proxies,
            bytes,
        };
        // A body in memory is reference-counted: the copy is cheap and never `None`.
        let Some(request) = request.try_clone() else {
            return Err(Fault::lasting(asked.malformed(
                0,
                "the request cannot be repeated",
                "",
            )));
        };
        let mut response = self
            .0
            .http
            .execute(request)
            .await
            .map_err(|error| asked.unreachable(&error))?;
        let head = Head {
            status: response.status().as_u16(),
            location: text_header(&response, LOCATION),
            retry_after: text_header(&response, RETRY_AFTER)
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs),
        };
        let mut body = Vec::new();
        while let Some(part) = response
            .chunk()
            .await
            .map_err(|error| asked.unreachable(&error))?
        {
            if body.len() + part.len() > MOST_READ {
                let what = format!("more than {MOST_READ} bytes");
                return Err(Fault::lasting(asked.malformed(head.status, &what, "")));
            }
            body.extend_from_slice(&part);
        }
        asked.judge(&head, &body)
    }

    fn read<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        data: &RawValue,
    ) -> Result<T, Error> {
        serde_json::from_str(data.get()).map_err(|error| Error::Malformed {
            url: self.0.url.to_string(),
            status: 200,
            what: format!(
                "the answer to {} has another shape: {error}",
                operation.name
            ),
            // It may hold the broker's password.
            said: String::new(),
        })
    }
}

/// The body of a request.
#[derive(Serialize)]
struct Question<'a, V> {
    query: &'a str,
    variables: &'a V,
}

fn header_fault(setting: &str) -> Error {
    Error::Header {
        setting: setting.to_owned(),
    }
}

fn text_header(response: &reqwest::Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// `{url}/graphql`, whatever the address ends in.
fn endpoint(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let path = format!("{}/graphql", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

/// The headers of every request, or the setting that cannot be one.
fn headers(settings: &Settings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        let fault = || {
            format!(
                "the header `{}` of OPENCTI_CUSTOM_HEADERS",
                name.escape_debug()
            )
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
        headers.insert(name, sensitive(value.expose()).ok_or_else(fault)?);
    }
    let bearer = format!("Bearer {}", settings.token.expose());
    let bearer = sensitive(&bearer).ok_or("OPENCTI_TOKEN")?;
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_may_end_in_a_slash_and_carry_a_path() {
        for (given, asked) in [
            ("http://octi.example.net", "http://octi.example.net/graphql"),
            (
                "http://octi.example.net/",
                "http://octi.example.net/graphql",
            ),
            (
                "https://example.net:8443/cti",
                "https://example.net:8443/cti/graphql",
            ),
            (
                "https://example.net/a/b//?x=1#y",
                "https://example.net/a/b/graphql",
            ),
        ] {
            assert_eq!(endpoint(&Url::parse(given).unwrap()).as_str(), asked);
        }
    }

    #[test]
    fn a_token_that_cannot_be_a_header_is_named_and_not_shown() {
        let settings = Settings {
            url: Url::parse("http://octi.example.net").unwrap(),
            token: Secret::new("line\nbreak"),
            headers: Vec::new(),
            http: http::HttpOptions::default(),
        };
        assert_eq!(headers(&settings).unwrap_err(), "OPENCTI_TOKEN");
    }
}
