//! What goes wrong on demand.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::log::Logged;
use super::route::Route;

/// Which requests a fault is for.
#[derive(Clone)]
pub enum On {
    /// All.
    Any,
    /// `/intelligence/search`.
    Search,
    /// `/files/{hash}`.
    File,
    /// `/files/{hash}/{relationship}`, of this name.
    Related(&'static str),
    /// `/files/{hash}/relationships/{relationship}`, of this name.
    Descriptors(&'static str),
    /// `/files/{hash}/behaviour_mitre_trees`.
    MitreTrees,
    /// `/users/...`, but not the quotas.
    User,
    /// `/users/{id}/overall_quotas`.
    OverallQuotas,
    /// Requests that a test picks by itself.
    When(Arc<dyn Fn(&Logged) -> bool + Send + Sync>),
}

impl On {
    /// Requests that fulfil a condition.
    pub fn when(condition: impl Fn(&Logged) -> bool + Send + Sync + 'static) -> Self {
        Self::When(Arc::new(condition))
    }

    fn is(&self, asked: &Logged) -> bool {
        match (self, &asked.route) {
            (Self::Any, _)
            | (Self::Search, Route::Search)
            | (Self::File, Route::File(_))
            | (Self::MitreTrees, Route::MitreTrees(_))
            | (Self::User, Route::Me | Route::User(_) | Route::ApiUsage(_))
            | (Self::OverallQuotas, Route::OverallQuotas(_)) => true,
            (Self::Related(name), Route::Related(_, own))
            | (Self::Descriptors(name), Route::Descriptors(_, own)) => name == own,
            (Self::When(condition), _) => condition(asked),
            _ => false,
        }
    }
}

impl fmt::Debug for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "Any",
            Self::Search => "Search",
            Self::File => "File",
            Self::Related(name) => return write!(f, "Related({name})"),
            Self::Descriptors(name) => return write!(f, "Descriptors({name})"),
            Self::MitreTrees => "MitreTrees",
            Self::User => "User",
            Self::OverallQuotas => "OverallQuotas",
            Self::When(_) => "When(..)",
        })
    }
}

/// What is answered instead of, or made of, the proper answer.
#[derive(Clone)]
pub enum Answer {
    /// A status with VirusTotal's error envelope: status, code, message.
    Error(u16, &'static str, &'static str),
    /// A status with any body: status, content type, body.
    Text(u16, &'static str, String),
    /// 429 `TooManyRequestsError` with this `Retry-After`, which nothing documents
    /// and a front end may send.
    RetryAfter(&'static str),
    /// A redirect to somewhere: status, location.
    Redirect(u16, String),
    /// Nothing, until the stand-in is stopped; then 503.
    Silence,
    /// 400 for a request that has this parameter; others are not concerned.
    Refuse(&'static str),
    /// The proper answer, later by the stand-in's clock: one that is moved by
    /// hand has to be moved.
    Slow(Duration),
    /// The proper answer, but the connection ends after so many bytes.
    Cut(usize),
    /// The proper answer, compressed.
    Gzip,
    /// The proper answer, whose `links.next` is this.
    NextLink(String),
    /// The proper page, whose cursor leads to itself.
    SameCursor,
    /// The proper answer, the first so many objects of `data` as error stubs.
    Stubs(usize),
    /// The proper answer, the first so many objects of `data` with
    /// `attributes: null`.
    NullAttributes(usize),
    /// The proper answer, as a test rewrites it.
    Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>),
}

impl Answer {
    /// 503 `TransientError`.
    pub fn transient() -> Self {
        Self::Error(
            503,
            "TransientError",
            "Transient server error. Retry may work.",
        )
    }

    /// 504 `DeadlineExceededError`.
    pub fn deadline() -> Self {
        Self::Error(504, "DeadlineExceededError", "The operation took too long")
    }

    /// 429 `TooManyRequestsError`.
    pub fn too_many() -> Self {
        Self::Error(429, "TooManyRequestsError", "Too many requests")
    }

    /// 429 `QuotaExceededError`, which does not say of which quota.
    pub fn quota_exceeded() -> Self {
        Self::Error(429, "QuotaExceededError", "Quota exceeded")
    }

    /// 403 `ForbiddenError`.
    pub fn forbidden() -> Self {
        Self::Error(
            403,
            "ForbiddenError",
            "You are not authorized to perform the requested operation",
        )
    }

    /// A status that VirusTotal promises nowhere: what is asked fails at once,
    /// without another try.
    pub fn unpromised() -> Self {
        Self::Error(418, "Teapot", "short and stout")
    }

    /// 404 `NotFoundError`.
    pub fn not_found() -> Self {
        Self::Error(404, "NotFoundError", "Not found")
    }

    /// A status with a page of HTML, as front ends have it.
    pub fn html(status: u16) -> Self {
        let page = format!(
            "<!DOCTYPE html><html><head><title>Error {status}</title></head>\
             <body><h1>Error: Server Error</h1><h2>Please try again in 30 seconds.</h2></body></html>"
        );
        Self::Text(status, "text/html; charset=UTF-8", page)
    }

    /// 200 with JSON that is not what was asked for.
    pub fn wrong_json() -> Self {
        Self::Text(200, "application/json", "{\"data\":\"soon\"}".to_owned())
    }

    /// 200 with something that is no JSON.
    pub fn no_json() -> Self {
        Self::Text(
            200,
            "application/json",
            "{\"data\": [{\"type\": ".to_owned(),
        )
    }

    /// The proper answer, as `change` makes it.
    pub fn rewrite(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Rewrite(Arc::new(change))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(status, code, _) => write!(f, "{status} {code}"),
            Self::Text(status, kind, _) => write!(f, "{status} {kind}"),
            Self::Redirect(status, to) => write!(f, "{status} {to}"),
            Self::RetryAfter(text) => write!(f, "RetryAfter({text})"),
            Self::Refuse(name) => write!(f, "Refuse({name})"),
            Self::Slow(time) => write!(f, "Slow({time:?})"),
            Self::Cut(bytes) => write!(f, "Cut({bytes})"),
            Self::Stubs(count) => write!(f, "Stubs({count})"),
            Self::NullAttributes(count) => write!(f, "NullAttributes({count})"),
            Self::NextLink(to) => write!(f, "NextLink({to})"),
            Self::Silence => f.write_str("Silence"),
            Self::Gzip => f.write_str("Gzip"),
            Self::SameCursor => f.write_str("SameCursor"),
            Self::Rewrite(_) => f.write_str("Rewrite(..)"),
        }
    }
}

/// A fault: which requests, which of those in a row, and what happens. Unless
/// said otherwise, the next one that it is for, once.
#[derive(Clone, Debug)]
pub struct Fault {
    on: On,
    answer: Answer,
    first: usize,
    times: usize,
    seen: usize,
    struck: usize,
    charged: bool,
}

impl Fault {
    /// The next request that `on` is for gets `answer`.
    pub fn new(on: On, answer: Answer) -> Self {
        Self {
            on,
            answer,
            first: 1,
            times: 1,
            seen: 0,
            struck: 0,
            charged: false,
        }
    }

    /// The `n`th such request from now on; 1 is the next.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.first = n;
        self
    }

    /// So many such requests, from the first one on.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// All such requests, from the first one on.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// How often it has to strike for the order to have been of use. One that
    /// is to strike never is a mistake in any case.
    fn wanted(&self) -> usize {
        match self.times {
            0 | usize::MAX => 1,
            times => times,
        }
    }

    /// Also where the proper answer is not given, the request costs what the
    /// proper answer would have cost.
    #[must_use]
    pub fn charged(mut self) -> Self {
        self.charged = true;
        self
    }
}

/// The faults that were ordered.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Those that have not struck as often as ordered; one without an end, not
    /// at all.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().filter(|fault| fault.struck < fault.wanted())
    }

    /// What becomes of a request, and whether it is charged all the same. Each
    /// fault counts the requests that it is for, whether it strikes or not;
    /// the earliest order strikes.
    pub(crate) fn strike(&mut self, asked: &Logged) -> Option<(Answer, bool)> {
        let mut struck = None;
        for fault in &mut self.0 {
            let concerned = match fault.answer {
                Answer::Refuse(name) => asked.parameter(name).is_some(),
                _ => true,
            };
            if !concerned || !fault.on.is(asked) {
                continue;
            }
            fault.seen += 1;
            let due = fault.seen >= fault.first && fault.seen - fault.first < fault.times;
            if due && struck.is_none() {
                fault.struck += 1;
                struck = Some((fault.answer.clone(), fault.charged));
            }
        }
        struck
    }
}
