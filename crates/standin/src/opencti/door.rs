//! The door: HTTP in, the platform's answer out, trouble where it was ordered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Trouble};
use super::graphql::{self, Judged, Ready};
use super::platform::{Caller, Platform};
use super::refusal::Refusal;
use crate::server::{Log, lock};

/// A request as it came, and how it was answered.
#[derive(Clone, Debug)]
pub struct Logged {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The method and the path.
    pub line: String,
    /// The operation's name in the document; empty if it has none.
    pub operation: String,
    /// The root field; for `workEdit` with the field under it, as in
    /// `workEdit.toProcessed`. Empty if the document does not fit.
    pub field: String,
    /// The variables; texts of more than 4 KiB only by their length.
    pub variables: Value,
    /// The size of the body.
    pub bytes: usize,
    /// The headers but for the token.
    pub headers: Vec<(String, String)>,
    /// Whose token it was.
    pub user: Option<String>,
    /// The status of the answer; `None` while there is none.
    pub status: Option<u16>,
    /// The code of the error that was answered.
    pub code: Option<String>,
    /// It was carried out, whatever was answered.
    pub done: bool,
}

impl Logged {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What stands behind the listener.
pub(crate) struct Door {
    pub(crate) platform: Platform,
    pub(crate) judged: Judged,
    pub(crate) log: Log<Logged>,
    pub(crate) failures: Mutex<Vec<Failure>>,
    /// Told when the server goes: whoever is kept waiting is let go.
    pub(crate) gone: Mutex<CancellationToken>,
}

/// An answer on its way out.
struct Answer {
    status: u16,
    code: Option<String>,
    body: Value,
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        match result {
            Ok(body) => Self {
                status: 200,
                code: None,
                body,
            },
            Err(refusal) => Self {
                status: refusal.status,
                body: refusal.body(),
                code: Some(refusal.code),
            },
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        (status, kind, self.body.to_string()).into_response()
    }
}

pub(crate) fn routes(door: Arc<Door>) -> Router {
    Router::new().fallback(handle).with_state(door)
}

async fn handle(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri);
    let path = format!("{}/graphql", door.platform.world.base_path);
    let json = is_json(&head.headers);
    let limit = door.platform.world.body_limit;
    if let Some(bytes) = length(&head.headers).filter(|bytes| *bytes > limit) {
        // As a proxy does: it answers when it has read the head, and what else
        // comes it reads only to throw it away.
        tokio::spawn(body.into_data_stream().for_each(async |_| {}));
        let entry = door.entry(line, &head.headers, bytes);
        return door.at_once(entry, page(413));
    }
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut entry = door.entry(line, &head.headers, body.len());
    if head.uri.path() != path || head.method != Method::POST {
        return door.at_once(entry, page(404));
    }
    if body.len() > limit {
        return door.at_once(entry, page(413));
    }
    if !json {
        let refusal = Refusal::bad_request("BAD_REQUEST", "The body must be application/json");
        return door.at_once(entry, Answer::from(Err(refusal)).into_response());
    }
    // A large body takes a while to read: not on the threads that serve others.
    let reader = door.clone();
    let read = tokio::task::spawn_blocking(move || reader.read(&body)).await;
    let (variables, ready) = read.unwrap_or_else(|_| (Value::Null, Err(broken())));
    entry.variables = variables;
    if let Ok(ready) = &ready {
        entry.operation.clone_from(&ready.operation);
        entry.field.clone_from(&ready.field);
    }
    let trouble = door.trouble(&entry.field);
    let call = Call {
        token: bearer(&head.headers),
        draft: entry.header("opencti-draft-id").map(str::to_owned),
        ready,
    };
    let place = door.log.push(entry);
    door.serve(place, call, trouble).await
}

/// A request that was read.
struct Call {
    token: Option<String>,
    draft: Option<String>,
    ready: Result<Ready, Refusal>,
}

impl Door {
    fn entry(&self, line: String, headers: &HeaderMap, bytes: usize) -> Logged {
        let token = bearer(headers);
        Logged {
            at: self.platform.world.clock.now(),
            line,
            operation: String::new(),
            field: String::new(),
            variables: Value::Null,
            bytes,
            headers: headers
                .iter()
                .filter(|(name, _)| *name != header::AUTHORIZATION)
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect(),
            user: self
                .platform
                .user(token.as_deref())
                .map(|user| user.name.clone()),
            status: None,
            code: None,
            done: false,
        }
    }

    /// Logs a request together with its answer.
    fn at_once(&self, mut entry: Logged, response: Response) -> Response {
        entry.status = Some(response.status().as_u16());
        self.log.push(entry);
        self.platform.changed();
        response
    }

    fn read(&self, body: &Bytes) -> (Value, Result<Ready, Refusal>) {
        match graphql::Request::read(body) {
            Ok(request) => (request.variables_in_short(), self.judged.judge(&request)),
            Err(refusal) => (Value::Null, Err(refusal)),
        }
    }

    fn trouble(&self, field: &str) -> Option<Failure> {
        let mut failures = lock(&self.failures);
        failures.iter_mut().find_map(|failure| {
            let mut copy = failure.clone();
            let struck = copy.strikes(field);
            *failure = copy;
            struck.then(|| failure.clone())
        })
    }

    /// Carries a request out, unless trouble comes first, and answers.
    async fn serve(
        self: &Arc<Self>,
        place: usize,
        call: Call,
        trouble: Option<Failure>,
    ) -> Response {
        let spoiled = trouble.as_ref().is_some_and(|trouble| !trouble.carried_out);
        let delay = match trouble.as_ref().map(|trouble| &trouble.trouble) {
            Some(Trouble::Late(by)) => *by,
            _ => Duration::ZERO,
        };
        let answer = if spoiled {
            Answer::from(Ok(Value::Null))
        } else {
            self.carry_out(place, call, delay).await
        };
        let code = answer.code.clone();
        let (code, response) = match trouble.map(|failure| failure.trouble) {
            None | Some(Trouble::Late(_)) => (code, answer.into_response()),
            Some(Trouble::Slow(by)) => {
                self.platform.changed();
                self.platform.world.clock.sleep(by).await;
                (code, answer.into_response())
            }
            Some(Trouble::Silence) => {
                self.platform.changed();
                let gone = lock(&self.gone).clone();
                gone.cancelled().await;
                (None, page(503))
            }
            Some(Trouble::CutBody) => (None, cut(&answer.body.to_string())),
            Some(Trouble::Error { code, message }) => {
                let answer = Answer::from(Err(Refusal::new(&code, message)));
                (Some(code), answer.into_response())
            }
            Some(Trouble::Answer {
                status,
                kind,
                body,
                location,
            }) => (None, any(status, &kind, body, location)),
        };
        let status = response.status().as_u16();
        self.log.change(place, |entry| {
            entry.status = Some(status);
            entry.code = code;
        });
        self.platform.changed();
        response
    }

    /// Carries a request out, also for somebody who does not wait for it any more.
    async fn carry_out(self: &Arc<Self>, place: usize, call: Call, delay: Duration) -> Answer {
        let door = self.clone();
        let carried_out = tokio::spawn(async move {
            if !delay.is_zero() {
                door.platform.world.clock.sleep(delay).await;
            }
            let executing = door.clone();
            let done = tokio::task::spawn_blocking(move || executing.execute(&call)).await;
            door.log.change(place, |entry| entry.done = true);
            door.platform.changed();
            done.unwrap_or_else(|_| Err(broken()))
        });
        Answer::from(carried_out.await.unwrap_or_else(|_| Err(broken())))
    }

    fn execute(&self, call: &Call) -> Result<Value, Refusal> {
        let ready = call.ready.as_ref().map_err(Clone::clone)?;
        let caller = Caller {
            platform: &self.platform,
            user: self.platform.user(call.token.as_deref()),
            draft: call.draft.as_deref().filter(|draft| !draft.is_empty()),
        };
        self.judged.execute(ready, &caller)
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    let value = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    value.parse().ok()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"))
}

fn broken() -> Refusal {
    Refusal::new("INTERNAL_SERVER_ERROR", "The stand-in itself broke")
}

fn page(status: u16) -> Response {
    any(
        status,
        "text/html",
        format!("<html><body><h1>{status}</h1></body></html>"),
        None,
    )
}

fn any(status: u16, kind: &str, body: String, location: Option<String>) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind);
    if let Some(location) = location {
        response = response.header(header::LOCATION, location);
    }
    response.body(Body::from(body)).unwrap_or_default()
}

/// Half an answer: the length is that of the whole, then the connection breaks.
fn cut(text: &str) -> Response {
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    let parts = stream::unfold(Some(half), |half| async {
        match half {
            Some(half) => Some((Ok(half), None)),
            None => {
                // What was written is sent before the break.
                tokio::task::yield_now().await;
                let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                Some((Err(error), None))
            }
        }
    });
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::CONTENT_LENGTH, text.len())
        .body(Body::from_stream(parts))
        .unwrap_or_default()
}
