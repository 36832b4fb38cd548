//! From an HTTP answer to a body or an [`Error`].

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::error::{Error, describe};
use crate::base::http::buffers::Buffer;
use crate::base::secret::Secret;
use crate::base::text::quoted;

/// The largest body that is read, unpacked. A full page with everything in it
/// has about 10 MB.
pub(crate) const MOST: usize = 64 * 1024 * 1024;

/// So much of an error's body is looked at.
const MOST_OF_AN_ERROR: usize = 64 * 1024;

/// What a request asks for, in words and in consequences.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// For messages: "the Intelligence search".
    pub(crate) name: String,
    /// A search, which every VirusTotal has: a 404 means another address, a
    /// 400 another query.
    pub(crate) is_search: bool,
    /// It was asked for by its cursor.
    pub(crate) by_cursor: bool,
}

/// The error envelope; everything may be missing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Told,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    code: Option<String>,
    message: Option<String>,
}

/// The body of a success, put into `body`, or what its refusal means.
pub(crate) async fn read(
    mut response: Response,
    subject: &Subject,
    key: &Secret,
    now: DateTime<Utc>,
    body: &mut Buffer,
) -> Result<(), Error> {
    let status = response.status();
    if status.is_redirection() {
        return Err(Error::Redirected {
            status: status.as_u16(),
            to: key.redact(&target(response.url(), response.headers())),
        });
    }
    if status.is_success() {
        return if collect(&mut response, MOST, body).await? {
            Ok(())
        } else {
            Err(Error::TooLarge {
                limit_mb: MOST / 1024 / 1024,
            })
        };
    }
    let retry_after = retry_after(response.headers(), now);
    // An error whose body cannot be read is still that error.
    if !matches!(
        collect(&mut response, MOST_OF_AN_ERROR, body).await,
        Ok(true)
    ) {
        body.clear();
    }
    let text = key.redact(&String::from_utf8_lossy(body));
    Err(refused(status, &text, retry_after, subject))
}

/// Puts the whole body, unpacked by `Content-Encoding`, into `body`; `false`
/// when it is larger than `most`.
async fn collect(response: &mut Response, most: usize, body: &mut Buffer) -> Result<bool, Error> {
    let host = response.url().host_str().unwrap_or_default().to_owned();
    let told = response.content_length().unwrap_or(0);
    if told > most as u64 {
        return Ok(false);
    }
    body.make_room(told as usize);
    loop {
        let chunk = response.chunk().await.map_err(|error| {
            if error.is_timeout() {
                // The caller knows the time-out.
                Error::TimedOut {
                    host: host.clone(),
                    after: Duration::ZERO,
                }
            } else {
                Error::CutShort {
                    host: host.clone(),
                    cause: quoted(&crate::base::http::cause(&error)),
                }
            }
        })?;
        let Some(chunk) = chunk else {
            return Ok(true);
        };
        if body.len() + chunk.len() > most {
            return Ok(false);
        }
        body.extend_from_slice(&chunk);
    }
}

/// What a refusal means. `body` is free of the key.
fn refused(
    status: StatusCode,
    body: &str,
    retry_after: Option<Duration>,
    subject: &Subject,
) -> Error {
    let told = serde_json::from_str::<Envelope>(body).map(|envelope| envelope.error);
    let (code, message) = match told {
        Ok(told) if told.code.is_some() || told.message.is_some() => (
            quoted(&told.code.unwrap_or_default()),
            quoted(&told.message.unwrap_or_default()),
        ),
        _ => (String::new(), describe(body)),
    };
    let mut said = format!("HTTP {}", status.as_u16());
    for (before, part) in [(" ", &code), (": ", &message)] {
        if !part.is_empty() {
            said.push_str(before);
            said.push_str(part);
        }
    }
    let what = subject.name.clone();
    match status.as_u16() {
        401 => Error::WrongKey { said },
        403 => Error::NotLicensed { what, said },
        404 if subject.is_search => Error::WrongAddress { what, said },
        404 => Error::NotFound { what, said },
        400 if code == "NotAvailableYet" => Error::Upstream { said },
        400 if subject.by_cursor => Error::CursorRefused { said },
        400 if subject.is_search => Error::BadQuery { said },
        400 => Error::BadRequest { what, said },
        429 if code == "QuotaExceededError" => Error::OverQuota { retry_after, said },
        429 => Error::TooFast { retry_after, said },
        408 | 424 | 500.. => Error::Upstream { said },
        _ => Error::Unexpected { said },
    }
}

/// The host that a redirect points to, and no more: the rest may hold anything.
fn target(asked: &Url, headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    location
        .and_then(|location| asked.join(location).ok())
        .and_then(|url| url.host_str().map(quoted))
        .unwrap_or_else(|| "a place it does not name".to_owned())
}

/// `Retry-After`, in seconds or as a date. Foreign, and of any size: whoever
/// waits for it has to set an end.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are still "very long".
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(
        (date.with_timezone(&Utc) - now)
            .to_std()
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            name: "the Intelligence search".to_owned(),
            is_search: true,
            by_cursor: false,
        }
    }

    fn refusal(status: u16, code: &str) -> Error {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
        refused(
            StatusCode::from_u16(status).unwrap(),
            &body,
            None,
            &subject(),
        )
    }

    #[test]
    fn every_refusal_leads_to_its_decision() {
        use crate::virustotal::error::Remedy::*;
        for (status, code, remedy) in [
            (400, "BadRequestError", Fix),
            (400, "InvalidArgumentError", Fix),
            (400, "NotAvailableYet", Retry),
            (401, "WrongCredentialsError", Fix),
            (401, "UserNotActiveError", Fix),
            (403, "ForbiddenError", Disable),
            (404, "NotFoundError", Fix),
            (409, "AlreadyExistsError", Skip),
            (424, "FailedDependencyError", Retry),
            (429, "QuotaExceededError", Pause),
            (429, "TooManyRequestsError", Wait(None)),
            (503, "TransientError", Retry),
            (504, "DeadlineExceededError", Retry),
        ] {
            let error = refusal(status, code);
            assert_eq!(error.remedy(), remedy, "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("HTTP {status} {code}: m")), "{text}");
        }
    }

    #[test]
    fn a_refused_cursor_is_not_a_refused_query() {
        let subject = Subject {
            by_cursor: true,
            ..subject()
        };
        let error = refused(StatusCode::BAD_REQUEST, "{}", None, &subject);
        assert!(matches!(error, Error::CursorRefused { .. }), "{error:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("90", Some(90)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("Fri, 20 Nov 2026 10:02:00 GMT", Some(120)),
            ("Fri, 20 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
    }
}
