//! The road over an object storage: one object a bundle.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2, ListObjectsV2Response};
use rusty_s3::{Bucket as Place, Credentials, Method, S3Action, UrlStyle};
use url::Url;

use crate::base::clock::Clock;
use crate::base::http::proxy::Proxies;
use crate::base::http::{self, HttpOptions};
use crate::base::secret::Secret;
use crate::opencti::client::{AGAIN, TRIES};
use crate::opencti::connector::S3;
use crate::opencti::error::Error;

use super::Sent;
use super::document::{Names, Retention, Sender, document};
use super::outgoing::Outgoing;
use super::pieces::Pieces;

/// How long a signature is good for. Nothing is kept that long.
const SIGNED_FOR: Duration = Duration::from_secs(300);

/// Where objects go, and how long they stay.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// The storage; [`S3Overrides::over`] tells what is missing.
    pub storage: S3,
    /// `CONNECTOR_SEND_TO_S3_FOLDER`; `""`, `.` and `/` are the bucket's top.
    pub folder: String,
    /// `CONNECTOR_SEND_TO_S3_RETENTION`: days, 0 keeps all.
    pub retention_days: u32,
    /// Time-outs, roots, proxies.
    pub http: HttpOptions,
}

/// The operator's `S3_*`: what is set replaces what the platform hands out.
#[derive(Clone, Debug, Default)]
pub struct S3Overrides {
    /// `S3_ENDPOINT`.
    pub endpoint: Option<String>,
    /// `S3_PORT`.
    pub port: Option<u16>,
    /// `S3_USE_SSL`.
    pub use_ssl: Option<bool>,
    /// `CONNECTOR_SEND_TO_S3_BUCKET`.
    pub bucket: Option<String>,
    /// `S3_BUCKET_REGION`.
    pub region: Option<String>,
    /// `S3_ACCESS_KEY`.
    pub access_key: Option<Secret>,
    /// `S3_SECRET_KEY`.
    pub secret_key: Option<Secret>,
}

impl S3Overrides {
    /// The storage to use.
    ///
    /// # Errors
    /// [`Error::Setting`] names what neither side says.
    pub fn over(self, registered: Option<S3>) -> Result<S3, Error> {
        let (endpoint, port, use_ssl, bucket, region, access_key, secret_key) = match registered {
            Some(s3) => (
                Some(s3.endpoint),
                Some(s3.port),
                Some(s3.use_ssl),
                Some(s3.bucket),
                Some(s3.region),
                Some(s3.access_key),
                Some(s3.secret_key),
            ),
            None => (None, None, None, None, None, None, None),
        };
        Ok(S3 {
            endpoint: told("S3_ENDPOINT", self.endpoint.or(endpoint))?,
            port: told("S3_PORT", self.port.or(port))?,
            use_ssl: self.use_ssl.or(use_ssl).unwrap_or(false),
            bucket: told("CONNECTOR_SEND_TO_S3_BUCKET", self.bucket.or(bucket))?,
            region: self
                .region
                .or(region)
                .unwrap_or_else(|| "us-east-1".to_owned()),
            access_key: told("S3_ACCESS_KEY", self.access_key.or(access_key))?,
            secret_key: told("S3_SECRET_KEY", self.secret_key.or(secret_key))?,
        })
    }
}

fn told<T>(setting: &'static str, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::Setting {
        setting,
        what: "it is needed for CONNECTOR_SEND_TO_S3, and this OpenCTI does not hand it out (6.9.9 and newer do)".to_owned(),
    })
}

/// The road.
#[derive(Clone)]
pub struct Bucket(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    proxies: Proxies,
    place: Place,
    credentials: Credentials,
    secret: Secret,
    /// Ends in `/`, or is empty.
    folder: String,
    retention: Retention,
    sender: Sender,
    names: Names,
    /// The smallest bundle that was refused as too large.
    refused: AtomicUsize,
    clock: Clock,
}

/// What a request that went well answered.
struct Answer {
    body: String,
}

impl Bucket {
    /// A road into a bucket. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Setting`] for an address or a folder that cannot be one.
    pub fn new(settings: BucketSettings, sender: Sender, clock: Clock) -> Result<Self, Error> {
        let s3 = settings.storage;
        Ok(Self(Arc::new(Inner {
            http: http::client(&settings.http)?,
            proxies: settings.http.proxies,
            place: place(&s3)?,
            credentials: Credentials::new(s3.access_key.expose(), s3.secret_key.expose()),
            secret: s3.secret_key,
            folder: folder(&settings.folder)?,
            retention: Retention::days(settings.retention_days),
            names: Names::new(&sender),
            sender,
            refused: AtomicUsize::new(usize::MAX),
            clock,
        })))
    }

    /// Whether a bundle could be uploaded: begins an upload in parts, which needs
    /// the same right, and gives it up. Nobody ever sees an object.
    pub(super) async fn try_out(&self) -> Result<String, Error> {
        let inner = &self.0;
        let key = format!("{}{}", inner.folder, inner.names.name(inner.clock.now()));
        let begin = inner
            .place
            .create_multipart_upload(Some(&inner.credentials), &key);
        let place = format!("bucket `{}` at {}", inner.place.name(), inner.endpoint());
        let begun = match inner.request(&begin, None).await {
            Ok(begun) => begun,
            Err(Error::S3Refused {
                status: 405 | 501, ..
            }) => {
                return Ok(format!(
                    "{place} is reached; whether it can be written is not told before a bundle"
                ));
            }
            Err(error) => return Err(error),
        };
        let upload = CreateMultipartUpload::parse_response(&begun.body).map_err(|error| {
            inner.unreachable(format!("an upload that cannot be read: {error}"))
        })?;
        let abort =
            inner
                .place
                .abort_multipart_upload(Some(&inner.credentials), &key, upload.upload_id());
        if let Err(error) = inner.request(&abort, None).await {
            tracing::warn!(
                "the object storage does not give up an upload that has no content: {error}"
            );
        }
        Ok(format!("{place} takes uploads"))
    }

    /// Uploads a bundle; one that a proxy refuses as too large goes in pieces.
    pub async fn send(&self, bundle: impl Into<Outgoing<'_>>) -> Result<Sent, Error> {
        let mut pieces = Pieces::of(bundle.into(), &self.0.refused)?;
        while let Some(piece) = pieces.next()? {
            let answer = self.0.put(&piece.text).await;
            // No work counts what lies in a bucket.
            pieces.answered(piece, answer.map(|()| false))?;
        }
        Ok(pieces.sent())
    }
}

impl Inner {
    async fn put(&self, bundle: &str) -> Result<(), Error> {
        let (text, _) = document("S3_BUNDLE", &self.sender, bundle)?;
        let key = format!("{}{}", self.folder, self.names.name(self.clock.now()));
        let put = self.place.put_object(Some(&self.credentials), &key);
        self.request(&put, Some(text)).await?;
        // The bundle is there; what cannot be swept is said and stays.
        if let Err(error) = self.sweep(&key).await {
            tracing::warn!("expired objects could not be removed: {error}");
        }
        Ok(())
    }

    /// Removes own objects that are older than the retention, but never the
    /// one that was just written, however the clocks differ.
    async fn sweep(&self, newest: &str) -> Result<(), Error> {
        let Some(before) = self.retention.before(self.clock.now()) else {
            return Ok(());
        };
        let prefix = format!("{}{}", self.folder, self.names.prefix());
        let mut next: Option<String> = None;
        loop {
            let mut list = self.place.list_objects_v2(Some(&self.credentials));
            list.with_prefix(prefix.as_str());
            if let Some(token) = &next {
                list.with_continuation_token(token.as_str());
            }
            let page = self.list(&list).await?;
            for object in page.contents {
                let name = object.key.strip_prefix(&self.folder);
                let written = object.last_modified.as_deref();
                let written = written.and_then(|at| DateTime::parse_from_rfc3339(at).ok());
                if object.key != newest
                    && name.is_some_and(|name| self.names.is_own(name))
                    && written.is_some_and(|written| written < before)
                {
                    let gone = self
                        .place
                        .delete_object(Some(&self.credentials), &object.key);
                    self.request(&gone, None).await?;
                    tracing::debug!("the object {} has expired and is gone", object.key);
                }
            }
            let same = page.next_continuation_token == next;
            next = page.next_continuation_token;
            if next.is_none() || same {
                return Ok(());
            }
        }
    }

    async fn list(&self, list: &ListObjectsV2<'_>) -> Result<ListObjectsV2Response, Error> {
        let answer = self.request(list, None).await?;
        ListObjectsV2::parse_response(&answer.body)
            .map_err(|error| self.unreachable(format!("a list that cannot be read: {error}")))
    }

    /// One request, signed anew for every try; safe to repeat, all of them.
    async fn request<'a, A: S3Action<'a>>(
        &self,
        action: &A,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Error> {
        let method = match A::METHOD {
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
            Method::Post => reqwest::Method::POST,
            _ => reqwest::Method::GET,
        };
        let mut request = reqwest::Request::new(method, action.sign(SIGNED_FOR));
        if let Some(body) = body {
            let headers = request.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                reqwest::header::HeaderValue::from_static("application/json"),
            );
            headers.insert(CONTENT_LENGTH, body.len().into());
            *request.body_mut() = Some(body.into());
        }
        let mut tried = 0;
        loop {
            let Some(again) = request.try_clone() else {
                return Err(self.unreachable("the request cannot be repeated".to_owned()));
            };
            let (error, passing) = match self.once(again).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            tried += 1;
            if tried == TRIES || !passing {
                return Err(error);
            }
            self.clock.sleep(AGAIN.uneven(tried)).await;
            *request.url_mut() = action.sign(SIGNED_FOR);
        }
    }

    /// The answer, or what is wrong and whether another try may help.
    async fn once(&self, request: reqwest::Request) -> Result<Answer, (Error, bool)> {
        let url = self.place.base_url();
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let bytes = body.map_or(0, <[u8]>::len);
        let lost = |error: reqwest::Error| {
            let trouble = http::trouble(&error, url, &self.proxies);
            (self.unreachable(trouble.cause), !trouble.lasting)
        };
        let response = self.http.execute(request).await.map_err(lost)?;
        let status = response.status();
        let body = response.text().await.map_err(lost)?;
        if status.is_success() {
            return Ok(Answer { body });
        }
        if status.as_u16() == 413 {
            return Err((Error::TooLarge { bytes }, false));
        }
        let said = said(&body, &self.secret);
        // 501: it is well, and does not know the request.
        let passing = status.is_server_error() && status.as_u16() != 501;
        if passing || matches!(status.as_u16(), 408 | 429) {
            let error = self.unreachable(format!("it answers {}: {said}", status.as_u16()));
            return Err((error, true));
        }
        let error = Error::S3Refused {
            endpoint: self.endpoint(),
            bucket: self.place.name().to_owned(),
            status: status.as_u16(),
            said,
        };
        Err((error, false))
    }

    fn unreachable(&self, cause: String) -> Error {
        Error::S3Unreachable {
            endpoint: self.endpoint(),
            cause: self.secret.quoted(&cause),
        }
    }

    fn endpoint(&self) -> String {
        self.place.base_url().origin().ascii_serialization()
    }
}

fn place(s3: &S3) -> Result<Place, Error> {
    let fault = |setting: &'static str, what: String| Error::Setting { setting, what };
    let scheme = if s3.use_ssl { "https" } else { "http" };
    let address = format!("{scheme}://{}:{}", s3.endpoint, s3.port);
    let url = Url::parse(&address)
        .map_err(|error| fault("S3_ENDPOINT", format!("`{address}` is no address: {error}")))?;
    if s3.bucket.is_empty() || s3.bucket.contains('/') || s3.bucket.starts_with('.') {
        let what = format!("`{}` is no name of a bucket", s3.bucket);
        return Err(fault("CONNECTOR_SEND_TO_S3_BUCKET", what));
    }
    // Path style: the one that every storage understands.
    Place::new(url, UrlStyle::Path, s3.bucket.clone(), s3.region.clone())
        .map_err(|error| fault("S3_ENDPOINT", format!("`{address}`: {error}")))
}

fn folder(given: &str) -> Result<String, Error> {
    let folder = given.trim_matches('/');
    if folder.is_empty() || folder == "." {
        return Ok(String::new());
    }
    if folder
        .split('/')
        .any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(Error::Setting {
            setting: "CONNECTOR_SEND_TO_S3_FOLDER",
            what: format!("`{given}` holds `.`, `..` or an empty part"),
        });
    }
    Ok(format!("{folder}/"))
}

/// Code and message of an error in S3's XML; else the beginning of the body.
fn said(body: &str, secret: &Secret) -> String {
    let part = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(text)
    };
    match (part("Code"), part("Message")) {
        (Some(code), Some(message)) => secret.quoted(&format!("{code}: {message}")),
        (Some(code), None) => secret.quoted(code),
        _ => secret.quoted(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_tells_about_the_storage_is_named() {
        let error = S3Overrides::default().over(None).unwrap_err().to_string();
        assert!(error.starts_with("S3_ENDPOINT: "), "{error}");
        let some = S3Overrides {
            endpoint: Some("s3.example.net".to_owned()),
            port: Some(9000),
            bucket: Some("cti".to_owned()),
            ..S3Overrides::default()
        };
        let error = some.clone().over(None).unwrap_err().to_string();
        assert!(error.starts_with("S3_ACCESS_KEY: "), "{error}");
        let registered = S3 {
            endpoint: "minio".to_owned(),
            port: 1,
            use_ssl: true,
            bucket: "opencti-bucket".to_owned(),
            region: "eu-west-1".to_owned(),
            access_key: Secret::new("a"),
            secret_key: Secret::new("s"),
        };
        let s3 = some.over(Some(registered)).unwrap();
        assert_eq!((s3.endpoint.as_str(), s3.port), ("s3.example.net", 9000));
        assert_eq!(
            (s3.bucket.as_str(), s3.region.as_str()),
            ("cti", "eu-west-1")
        );
        assert_eq!((s3.use_ssl, s3.secret_key.expose()), (true, "s"));
    }

    #[test]
    fn a_folder_stays_inside_its_bucket() {
        for (given, folder) in [
            ("connectors", "connectors/"),
            ("/a/b/", "a/b/"),
            ("", ""),
            (".", ""),
            ("/", ""),
        ] {
            assert_eq!(super::folder(given).unwrap(), folder);
        }
        for odd in ["../other", "a/../b", "a//b", "a/./b"] {
            assert!(super::folder(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn the_storages_own_code_is_shown() {
        let secret = Secret::new("s3cret-key");
        let body = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>not there</Message><Resource>/x</Resource></Error>";
        assert_eq!(said(body, &secret), "NoSuchBucket: not there");
        assert_eq!(said("<html>proxy</html>", &secret), "<html>proxy</html>");
    }
}
