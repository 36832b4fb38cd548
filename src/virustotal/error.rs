//! What can go wrong with VirusTotal: one variant per decision.

use std::time::Duration;

use crate::base::text::quoted;

/// An answer that was not what was asked for, or no answer.
///
/// The texts tell the operator what to change. What VirusTotal said is in them
/// cleaned and cut ([`quoted`]); the key never is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401: no key, a wrong key, an inactive account.
    #[error(
        "VirusTotal does not accept the key ({said}): put a valid key of an active account into VTREPORTER_API_KEY"
    )]
    WrongKey {
        /// Status, code and message.
        said: String,
    },
    /// 403: the licence does not cover it.
    #[error(
        "the key has no right to {what} ({said}): it needs another licence, or another key in VTREPORTER_API_KEY"
    )]
    NotLicensed {
        /// What was asked for.
        what: String,
        /// Status, code and message.
        said: String,
    },
    /// 404 of one object.
    #[error("VirusTotal does not know {what} ({said})")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Status, code and message.
        said: String,
    },
    /// 404 of something that every VirusTotal has.
    #[error(
        "nothing answers to {what} at this address ({said}): VTREPORTER_API_URL should be like https://www.virustotal.com/api/v3"
    )]
    WrongAddress {
        /// What was asked for.
        what: String,
        /// Status, code and message.
        said: String,
    },
    /// 400 of a search: the query is wrong.
    #[error(
        "VirusTotal does not accept the search ({said}): look at VTREPORTER_EXTRA_QUERY and VTREPORTER_COUNTRY"
    )]
    BadQuery {
        /// Status, code and message.
        said: String,
    },
    /// 400 of anything else.
    #[error("VirusTotal does not accept the request for {what} ({said})")]
    BadRequest {
        /// What was asked for.
        what: String,
        /// Status, code and message.
        said: String,
    },
    /// 400 of a page that was asked for by its cursor: the cursor is too old,
    /// or another key's. Go on from the last date seen.
    #[error("VirusTotal no longer accepts the place in the search ({said})")]
    CursorRefused {
        /// Status, code and message.
        said: String,
    },
    /// 429 `TooManyRequestsError`: slower.
    #[error(
        "VirusTotal asks for fewer requests a minute ({said}): see VTREPORTER_REQUESTS_PER_MINUTE"
    )]
    TooFast {
        /// How long it asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// Status, code and message.
        said: String,
    },
    /// 429 `QuotaExceededError`: of the minute, the day or the month; it does not say which.
    #[error("a VirusTotal quota is used up ({said})")]
    OverQuota {
        /// How long it asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// Status, code and message.
        said: String,
    },
    /// 5xx and the like: VirusTotal's own trouble, likely to pass.
    #[error("VirusTotal has trouble of its own ({said}): it usually passes")]
    Upstream {
        /// Status, code and message.
        said: String,
    },
    /// No answer in time.
    #[error("no answer from {host} within {} s: see VTREPORTER_TIMEOUT", .after.as_secs_f32())]
    TimedOut {
        /// Who was asked.
        host: String,
        /// The time-out.
        after: Duration,
    },
    /// No connection: the request was not sent.
    #[error(
        "{host} cannot be reached ({cause}): check the network, the proxy and VTREPORTER_API_URL"
    )]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why.
        cause: String,
    },
    /// No connection, and a setting has to change for one.
    #[error("{host} cannot be reached: {cause}")]
    Network {
        /// Who was asked.
        host: String,
        /// Why, and which setting.
        cause: String,
    },
    /// The connection broke, or the body ended too early.
    #[error("the answer from {host} was cut short ({cause})")]
    CutShort {
        /// Who was asked.
        host: String,
        /// Why.
        cause: String,
    },
    /// 3xx. Not followed: the key goes to the configured host only.
    #[error(
        "the answer is a redirect to {to} (HTTP {status}), and the key is sent to the configured host only: put the right address into VTREPORTER_API_URL"
    )]
    Redirected {
        /// The status.
        status: u16,
        /// The host it points to.
        to: String,
    },
    /// A body over the cap.
    #[error("the answer is larger than {limit_mb} MB")]
    TooLarge {
        /// The cap.
        limit_mb: usize,
    },
    /// A success whose body is not what the API promises.
    #[error(
        "the answer is not VirusTotal's API ({why}; HTTP {status}: {body}): is there a proxy in between, is VTREPORTER_API_URL right?"
    )]
    Malformed {
        /// The status.
        status: u16,
        /// What is wrong with it.
        why: String,
        /// The body's beginning, cleaned.
        body: String,
    },
    /// A status that the API does not promise.
    #[error("VirusTotal answered in a way that is not understood ({said})")]
    Unexpected {
        /// Status, code and message.
        said: String,
    },
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The operator has to change something; asking again does not help.
    Fix,
    /// Slower: wait so long, or a minute.
    Wait(Option<Duration>),
    /// Ask the quotas: wait for the next minute, or pause until the reset.
    Pause,
    /// Do without this feature for the rest of the run.
    Disable,
    /// Do without this object.
    Skip,
    /// A later try may succeed.
    Retry,
    /// Drop the cursor and search on from the last date seen.
    Restart,
}

impl Error {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::WrongKey { .. }
            | Self::BadQuery { .. }
            | Self::WrongAddress { .. }
            | Self::Network { .. }
            | Self::Redirected { .. } => Remedy::Fix,
            Self::TooFast { retry_after, .. } => Remedy::Wait(*retry_after),
            Self::OverQuota { .. } => Remedy::Pause,
            Self::NotLicensed { .. } => Remedy::Disable,
            Self::NotFound { .. }
            | Self::BadRequest { .. }
            | Self::TooLarge { .. }
            | Self::Unexpected { .. } => Remedy::Skip,
            Self::CursorRefused { .. } => Remedy::Restart,
            Self::Upstream { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::CutShort { .. }
            | Self::Malformed { .. } => Remedy::Retry,
        }
    }

    /// Whether it is a 429, and how long VirusTotal asks to wait.
    pub fn limited(&self) -> Option<Option<Duration>> {
        match self {
            Self::TooFast { retry_after, .. } | Self::OverQuota { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// How often the same request may be sent again. A time-out has already
    /// cost its whole wait, so it gets one more try only.
    pub(crate) fn tries_left(&self, tried: u32) -> bool {
        match self {
            Self::Upstream { .. }
            | Self::Unreachable { .. }
            | Self::CutShort { .. }
            // A front end's page with status 200 passes like one with 502.
            | Self::Malformed { .. } => tried < 3,
            Self::TimedOut { .. } => tried < 1,
            _ => false,
        }
    }

    /// Whether VirusTotal may have charged the request that failed so.
    pub(crate) fn charged(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable { .. }
                | Self::Network { .. }
                | Self::TooFast { .. }
                | Self::OverQuota { .. }
                | Self::WrongKey { .. }
        )
    }
}

/// What a body that is not ours to read looks like: the title of an HTML page,
/// or its first bytes.
pub(crate) fn describe(body: &str) -> String {
    let start = body.trim_start();
    if start.is_empty() {
        return "an empty body".to_owned();
    }
    if !start.starts_with('<') {
        return quoted(body);
    }
    // ASCII lower case keeps byte positions.
    let lower = start.to_ascii_lowercase();
    let title = lower
        .find("<title>")
        .map(|at| at + "<title>".len())
        .and_then(|from| Some(from..from + lower.get(from..)?.find("</title>")?))
        .and_then(|range| start.get(range))
        .map(quoted)
        .filter(|title| !title.is_empty());
    match title {
        Some(title) => format!("an HTML page, \"{title}\""),
        None => "an HTML page".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_html_page_is_named_by_its_title() {
        assert_eq!(
            describe("\n<!DOCTYPE html><html><head><TITLE>502 Bad\n Gateway</TITLE>"),
            "an HTML page, \"502 Bad Gateway\""
        );
        assert_eq!(describe("<html><title>"), "an HTML page");
        assert_eq!(describe(" \n"), "an empty body");
        assert_eq!(describe("oops"), "oops");
    }

    #[test]
    fn a_time_out_is_tried_once_more_and_a_server_fault_three_times() {
        let slow = Error::TimedOut {
            host: String::new(),
            after: Duration::from_secs(1),
        };
        let upstream = Error::Upstream {
            said: String::new(),
        };
        let tries = |error: &Error| (0..10).take_while(|&tried| error.tries_left(tried)).count();
        assert_eq!((tries(&slow), tries(&upstream)), (1, 3));
    }
}
