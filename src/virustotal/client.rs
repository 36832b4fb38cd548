//! The ONE place that sends to VirusTotal: key, pace, retries, status -> [`Error`].

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use serde_json::Value;
use tracing::{debug, info, warn};
use url::{Host, Url};

use super::Settings;
use super::answer::{self, Subject};
use super::error::{Error, clean, describe};
use super::page::{CUT, Page, is_sha256, why};
use super::quota::{Quotas, User};
use super::search::{Search, UNDOCUMENTED, named, parameters};
use crate::clock::Clock;
use crate::http::{self, HttpError};
use crate::pace::Pace;
use crate::secret::Secret;

const KEY_HEADER: HeaderName = HeaderName::from_static("x-apikey");
const TOOL_HEADER: HeaderName = HeaderName::from_static("x-tool");

/// `org.product.major.minor`: without it the assessments of Google Threat
/// Intelligence are left out.
const TOOL: &str = concat!(
    "opencti.vtreporter.",
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR")
);

/// The largest page of a relationship; VirusTotal refuses more.
pub const RELATED_PAGE: u32 = 40;

/// VirusTotal, API v3. Cheap to clone; clones share pace, counts and what was
/// learned.
#[derive(Clone)]
pub struct VirusTotal {
    inner: Arc<Inner>,
    /// Counts for whoever sends through this clone.
    meter: Option<Arc<AtomicU64>>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    host: String,
    timeout: Duration,
    key: Key,
    clock: Clock,
    pace: Pace,
    pace_is_set: bool,
    pace_from_quota: Mutex<Option<NonZeroU32>>,
    sent: AtomicU64,
    dropped: Mutex<BTreeSet<&'static str>>,
    /// A query was refused with and without the undocumented parameters.
    probed: AtomicBool,
}

/// A key and what is known of its account.
struct Key {
    secret: Secret,
    header: HeaderValue,
    user: tokio::sync::OnceCell<User>,
}

/// One GET.
struct Call {
    url: Url,
    /// The path without secrets, for the log.
    path: String,
    subject: Subject,
    /// Costs a request, and so waits for the pace.
    charged: bool,
}

impl VirusTotal {
    /// A client of the VirusTotal at `settings.api_url`. Sends nothing yet.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, HttpError> {
        let mut base = settings.api_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let Some(host) = base.host_str().map(str::to_owned) else {
            return Err(HttpError::new("VTREPORTER_API_URL names no host"));
        };
        let mut header = HeaderValue::from_str(settings.api_key.expose()).map_err(|_| {
            HttpError::new("VTREPORTER_API_KEY holds characters that no header can carry")
        })?;
        header.set_sensitive(true);
        Ok(Self {
            inner: Arc::new(Inner {
                http: http::client(&settings.http)?,
                base,
                host,
                timeout: settings.http.timeout,
                key: Key {
                    secret: settings.api_key.clone(),
                    header,
                    user: tokio::sync::OnceCell::new(),
                },
                pace: Pace::new(settings.requests_per_minute, clock.clone()),
                pace_is_set: settings.requests_per_minute.is_some(),
                pace_from_quota: Mutex::default(),
                clock,
                sent: AtomicU64::new(0),
                dropped: Mutex::default(),
                probed: AtomicBool::new(false),
            }),
            meter: None,
        })
    }

    /// One page of a search: one request, and more only where a transient fault
    /// or an undocumented parameter makes it try again.
    pub async fn search(&self, search: &Search, cursor: Option<&str>) -> Result<Page, Error> {
        let refusal = match self.search_once(search, cursor, &self.refused()).await {
            Err(error @ (Error::BadRequest { .. } | Error::CursorRefused { .. })) => error,
            other => return other,
        };
        let (Error::BadRequest { said, .. } | Error::CursorRefused { said }) = &refusal else {
            return Err(refusal);
        };
        for without in self.suspects(search, cursor, said) {
            let mut all = self.refused();
            all.extend(&without);
            match self.search_once(search, cursor, &all).await {
                Err(Error::BadRequest { .. } | Error::CursorRefused { .. }) => {}
                Err(error) => return Err(error),
                Ok(page) => {
                    warn!(vt.parameters = %without.join(","), vt.said = %refusal,
                        "VirusTotal refuses an undocumented parameter of the search; going on without it");
                    lock(&self.inner.dropped).extend(without);
                    return Ok(page);
                }
            }
        }
        self.inner.probed.store(true, Ordering::Relaxed);
        Err(refusal)
    }

    /// Sets of parameters without which a refused search may pass.
    fn suspects(
        &self,
        search: &Search,
        cursor: Option<&str>,
        refusal: &str,
    ) -> Vec<Vec<&'static str>> {
        let sent = parameters(search, cursor, &self.refused());
        let is_sent = |name: &&str| sent.iter().any(|(sent, _)| sent == name);
        let mut named = named(refusal);
        named.retain(is_sent);
        if !named.is_empty() {
            return vec![named];
        }
        // Behind a page that passed it is the cursor; and once is enough.
        if cursor.is_some() || self.inner.probed.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let unproven: Vec<_> = UNDOCUMENTED.into_iter().filter(is_sent).collect();
        let mut sets: Vec<_> = unproven.iter().map(|&name| vec![name]).collect();
        if unproven.len() > 1 {
            sets.push(unproven);
        }
        sets
    }

    async fn search_once(
        &self,
        search: &Search,
        cursor: Option<&str>,
        without: &[&str],
    ) -> Result<Page, Error> {
        let mut url = self.url(&["intelligence", "search"]);
        url.query_pairs_mut()
            .extend_pairs(parameters(search, cursor, without));
        let call = Call {
            url,
            path: "/intelligence/search".to_owned(),
            subject: Subject {
                name: "the Intelligence search".to_owned(),
                always_there: true,
                by_cursor: cursor.is_some(),
            },
            charged: true,
        };
        self.get(&call, |body| self.page(body)).await
    }

    /// Full objects of a relationship whose objects are files, at most 40 a page.
    pub async fn related_files(
        &self,
        sha256: &str,
        relationship: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page, Error> {
        let name = format!("{} of {}", clean(relationship), clean(sha256));
        if !is_sha256(sha256) {
            return Err(Error::BadRequest {
                what: name,
                said: "not sent: no SHA-256".to_owned(),
            });
        }
        let mut url = self.url(&["files", sha256, relationship]);
        let limit = limit.clamp(1, RELATED_PAGE).to_string();
        url.query_pairs_mut().append_pair("limit", &limit);
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let call = Call {
            path: format!("/files/{sha256}/{}", clean(relationship)),
            url,
            subject: Subject {
                name,
                always_there: false,
                by_cursor: cursor.is_some(),
            },
            charged: true,
        };
        self.get(&call, |body| self.page(body)).await
    }

    /// How much of the quotas is used. Free; the account's id is learned first.
    pub async fn overall_quotas(&self) -> Result<Quotas, Error> {
        let user = self.user().await?;
        let call = Call {
            url: self.url(&["users", &user.id, "overall_quotas"]),
            path: "/users/{id}/overall_quotas".to_owned(),
            subject: subject("the account's quotas", false),
            charged: false,
        };
        self.get(&call, |body| {
            let data = data(body)?;
            Quotas::parse(&data).ok_or_else(|| "its `data` is not a map of quotas".to_owned())
        })
        .await
    }

    /// The account that the key belongs to; asked for once.
    ///
    /// `/users/me` keeps the key out of the address, and is documented nowhere;
    /// where it is not answered the documented `/users/{key}` is asked, over
    /// HTTPS or to this machine only.
    pub async fn user(&self) -> Result<User, Error> {
        let key = self.key();
        let user = key.user.get_or_try_init(|| async {
            let refusal = match self.user_at("me", "/users/me").await {
                Ok(user) => return Ok(user),
                Err(
                    error @ (Error::NotFound { .. }
                    | Error::BadRequest { .. }
                    | Error::NotLicensed { .. }),
                ) => error,
                Err(error) => return Err(error),
            };
            let id = key.secret.expose();
            if !self.is_private() || [".", ".."].contains(&id) {
                return Err(refusal);
            }
            self.user_at(id, "/users/{key}").await
        });
        user.await.cloned()
    }

    async fn user_at(&self, id: &str, path: &str) -> Result<User, Error> {
        let call = Call {
            url: self.url(&["users", id]),
            path: path.to_owned(),
            subject: subject("the account of the key", false),
            // Counted, as nobody promises that it is free.
            charged: true,
        };
        self.get(&call, |body| {
            let data = data(body)?;
            let user = User::parse(&data).ok_or_else(|| "it names no user".to_owned())?;
            // The id gets shown; the key must not.
            if user.id.eq_ignore_ascii_case(self.key().secret.expose()) {
                return Err("it names the key instead of a user".to_owned());
            }
            Ok(user)
        })
        .await
    }

    /// How fast this client may call.
    pub fn pace(&self) -> &Pace {
        &self.inner.pace
    }

    /// Whether the operator set the pace, so that the quota must not.
    pub(crate) fn pace_is_set(&self) -> bool {
        self.inner.pace_is_set
    }

    /// Sets the pace to what the licence allows. Only a change does something:
    /// setting it lets the next request through at once.
    pub(crate) fn pace_from_quota(&self, per_minute: Option<NonZeroU32>) {
        let mut last = lock(&self.inner.pace_from_quota);
        if *last != per_minute {
            *last = per_minute;
            self.inner.pace.set(per_minute);
            info!(vt.requests_per_minute = ?per_minute, "pace set from the quota");
        }
    }

    /// Requests sent so far that cost something, retries included.
    pub fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// Search parameters that VirusTotal has refused, and that are no longer sent.
    pub fn dropped_parameters(&self) -> Vec<String> {
        self.refused().into_iter().map(str::to_owned).collect()
    }

    fn refused(&self) -> Vec<&'static str> {
        lock(&self.inner.dropped).iter().copied().collect()
    }

    /// A clone that tries once, and what it sends: for the guard, which asks the
    /// quota before every single request.
    pub(crate) fn metered(&self) -> (Self, Arc<AtomicU64>) {
        let meter = Arc::new(AtomicU64::new(0));
        let clone = Self {
            inner: self.inner.clone(),
            meter: Some(meter.clone()),
        };
        (clone, meter)
    }

    /// The key for the next request. There is one; where there are several,
    /// this is where one is chosen.
    fn key(&self) -> &Key {
        &self.inner.key
    }

    /// An address below the configured base, whatever is in the segments.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.inner.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether nobody on the way can read an address.
    fn is_private(&self) -> bool {
        let base = &self.inner.base;
        let local = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        base.scheme() == "https" || local
    }

    fn page(&self, body: &[u8]) -> Result<Page, String> {
        Page::parse(body)
    }

    /// Sends, and again after a transient fault, with growing and uneven pauses.
    async fn get<T>(
        &self,
        call: &Call,
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let mut tried = 0;
        loop {
            match self.once(call, &parse).await {
                Err(error) if self.meter.is_none() && error.tries_left(tried) => {
                    tried += 1;
                    let pause = backoff(tried);
                    info!(vt.path = %call.path, vt.try = tried, vt.said = %error, wait_ms = pause.as_millis() as u64,
                        "VirusTotal did not answer; trying again");
                    self.inner.clock.sleep(pause).await;
                }
                other => return other,
            }
        }
    }

    async fn once<T>(
        &self,
        call: &Call,
        parse: &impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        // A look at the account comes before everything; it does not use up the first permit.
        if call.charged && !call.path.starts_with("/users/") {
            self.inner.pace.ready().await;
        }
        let started = self.inner.clock.elapsed();
        // Counted before it is sent: who drops this future may have spent it all the same.
        self.count(call, true);
        let result = self.exchange(call, parse).await;
        if result.as_ref().is_err_and(|error| !error.charged()) {
            self.count(call, false);
        }
        let duration_ms = (self.inner.clock.elapsed() - started).as_millis() as u64;
        match &result {
            Ok(_) => debug!(vt.path = %call.path, duration_ms, "VirusTotal answered"),
            Err(error) => {
                debug!(vt.path = %call.path, duration_ms, vt.said = %error, "VirusTotal did not answer as hoped");
            }
        }
        result
    }

    fn count(&self, call: &Call, up: bool) {
        if !call.charged {
            return;
        }
        for counter in [Some(&self.inner.sent), self.meter.as_deref()]
            .into_iter()
            .flatten()
        {
            if up {
                counter.fetch_add(1, Ordering::Relaxed);
            } else {
                counter.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    async fn exchange<T>(
        &self,
        call: &Call,
        parse: &impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let key = self.key();
        let request = self
            .inner
            .http
            .get(call.url.clone())
            .header(KEY_HEADER, key.header.clone())
            .header(TOOL_HEADER, TOOL)
            .header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status().as_u16();
        let now = self.inner.clock.now();
        let body = answer::read(response, &call.subject, &key.secret, now).await;
        let body = body.map_err(|error| self.with_timeout(error))?;
        parse(&body).map_err(|why| {
            if why == CUT {
                let (host, cause) = (self.inner.host.clone(), why);
                return Error::CutShort { host, cause };
            }
            let start = body.get(..body.len().min(4096)).unwrap_or_default();
            let start = answer::redact(&String::from_utf8_lossy(start), &key.secret);
            Error::Malformed {
                status,
                why,
                body: describe(&start),
            }
        })
    }

    /// What kept a request from being answered.
    fn broken(&self, error: &reqwest::Error) -> Error {
        let host = self.inner.host.clone();
        let cause = clean(&answer::redact(&http::cause(error), &self.key().secret));
        if error.is_connect() {
            Error::Unreachable { host, cause }
        } else if error.is_timeout() {
            Error::TimedOut {
                host,
                after: self.inner.timeout,
            }
        } else {
            Error::CutShort { host, cause }
        }
    }

    fn with_timeout(&self, error: Error) -> Error {
        match error {
            Error::TimedOut { host, .. } => Error::TimedOut {
                host,
                after: self.inner.timeout,
            },
            other => other,
        }
    }
}

impl fmt::Debug for VirusTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirusTotal")
            .field("host", &self.inner.host)
            .finish_non_exhaustive()
    }
}

fn subject(name: &str, always_there: bool) -> Subject {
    Subject {
        name: name.to_owned(),
        always_there,
        by_cursor: false,
    }
}

/// The `data` of an answer that is small.
fn data(body: &[u8]) -> Result<Value, String> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| why(&error))?;
    value
        .get_mut("data")
        .map(Value::take)
        .ok_or_else(|| "it has no `data`".to_owned())
}

/// The pause before the `tried`-th repetition: about 1, 2, 4 seconds, a quarter
/// of it by chance, so that several do not come back at the same moment.
pub(crate) fn backoff(tried: u32) -> Duration {
    let full = 1000 << tried.saturating_sub(1).min(6);
    Duration::from_millis(fastrand::u64(full * 3 / 4..=full * 5 / 4))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The sections hold no code that panics; a poisoned value is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
