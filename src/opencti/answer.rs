//! What an answer means. Pure: status, body -> data or fault.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::base::http::proxy::Proxies;
use crate::base::http::{refused_by, trouble};
use crate::base::secret::Secret;

use super::error::{Error, passing};

/// What was asked, for the words of a fault.
pub(super) struct Asked<'a> {
    pub(super) operation: &'static str,
    pub(super) url: &'a Url,
    pub(super) token: &'a Secret,
    pub(super) proxies: &'a Proxies,
    /// Size of the request's body.
    pub(super) bytes: usize,
}

/// The head of an answer.
#[derive(Default)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

/// An error, and whether it is worth another try.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: Error,
    /// It may be gone a second later.
    pub(super) passing: bool,
    /// The operation was certainly not carried out.
    pub(super) unsent: bool,
    /// The server said how long to wait.
    pub(super) wait: Option<Duration>,
}

impl Fault {
    /// A fault that another try does not mend.
    pub(super) fn lasting(error: Error) -> Self {
        Self {
            error,
            passing: false,
            unsent: false,
            wait: None,
        }
    }

    fn passing(error: Error) -> Self {
        Self {
            passing: true,
            ..Self::lasting(error)
        }
    }
}

/// The shape of every GraphQL answer. `data` stays text: it is read once the
/// errors are known to be none.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    errors: Option<Vec<Complaint>>,
}

/// One GraphQL error.
#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    message: Option<String>,
    /// The platform writes its code here as well.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    code: Option<String>,
}

impl Complaint {
    fn code(&self) -> &str {
        let inner = self.extensions.as_ref().and_then(|e| e.code.as_deref());
        inner.or(self.name.as_deref()).unwrap_or("UNKNOWN")
    }
}

impl Asked<'_> {
    /// Data, or what is wrong.
    pub(super) fn judge(&self, head: &Head, body: &[u8]) -> Result<Box<RawValue>, Fault> {
        let status = head.status;
        if (300..400).contains(&status) {
            return Err(Fault::lasting(self.redirected(head)));
        }
        if status == 413 {
            return Err(Fault::lasting(Error::TooLarge { bytes: self.bytes }));
        }
        let answer = match serde_json::from_slice::<Answer>(body) {
            Ok(answer) if answer.errors.is_some() || answer.data.is_some() => answer,
            other => {
                let what = other.err().map_or_else(
                    || "neither data nor errors".to_owned(),
                    |error| not_json(body, &error),
                );
                return Err(self.foreign(head, &what, body));
            }
        };
        if let Some(first) = answer.errors.as_deref().and_then(<[_]>::first) {
            return Err(self.complaint(first));
        }
        match answer.data {
            Some(data) if (200..300).contains(&status) => Ok(data),
            _ => Err(self.foreign(head, "no data", body)),
        }
    }

    /// No answer, or one that broke off.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Fault {
        let trouble = trouble(error, self.url, self.proxies);
        if trouble.lasting {
            return Fault::lasting(self.network(&trouble.cause));
        }
        Fault {
            unsent: error.is_connect(),
            ..Fault::passing(Error::Unreachable {
                url: self.url.to_string(),
                cause: self.token.quoted(&trouble.cause),
            })
        }
    }

    fn network(&self, cause: &str) -> Error {
        Error::Network {
            url: self.url.to_string(),
            cause: self.token.quoted(cause),
        }
    }

    pub(super) fn malformed(&self, status: u16, what: &str, said: &str) -> Error {
        Error::Malformed {
            url: self.url.to_string(),
            status,
            what: what.to_owned(),
            said: said.to_owned(),
        }
    }

    fn redirected(&self, head: &Head) -> Error {
        let target = head
            .location
            .as_deref()
            .and_then(|location| self.url.join(location).ok())
            .map_or_else(
                || "an address that cannot be read".to_owned(),
                |url| self.token.quoted(&url.origin().ascii_serialization()),
            );
        Error::Redirected {
            url: self.url.to_string(),
            status: head.status,
            target,
        }
    }

    /// A complaint of the platform's own.
    fn complaint(&self, complaint: &Complaint) -> Fault {
        let operation = self.operation;
        let said = self
            .token
            .quoted(complaint.message.as_deref().unwrap_or(""));
        let code = complaint.code();
        match code {
            "AUTH_REQUIRED" | "UNAUTHENTICATED" => Fault::lasting(Error::WrongToken),
            "FORBIDDEN_ACCESS" | "FORBIDDEN" => Fault::lasting(Error::NoRights { operation, said }),
            "WORK_NOT_ALIVE" => Fault::lasting(Error::NotAlive),
            // No code of its own: the words are all that tells it apart.
            "FUNCTIONAL_ERROR" if said.starts_with("No connector found") => {
                Fault::lasting(Error::NotRegistered)
            }
            "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" | "BAD_USER_INPUT" => {
                Fault::lasting(Error::Invalid { operation, said })
            }
            code => Fault {
                passing: passing(code),
                ..Fault::lasting(Error::Failed {
                    operation,
                    code: self.token.quoted(code),
                    said,
                })
            },
        }
    }

    /// An answer that no platform gives: a proxy's, or another server's.
    fn foreign(&self, head: &Head, what: &str, body: &[u8]) -> Fault {
        let said = self
            .token
            .quoted(&String::from_utf8_lossy(&body[..body.len().min(4_096)]));
        let status = head.status;
        match status {
            407 => Fault::lasting(self.network(&refused_by(self.proxies.of(self.url)))),
            401 | 403 => Fault::lasting(Error::Blocked { status, said }),
            408 | 429 | 500.. => Fault {
                // 429 is said before anything is done.
                unsent: status == 429,
                wait: head.retry_after,
                ..Fault::passing(Error::Unavailable {
                    url: self.url.to_string(),
                    status,
                    said,
                })
            },
            _ => Fault::lasting(self.malformed(status, what, &said)),
        }
    }
}

fn not_json(body: &[u8], error: &serde_json::Error) -> String {
    let begins = body.trim_ascii_start();
    if begins.is_empty() {
        "an empty body".to_owned()
    } else if begins.starts_with(b"<") {
        "an HTML page".to_owned()
    } else if error.is_eof() {
        "JSON that is cut off".to_owned()
    } else {
        "no GraphQL answer".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opencti::error::Remedy;

    fn judge(status: u16, body: &str) -> Result<Box<RawValue>, Fault> {
        let url = Url::parse("https://octi.example.net/graphql").unwrap();
        let asked = Asked {
            operation: "the ping",
            url: &url,
            token: &Secret::new("t0ken"),
            proxies: &Proxies::default(),
            bytes: 10,
        };
        let head = Head {
            status,
            location: Some("https://login.example.org/?token=t0ken".to_owned()),
            retry_after: None,
        };
        asked.judge(&head, body.as_bytes())
    }

    fn fault(status: u16, body: &str) -> Fault {
        judge(status, body).unwrap_err()
    }

    #[test]
    fn each_code_of_the_platform_is_its_own_decision() {
        let body = |code: &str| {
            format!(
                r#"{{"errors":[{{"message":"no","extensions":{{"code":"{code}"}}}}],"data":null}}"#
            )
        };
        let error = |code: &str| fault(200, &body(code)).error;
        assert!(matches!(error("AUTH_REQUIRED"), Error::WrongToken));
        assert!(matches!(error("FORBIDDEN_ACCESS"), Error::NoRights { .. }));
        assert!(matches!(error("WORK_NOT_ALIVE"), Error::NotAlive));
        assert!(matches!(error("FUNCTIONAL_ERROR"), Error::Failed { .. }));
        assert!(fault(200, &body("DATABASE_ERROR")).passing);
        assert!(!fault(200, &body("FUNCTIONAL_ERROR")).passing);
    }

    #[test]
    fn the_code_is_also_read_from_the_name() {
        let body = r#"{"errors":[{"message":"no","name":"AUTH_REQUIRED"}],"data":null}"#;
        assert!(matches!(fault(200, body).error, Error::WrongToken));
    }

    #[test]
    fn a_redirect_names_its_target_host_and_not_the_query() {
        let error = fault(302, "").error;
        assert_eq!(error.remedy(), Remedy::Fix);
        let text = error.to_string();
        assert!(
            text.contains("302") && text.contains("https://login.example.org:"),
            "{text}"
        );
        assert!(!text.contains("t0ken"), "{text}");
    }

    #[test]
    fn an_answer_that_no_platform_gives_is_told_by_its_status() {
        let html = "<html>Welcome t0ken</html>";
        let text = fault(200, html).error.to_string();
        assert!(
            text.contains("an HTML page") && text.contains("OPENCTI_URL"),
            "{text}"
        );
        assert!(!text.contains("t0ken"), "{text}");
        assert!(fault(502, html).passing && !fault(404, html).passing);
        assert!(matches!(fault(403, html).error, Error::Blocked { .. }));
        assert!(matches!(
            fault(413, html).error,
            Error::TooLarge { bytes: 10 }
        ));
        assert!(fault(200, "").error.to_string().contains("empty"));
        assert!(
            fault(200, r#"{"data":{"a"#)
                .error
                .to_string()
                .contains("cut off")
        );
        assert!(fault(200, "7").error.to_string().contains("no GraphQL"));
        assert!(fault(429, "slow").unsent && !fault(503, "").unsent);
    }

    #[test]
    fn a_document_that_does_not_fit_is_told_with_the_platforms_words() {
        let body = r#"{"errors":[{"message":"Unknown argument \"work_id\" on field \"Mutation.stixBundlePush\".","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#;
        let Error::Invalid { said, .. } = fault(400, body).error else {
            panic!("another error");
        };
        assert!(said.contains("\"work_id\""));
    }

    #[test]
    fn data_without_errors_is_the_answer() {
        assert_eq!(
            judge(200, r#"{"data":{"a":1}}"#).unwrap().get(),
            r#"{"a":1}"#
        );
        assert_eq!(
            judge(200, r#"{"errors":[],"data":{}}"#).unwrap().get(),
            "{}"
        );
    }
}
