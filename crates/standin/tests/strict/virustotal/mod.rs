//! The stand-in for VirusTotal, asked over HTTP as any client would.

mod account;
mod faults;
mod pages;

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use clock::{Clock, ManualClock};
use serde_json::Value;
use standin::virustotal::{Licence, Options, StandIn, World};

fn day() -> Range<DateTime<Utc>> {
    let start: DateTime<Utc> = "2026-11-19T00:00:00Z".parse().unwrap();
    start..start + TimeDelta::days(1)
}

fn world(count: u32) -> World {
    World::generate(1, count, &["AU"], day())
}

/// A client of a stand-in.
struct Asker {
    client: reqwest::Client,
    base: String,
    key: Option<String>,
}

struct Heard {
    status: u16,
    body: Value,
}

impl Heard {
    fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    fn error(&self) -> (u16, &str) {
        (
            self.status,
            self.body["error"]["code"].as_str().unwrap_or("no code"),
        )
    }
}

impl Asker {
    fn of(vt: &StandIn) -> Self {
        Self {
            client: crate::client(),
            base: vt.url(),
            key: Some(vt.key()),
        }
    }

    fn request(&self, path: &str, query: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self.client.get(format!("{}{path}", self.base)).query(query);
        match &self.key {
            Some(key) => request.header("x-apikey", key),
            None => request,
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Heard {
        let response = self.request(path, query).send().await.unwrap();
        Heard {
            status: response.status().as_u16(),
            body: response.json().await.unwrap(),
        }
    }

    async fn search(&self, query: &str, more: &[(&str, &str)]) -> Heard {
        let mut all = vec![("query", query)];
        all.extend(more);
        self.get("/intelligence/search", &all).await
    }

    /// All pages of a search.
    async fn pages(&self, query: &str, more: &[(&str, &str)]) -> Vec<Value> {
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut all = more.to_vec();
            if !cursor.is_empty() {
                all.push(("cursor", &cursor));
            }
            let page = self.search(query, &all).await.ok();
            let next = page["meta"]["cursor"].as_str().map(str::to_owned);
            assert_eq!(next.is_some(), page["links"]["next"].is_string());
            pages.push(page);
            match next {
                Some(next) => cursor = next,
                None => return pages,
            }
        }
    }

    async fn quotas(&self) -> Value {
        self.get("/users/cti-bot/overall_quotas", &[]).await.ok()["data"].take()
    }
}

fn objects(pages: &[Value]) -> Vec<&Value> {
    pages
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .collect()
}

fn ids(pages: &[Value]) -> Vec<&str> {
    let objects = objects(pages).into_iter();
    objects.map(|one| one["id"].as_str().unwrap()).collect()
}

fn first(object: &Value) -> i64 {
    object["attributes"]["first_submission_date"]
        .as_i64()
        .unwrap()
}

/// For a premium key, at a time that stands still.
async fn start(world: World) -> StandIn {
    manual(Licence::Premium, world).await.0
}

async fn manual(licence: Licence, world: World) -> (StandIn, ManualClock) {
    let (clock, hand) = Clock::manual("2026-11-20T10:30:00Z".parse().unwrap());
    let options = Options {
        licence,
        clock,
        ..Options::default()
    };
    (StandIn::start_with(options, world).await.unwrap(), hand)
}

const ALL: &str = "entity:file submitter:AU fs:2026-11-19T00:00:00+ fs:2026-11-20T00:00:00-";
