//! What can go wrong between us and the platform: one variant per decision.

use crate::base::http::HttpError;

/// Why the platform did not do what it was asked.
///
/// The texts are for the operator: they name what to change and never hold
/// the token. What the platform itself said is cleaned and cut.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The platform does not know the token.
    #[error(
        "OpenCTI does not accept the token: set OPENCTI_TOKEN to the token of an existing, active user"
    )]
    WrongToken,
    /// The token's user may not do this.
    #[error(
        "OpenCTI refused {operation}: the user of OPENCTI_TOKEN lacks the right to it; give it the Connector role (\"Connectors API usage\"){}",
        aside(said)
    )]
    NoRights {
        /// What was asked for.
        operation: &'static str,
        /// What the platform, or a proxy before it, said.
        said: String,
    },
    /// The platform is older than the oldest that we serve.
    #[error("OpenCTI {found} is too old: this connector needs {oldest} or newer")]
    TooOld {
        /// The version it told.
        found: String,
        /// The oldest version that we serve.
        oldest: &'static str,
    },
    /// The document does not fit the platform's interface, in no form we know.
    #[error(
        "OpenCTI does not understand {operation}: {said}; its version is not one this connector knows"
    )]
    Invalid {
        /// What was asked for.
        operation: &'static str,
        /// The platform's validation message.
        said: String,
    },
    /// The work is gone: somebody deleted it, or the platform cleaned it up.
    #[error("the work is no longer known to OpenCTI")]
    NotAlive,
    /// The connector is not known (any more): it has to register again.
    #[error(
        "OpenCTI does not know this connector: it has to register again (is CONNECTOR_ID the same as before?)"
    )]
    NotRegistered,
    /// The body is over the platform's or a proxy's limit (413).
    #[error(
        "OpenCTI or a proxy before it refuses a body of {bytes} bytes (413): lower VTREPORTER_MAX_BUNDLE_MB or raise the limit there (`app:max_payload_body_size`, `client_max_body_size`)"
    )]
    TooLarge {
        /// Size of the refused body.
        bytes: usize,
    },
    /// A 3xx: we follow none, the token would go along.
    #[error(
        "{url} answers {status}, a redirect to {target}: set OPENCTI_URL to the address that the platform really has"
    )]
    Redirected {
        /// Where we asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Scheme and host of the target, never its query.
        target: String,
    },
    /// Something between us and the platform wants more than the token.
    #[error(
        "a proxy before OpenCTI refuses the request ({status}){}; check OPENCTI_URL, and OPENCTI_CUSTOM_HEADERS for what the proxy asks for",
        aside(said)
    )]
    Blocked {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, cleaned.
        said: String,
    },
    /// No connection, and a setting has to change for one.
    #[error("OpenCTI cannot be reached at {url}: {cause}")]
    Network {
        /// Where we asked.
        url: String,
        /// Why, and which setting.
        cause: String,
    },
    /// No connection, or no answer in time.
    #[error(
        "OpenCTI cannot be reached at {url}: {cause}; check OPENCTI_URL, and that the platform runs"
    )]
    Unreachable {
        /// Where we asked.
        url: String,
        /// The chain of causes.
        cause: String,
    },
    /// The platform, or the proxy before it, is there and cannot serve now.
    #[error("OpenCTI cannot serve now: {url} answers {status}{}", aside(said))]
    Unavailable {
        /// Where we asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, cleaned.
        said: String,
    },
    /// The answer is not what a platform sends.
    #[error(
        "{url} does not answer as OpenCTI does (status {status}, {what}){}; check OPENCTI_URL",
        aside(said)
    )]
    Malformed {
        /// Where we asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        what: String,
        /// The beginning of the body, cleaned.
        said: String,
    },
    /// The platform understood, tried, and failed.
    #[error("OpenCTI failed at {operation}: {said} ({code})")]
    Failed {
        /// What was asked for.
        operation: &'static str,
        /// The platform's code, such as `FUNCTIONAL_ERROR`.
        code: String,
        /// The platform's message, cleaned.
        said: String,
    },
    /// The token or a header of the operator's cannot be sent at all.
    #[error(
        "{setting} cannot be sent as an HTTP header: it holds a line break or another character that is not allowed there"
    )]
    Header {
        /// The setting to change.
        setting: String,
    },
    /// The bundle is not one: our own fault, or a file that was changed.
    #[error("the bundle cannot be read: {0}")]
    Bundle(String),
    /// A setting of the broker's or the object storage's cannot be used.
    #[error("{setting}: {what}")]
    Setting {
        /// The variable.
        setting: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The broker refuses the user, the virtual host, or the user's rights.
    #[error(
        "the broker at {address} refuses user `{user}` on vhost `{vhost}`: {said}; check MQ_USER, MQ_PASS and MQ_VHOST, or leave them out to take what OpenCTI hands out"
    )]
    BrokerRefused {
        /// Host and port.
        address: String,
        /// User.
        user: String,
        /// Virtual host.
        vhost: String,
        /// The broker's words.
        said: String,
    },
    /// The exchange is not there.
    #[error(
        "the broker at {address} has no exchange `{exchange}` on vhost `{vhost}`: check that MQ_HOST and MQ_VHOST name the broker of this OpenCTI, and that the platform has started once"
    )]
    BrokerNoExchange {
        /// Host and port.
        address: String,
        /// Virtual host.
        vhost: String,
        /// Exchange.
        exchange: String,
    },
    /// No queue takes the messages.
    #[error(
        "no queue of the broker at {address} takes messages for `{exchange}` with key `{routing}`: the connector has to register again (was it deleted in OpenCTI?)"
    )]
    BrokerNoQueue {
        /// Host and port.
        address: String,
        /// Exchange.
        exchange: String,
        /// Routing key.
        routing: String,
    },
    /// TLS with the broker fails.
    #[error(
        "no TLS with the broker at {address}: {cause}; check MQ_USE_SSL, MQ_USE_SSL_CA, MQ_USE_SSL_CERT and MQ_USE_SSL_KEY"
    )]
    BrokerTls {
        /// Host and port.
        address: String,
        /// The chain of causes.
        cause: String,
    },
    /// The broker is not there, or went away.
    #[error(
        "the broker cannot be reached at {address}: {cause}; check MQ_HOST, MQ_PORT and MQ_USE_SSL, and that the broker runs"
    )]
    BrokerUnreachable {
        /// Host and port.
        address: String,
        /// The chain of causes.
        cause: String,
    },
    /// The broker is there and takes no messages.
    #[error("the broker at {address} takes no messages: {what}")]
    BrokerHolds {
        /// Host and port.
        address: String,
        /// What it does.
        what: String,
    },
    /// A file could not be written.
    #[error(
        "{path} cannot be written: {cause}; check CONNECTOR_SEND_TO_DIRECTORY_PATH, its rights and the room on its disk"
    )]
    Directory {
        /// The file or folder.
        path: String,
        /// The system's words.
        cause: String,
    },
    /// The object storage refuses us.
    #[error(
        "the object storage at {endpoint} refuses bucket `{bucket}` ({status}, {said}); check S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET_REGION and CONNECTOR_SEND_TO_S3_BUCKET"
    )]
    S3Refused {
        /// Scheme, host and port.
        endpoint: String,
        /// Bucket.
        bucket: String,
        /// The HTTP status.
        status: u16,
        /// The storage's code and message.
        said: String,
    },
    /// The object storage is not there, or cannot serve now.
    #[error(
        "the object storage at {endpoint} cannot be used: {cause}; check S3_ENDPOINT, S3_PORT and S3_USE_SSL"
    )]
    S3Unreachable {
        /// Scheme, host and port.
        endpoint: String,
        /// The chain of causes, or status and body.
        cause: String,
    },
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// [`HttpError`] in a form that can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(String);

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::Client(ClientError(error.to_string()))
    }
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing helps but the operator: the text says what to change.
    Fix,
    /// It may pass: wait and do it again.
    Retry,
    /// Send less at once.
    Split,
    /// Register again, then repeat.
    Register,
    /// What failed is not needed: go on without it.
    GoOn,
}

impl Error {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::WrongToken
            | Self::NoRights { .. }
            | Self::TooOld { .. }
            | Self::Invalid { .. }
            | Self::Redirected { .. }
            | Self::Blocked { .. }
            | Self::Network { .. }
            | Self::Header { .. }
            | Self::Bundle(_)
            | Self::Setting { .. }
            | Self::BrokerRefused { .. }
            | Self::BrokerNoExchange { .. }
            | Self::BrokerTls { .. }
            | Self::Directory { .. }
            | Self::S3Refused { .. }
            | Self::Client(_) => Remedy::Fix,
            // A proxy that serves an error page while the platform restarts
            // looks like this too.
            Self::Malformed { .. }
            | Self::Unreachable { .. }
            | Self::Unavailable { .. }
            | Self::BrokerUnreachable { .. }
            | Self::BrokerHolds { .. }
            | Self::S3Unreachable { .. } => Remedy::Retry,
            Self::TooLarge { .. } => Remedy::Split,
            Self::NotRegistered | Self::BrokerNoQueue { .. } => Remedy::Register,
            Self::NotAlive => Remedy::GoOn,
            Self::Failed { code, .. } if passing(code) => Remedy::Retry,
            // How the platform says that somebody deleted the connector there.
            Self::Failed { said, .. } if said.contains("No connector found") => Remedy::Register,
            Self::Failed { .. } => Remedy::Fix,
        }
    }
}

/// Whether a code of the platform's names trouble that passes by itself.
pub(super) fn passing(code: &str) -> bool {
    matches!(
        code,
        "DATABASE_ERROR"
            | "LOCK_ERROR"
            | "INTERNAL_SERVER_ERROR"
            | "TIMEOUT"
            | "TOO_MANY_REQUESTS"
            | "RATE_LIMIT"
    )
}

fn aside(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_passes_is_retried_and_a_wrong_setting_is_not() {
        let failed = |code: &str| Error::Failed {
            operation: "the push",
            code: code.to_owned(),
            said: String::new(),
        };
        assert_eq!(failed("DATABASE_ERROR").remedy(), Remedy::Retry);
        assert_eq!(failed("UNSUPPORTED_ERROR").remedy(), Remedy::Fix);
        assert_eq!(Error::WrongToken.remedy(), Remedy::Fix);
        assert_eq!(Error::TooLarge { bytes: 1 }.remedy(), Remedy::Split);
    }
}
