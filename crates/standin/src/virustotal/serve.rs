//! From a request to its answer.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use super::account::{Account, Cost, Licence, OWN_KEY};
use super::fault::{Answer, Faults};
use super::log::{Logged, key_id};
use super::refusal::{Refusal, envelope};
use super::route::{Parameters, Route};
use super::search::{self, Embedding, Searches};
use super::world::World;
use super::{files, users};
use crate::server::{Log, lock};
use clock::Clock;

/// The world, and a number that grows with each change of it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) world: World,
    pub(crate) version: u64,
}

/// What may be switched.
#[derive(Clone, Debug)]
pub(crate) struct Switches {
    pub(crate) users_me: bool,
    pub(crate) empty_page: bool,
    pub(crate) embedding: Embedding,
    /// `fs:T+` leaves `T` itself out.
    pub(crate) excluding: bool,
    /// Cursors of another epoch have expired.
    pub(crate) epoch: u64,
    /// How far the stand-in's time is ahead of its clock.
    pub(crate) ahead: TimeDelta,
}

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) known: RwLock<Known>,
    pub(crate) account: Mutex<Account>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) switches: Mutex<Switches>,
    pub(crate) searches: Searches,
    pub(crate) log: Log<Logged>,
    pub(crate) stop: CancellationToken,
}

/// Answers one request.
pub(crate) async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let asked = shared.read(&request);
    let key = header(request.headers(), "x-apikey");
    let fault = lock(&shared.faults).strike(&asked);
    let place = shared.log.push(asked.clone());
    let (reply, charged) = shared.answer(&asked, key.as_deref(), fault).await;
    shared.log.change(place, |logged| {
        logged.status = reply.status;
        logged.charged = charged;
    });
    reply.into_response()
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

impl Shared {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now() + lock(&self.switches).ahead
    }

    fn read(&self, request: &Request) -> Logged {
        let own = lock(&self.account).key.clone();
        let hidden = |text: &str| text.replace(&own, OWN_KEY);
        let path = hidden(request.uri().path());
        let query = request.uri().query().unwrap_or_default();
        let method = request.method().as_str();
        Logged {
            at: self.now(),
            route: Route::read(method, &path),
            method: method.to_owned(),
            path,
            query: form_urlencoded::parse(query.as_bytes())
                .map(|(name, value)| (name.into_owned(), hidden(&value)))
                .collect(),
            key: header(request.headers(), "x-apikey").map(|key| key_id(&key)),
            user_agent: header(request.headers(), "user-agent").map(|text| hidden(&text)),
            tool: header(request.headers(), "x-tool").map(|text| hidden(&text)),
            status: 0,
            charged: Cost::FREE,
        }
    }

    async fn answer(
        &self,
        asked: &Logged,
        key: Option<&str>,
        fault: Option<(Answer, bool)>,
    ) -> (Reply, Cost) {
        let Some((answer, charged)) = fault else {
            return self.proper(asked, key);
        };
        let instead = match answer {
            Answer::Slow(time) => {
                // So long after it was asked, whatever it takes to write it.
                let ((), proper) =
                    tokio::join!(self.clock.sleep(time), async { self.proper(asked, key) });
                return proper;
            }
            Answer::Silence => {
                self.stop.cancelled().await;
                Reply::json(503, envelope("TransientError", "Going down"))
            }
            answer => match ordered(answer) {
                Ok(reply) => reply,
                Err(change) => {
                    let (reply, cost) = self.proper(asked, key);
                    return (self.changed(asked, reply, change), cost);
                }
            },
        };
        let cost = if charged {
            self.proper(asked, key).1
        } else {
            Cost::FREE
        };
        (instead, cost)
    }

    fn proper(&self, asked: &Logged, key: Option<&str>) -> (Reply, Cost) {
        match self.admitted(asked, key) {
            Ok((body, cost)) => (Reply::json(200, body), cost),
            Err((refusal, cost)) => (Reply::json(refusal.status, refusal.body()), cost),
        }
    }

    /// Key, licence, pace, parameters, quota, answer: in this order. What is
    /// refused costs nothing; what is not found costs as if it were.
    fn admitted(
        &self,
        asked: &Logged,
        key: Option<&str>,
    ) -> Result<(String, Cost), (Refusal, Cost)> {
        let free = |refusal| (refusal, Cost::FREE);
        let now = self.now();
        let (cost, licence) = {
            let mut account = lock(&self.account);
            account.roll(now);
            let cost = entitled(&account, asked, key).map_err(free)?;
            if cost != Cost::FREE {
                account.pace(now).map_err(free)?;
            }
            (cost, account.licence)
        };
        let parameters = Parameters::read(&asked.route, &asked.query).map_err(free)?;
        lock(&self.account).charge(cost).map_err(free)?;
        let answer = self.look_up(asked, &parameters, licence, now);
        let mut account = lock(&self.account);
        match answer {
            Err(refusal) if refusal.status != 404 => {
                account.refund(cost);
                Err(free(refusal))
            }
            answer => {
                account.book(asked.route.endpoint(), cost, now);
                answer
                    .map(|body| (body, cost))
                    .map_err(|error| (error, cost))
            }
        }
    }

    fn look_up(
        &self,
        asked: &Logged,
        parameters: &Parameters,
        licence: Licence,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let switches = lock(&self.switches).clone();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let files = files::Ground {
            world: &known.world,
            base: &self.base,
            licence,
        };
        match &asked.route {
            Route::Search => search::search(parameters, &self.ground(&known, &switches, now)),
            Route::File(hash) => files::file(parameters, &files, hash),
            Route::Related(hash, name) => files::related(parameters, &files, (hash, name), false),
            Route::Descriptors(hash, name) => {
                files::related(parameters, &files, (hash, name), true)
            }
            Route::MitreTrees(hash) => files::mitre_trees(&files, hash),
            Route::Me if !switches.users_me => Err(Refusal::not_found("User \"me\" not found")),
            Route::Me => Ok(users::user(parameters, &lock(&self.account), &self.base)),
            Route::User(id) => {
                let account = lock(&self.account);
                if account.is_own(id) {
                    Ok(users::user(parameters, &account, &self.base))
                } else {
                    Err(Refusal::not_found(format!("User \"{id}\" not found")))
                }
            }
            Route::OverallQuotas(id) => self.own(id, |account| Ok(users::overall_quotas(account))),
            Route::ApiUsage(id) => {
                self.own(id, |account| users::api_usage(parameters, account, now))
            }
            Route::Unknown => Err(Refusal::not_found("Resource not found")),
        }
    }

    /// What a search goes by.
    fn ground<'a>(
        &'a self,
        known: &'a Known,
        switches: &'a Switches,
        now: DateTime<Utc>,
    ) -> search::Ground<'a> {
        search::Ground {
            world: &known.world,
            version: known.version,
            searches: &self.searches,
            base: &self.base,
            now,
            epoch: switches.epoch,
            empty_page: switches.empty_page,
            embedding: &switches.embedding,
            excluding: switches.excluding,
        }
    }

    /// What only the owner sees.
    fn own(
        &self,
        id: &str,
        show: impl FnOnce(&Account) -> Result<String, Refusal>,
    ) -> Result<String, Refusal> {
        let account = lock(&self.account);
        if account.is_own(id) {
            show(&account)
        } else {
            Err(Refusal::forbidden())
        }
    }

    fn changed(&self, asked: &Logged, reply: Reply, change: Answer) -> Reply {
        match change {
            Answer::Cut(at) => Reply {
                cut: Some(at),
                ..reply
            },
            // Errors come uncompressed whatever was asked for.
            Answer::Gzip if reply.status == 200 => Reply {
                gzip: true,
                ..reply
            },
            _ if reply.status != 200 => reply,
            change => {
                let mut body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
                self.rewrite(asked, &mut body, change);
                Reply::json(200, body.to_string())
            }
        }
    }

    fn rewrite(&self, asked: &Logged, body: &mut Value, change: Answer) {
        match change {
            Answer::NextLink(to) => body["links"]["next"] = to.into(),
            Answer::SameCursor => {
                let epoch = lock(&self.switches).epoch;
                let own = match asked.parameter("cursor") {
                    Some(cursor) => cursor.to_owned(),
                    None => Parameters::read(&asked.route, &asked.query)
                        .map(|parameters| search::first_cursor(&parameters, epoch))
                        .unwrap_or_default(),
                };
                body["meta"]["cursor"] = own.into();
            }
            Answer::Stubs(count) => each(body, count, |object| {
                *object = serde_json::json!({
                    "type": object["type"],
                    "id": object["id"],
                    "error": { "code": "NotFoundError", "message": "not found" },
                });
            }),
            Answer::NullAttributes(count) => each(body, count, |object| {
                object["attributes"] = Value::Null;
            }),
            Answer::Rewrite(change) => change(body),
            _ => {}
        }
    }
}

fn each(body: &mut Value, count: usize, change: impl Fn(&mut Value)) {
    if let Some(list) = body["data"].as_array_mut() {
        list.iter_mut().take(count).for_each(change);
    }
}

/// The answer that was ordered whatever was asked, or what is to be changed of
/// the proper one.
fn ordered(answer: Answer) -> Result<Reply, Answer> {
    Ok(match answer {
        Answer::Error(status, code, message) => Reply::json(status, envelope(code, message)),
        Answer::Text(status, kind, body) => Reply {
            kind,
            ..Reply::json(status, body)
        },
        Answer::Redirect(status, to) => Reply {
            location: Some(to),
            ..Reply::json(status, String::new())
        },
        Answer::RetryAfter(text) => {
            let refusal = Refusal::too_many();
            Reply {
                retry_after: Some(text),
                ..Reply::json(refusal.status, refusal.body())
            }
        }
        Answer::Refuse(name) => {
            let refusal = Refusal::bad_request(format!("Unknown parameter \"{name}\""));
            Reply::json(400, refusal.body())
        }
        change => return Err(change),
    })
}

/// Checks key and licence; returns what the request costs.
fn entitled(account: &Account, asked: &Logged, key: Option<&str>) -> Result<Cost, Refusal> {
    match key {
        None => return Err(Refusal::no_key()),
        Some(key) if key != account.key => return Err(Refusal::wrong_key()),
        Some(_) => {}
    }
    match &asked.route {
        Route::Search if account.licence == Licence::Free => Err(Refusal::forbidden()),
        Route::Search => Ok(account.search_cost()),
        Route::OverallQuotas(_) | Route::ApiUsage(_) => Ok(Cost::FREE),
        Route::Me | Route::User(_) if account.users_free => Ok(Cost::FREE),
        _ => Ok(Cost::REQUEST),
    }
}

/// An answer before it is sent.
struct Reply {
    status: u16,
    kind: &'static str,
    location: Option<String>,
    retry_after: Option<&'static str>,
    gzip: bool,
    cut: Option<usize>,
    body: String,
}

impl Reply {
    fn json(status: u16, body: String) -> Self {
        Self {
            status,
            kind: "application/json; charset=utf-8",
            location: None,
            retry_after: None,
            gzip: false,
            cut: None,
            body,
        }
    }

    fn into_response(self) -> Response {
        let mut bytes = self.body.into_bytes();
        if self.gzip {
            bytes = gzipped(&bytes);
        }
        let whole = bytes.len();
        let mut response = match self.cut {
            None => Body::from(bytes).into_response(),
            Some(at) => {
                bytes.truncate(at);
                Body::from_stream(cut(bytes)).into_response()
            }
        };
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, whole.into());
        if let Ok(kind) = self.kind.parse() {
            headers.insert(CONTENT_TYPE, kind);
        }
        if self.gzip {
            headers.insert(
                CONTENT_ENCODING,
                axum::http::HeaderValue::from_static("gzip"),
            );
        }
        if let Some(text) = self.retry_after.and_then(|text| text.parse().ok()) {
            headers.insert(RETRY_AFTER, text);
        }
        if let Some(to) = self.location.and_then(|to| to.parse().ok()) {
            headers.insert(LOCATION, to);
        }
        response
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let whole = encoder.write_all(bytes).and_then(|()| encoder.finish());
    whole.expect("a vector takes whatever is written")
}

/// Bytes, and then an end that ends the connection.
fn cut(bytes: Vec<u8>) -> impl stream::Stream<Item = std::io::Result<Bytes>> {
    let start = Some(bytes);
    stream::unfold((start, false), |(bytes, ended)| async move {
        match bytes {
            Some(bytes) => Some((Ok(Bytes::from(bytes)), (None, false))),
            None if !ended => {
                // Lets what was sent so far leave first.
                tokio::task::yield_now().await;
                let end = std::io::Error::other("cut on demand");
                Some((Err(end), (None, true)))
            }
            None => None,
        }
    })
}
