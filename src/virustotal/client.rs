//! The ONE place that sends to VirusTotal: key, pace, retries, status -> [`Error`].

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use tracing::{debug, info};
use url::{Host, Url};

use super::Settings;
use super::answer::{self, Subject};
use super::error::{Error, describe};
use super::page::CUT;
use super::quota::User;
use super::search::Without;
use crate::base::backoff::Backoff;
use crate::base::clock::Clock;
use crate::base::http::buffers::Buffers;
use crate::base::http::proxy::Proxies;
use crate::base::http::{self, HttpError};
use crate::base::number::counted;
use crate::base::pace::Pace;
use crate::base::secret::Secret;

/// Pauses before a request is sent again.
pub(crate) const AGAIN: Backoff = Backoff::from_to(Duration::from_secs(1), Duration::from_secs(60));

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

/// VirusTotal, API v3. Cheap to clone; clones share pace, counts and what was
/// learned.
#[derive(Clone)]
pub struct VirusTotal {
    inner: Arc<Inner>,
    /// Counts for whoever sends through this clone.
    meter: Option<Arc<Meter>>,
}

/// What was sent through a clone.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<BTreeMap<&'static str, Tries>>);

/// Requests of one kind of call that cost something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) sent: u64,
    /// Those of them that were not answered as hoped.
    pub(crate) failed: u64,
}

impl Meter {
    /// By VirusTotal's name of the call.
    pub(crate) fn tries(&self) -> BTreeMap<&'static str, Tries> {
        self.0.lock().clone()
    }

    fn change(&self, endpoint: &'static str, change: impl Fn(&mut Tries)) {
        change(self.0.lock().entry(endpoint).or_default());
    }
}

struct Inner {
    http: reqwest::Client,
    bodies: Buffers,
    base: Url,
    host: String,
    timeout: Duration,
    proxies: Proxies,
    key: Key,
    clock: Clock,
    pace: Pace,
    pace_is_set: bool,
    pace_from_quota: Mutex<Option<NonZeroU32>>,
    sent: AtomicU64,
    without: Mutex<Without>,
    /// A query was refused with and without the undocumented parameters.
    probed: AtomicBool,
}

/// A key and what is known of its account.
pub(super) struct Key {
    pub(super) secret: Secret,
    header: HeaderValue,
    fingerprint: String,
    pub(super) user: tokio::sync::OnceCell<User>,
}

/// One GET.
pub(super) struct Call {
    pub(super) url: Url,
    /// The path without secrets, for the log.
    pub(super) path: String,
    pub(super) subject: Subject,
    /// VirusTotal's name of the call, as in the account's usage.
    pub(super) endpoint: &'static str,
    /// Costs a request, and so waits for the pace.
    pub(super) charged: bool,
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
                bodies: Buffers::default(),
                base,
                host,
                timeout: settings.http.timeout,
                proxies: settings.http.proxies.clone(),
                key: Key {
                    secret: settings.api_key.clone(),
                    header,
                    fingerprint: fingerprint(&settings.api_key),
                    user: tokio::sync::OnceCell::new(),
                },
                pace: Pace::new(settings.requests_per_minute, clock.clone()),
                pace_is_set: settings.requests_per_minute.is_some(),
                pace_from_quota: Mutex::default(),
                clock,
                sent: AtomicU64::new(0),
                without: Mutex::default(),
                probed: AtomicBool::new(false),
            }),
            meter: None,
        })
    }

    /// By this a key is known in whatever is shown and kept: the same wherever
    /// the key comes from, and nothing leads back to it.
    pub fn fingerprint(&self) -> &str {
        &self.inner.key.fingerprint
    }

    /// Whether the look at the account, which may cost a request, was taken.
    pub(crate) fn knows_account(&self) -> bool {
        self.inner.key.user.initialized()
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
        let mut last = self.inner.pace_from_quota.lock();
        if *last != per_minute {
            *last = per_minute;
            self.inner.pace.set(per_minute);
            let per_minute = per_minute.map(NonZeroU32::get);
            info!(
                vt.requests_per_minute = per_minute,
                "the pace follows the quota: {}",
                match per_minute {
                    Some(most) => counted(most.into(), "request a minute", "requests a minute"),
                    None => "no limit is told".to_owned(),
                }
            );
        }
    }

    /// Requests sent so far that cost something, retries included.
    pub fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// What of a search VirusTotal has refused, and is no longer sent.
    pub fn dropped_parameters(&self) -> Vec<String> {
        self.without().names()
    }

    pub(super) fn without(&self) -> Without {
        self.inner.without.lock().clone()
    }

    /// From now on this is not sent either.
    pub(super) fn go_without(&self, refused: &Without) {
        let mut without = self.inner.without.lock();
        *without = std::mem::take(&mut *without).and(refused);
    }

    /// Set once a refused search did not pass without them either.
    pub(super) fn probed(&self) -> &AtomicBool {
        &self.inner.probed
    }

    /// A clone that tries once, and what it sends: for the guard, which asks the
    /// quota before every single request.
    pub(crate) fn metered(&self) -> (Self, Arc<Meter>) {
        let meter = Arc::new(Meter::default());
        let clone = Self {
            inner: self.inner.clone(),
            meter: Some(meter.clone()),
        };
        (clone, meter)
    }

    /// The key for the next request. There is one; where there are several,
    /// this is where one is chosen.
    pub(super) fn key(&self) -> &Key {
        &self.inner.key
    }

    /// An address below the configured base, whatever is in the segments.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.inner.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether nobody on the way can read an address.
    pub(super) fn is_private(&self) -> bool {
        let base = &self.inner.base;
        let local = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let direct = self.inner.proxies.of(base).is_none();
        base.scheme() == "https" || (local && direct)
    }

    /// Sends, and again after a transient fault, with growing and uneven pauses.
    pub(super) async fn get<T>(
        &self,
        call: &Call,
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let mut tried = 0;
        loop {
            match self.once(call, &parse).await {
                Err(error) if self.meter.is_none() && error.tries_left(tried) => {
                    tried += 1;
                    let pause = AGAIN.uneven(tried);
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
        self.count(call);
        let result = self.exchange(call, parse).await;
        if let Err(error) = &result {
            self.count_failed(call, error.charged());
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

    fn count(&self, call: &Call) {
        if call.charged {
            self.inner.sent.fetch_add(1, Ordering::Relaxed);
            if let Some(meter) = &self.meter {
                meter.change(call.endpoint, |tries| tries.sent += 1);
            }
        }
    }

    /// A request that did not reach what charges it was counted too early.
    fn count_failed(&self, call: &Call, charged: bool) {
        if !call.charged {
            return;
        }
        if !charged {
            self.inner.sent.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(meter) = &self.meter {
            meter.change(call.endpoint, |tries| match charged {
                true => tries.failed += 1,
                false => tries.sent -= 1,
            });
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
        if status == 407 {
            return Err(Error::Network {
                host: self.inner.host.clone(),
                cause: http::refused_by(self.inner.proxies.of(&call.url)),
            });
        }
        let now = self.inner.clock.now();
        let mut body = self.inner.bodies.take();
        answer::read(response, &call.subject, &key.secret, now, &mut body)
            .await
            .map_err(|error| self.with_timeout(error))?;
        parse(&body).map_err(|why| {
            if why == CUT {
                let (host, cause) = (self.inner.host.clone(), why);
                return Error::CutShort { host, cause };
            }
            let start = body.get(..body.len().min(4096)).unwrap_or_default();
            let start = key.secret.redact(&String::from_utf8_lossy(start));
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
        let trouble = http::trouble(error, &self.inner.base, &self.inner.proxies);
        let cause = self.key().secret.quoted(&trouble.cause);
        if trouble.lasting {
            Error::Network { host, cause }
        } else if error.is_connect() {
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

fn fingerprint(key: &Secret) -> String {
    let digest = Sha256::digest(key.expose().trim());
    let start: String = digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("key-{start}")
}
