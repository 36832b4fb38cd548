//! The guard in front of the client, against the strict VirusTotal.

mod counts;
mod refusals;
mod shared;

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use vtreporter::base::clock::{Clock, ManualClock};
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::quota::{
    CallError, Cause, Cost, Guard, OnUnknown, Pause, Policy, Reading, Scope, SearchCharge, Spent,
};
use vtreporter::standin::virustotal::{
    Answer, Cost as Price, Fault, Licence, On, Options, Quota, StandIn, World, object,
};
use vtreporter::virustotal::search::Submitter;
use vtreporter::virustotal::{Error, Loss, Page, Search, Settings, VirusTotal};

const HOURLY: &str = "api_requests_hourly";
const DAILY: &str = "api_requests_daily";
const MONTHLY: &str = "api_requests_monthly";
const SEARCHES: &str = "intelligence_searches_monthly";
const SHA256: &str = "1f2e3d4c5b6a79880f1e2d3c4b5a69781f2e3d4c5b6a79880f1e2d3c4b5a6978";

const POLICY: Policy = Policy {
    warn_percent: 80,
    critical_percent: 95,
    stop_percent: 90,
    on_unknown: OnUnknown::Continue,
};

/// A stand-in, a guard in front of it, and the clock that both go by.
struct Side {
    vt: StandIn,
    guard: Guard,
    clock: Clock,
    hand: ManualClock,
}

fn now() -> DateTime<Utc> {
    "2026-11-20T10:20:30Z".parse().unwrap()
}

fn settings(vt: &StandIn, requests_per_minute: Option<u32>) -> Settings {
    Settings {
        api_url: vt.url().parse().unwrap(),
        api_key: Secret::new(vt.key()),
        requests_per_minute: requests_per_minute.and_then(NonZeroU32::new),
        http: HttpOptions::default(),
    }
}

/// A premium account with wide quotas, so that a test narrows the one it is about.
async fn side_with(policy: Policy, licence: Licence, requests_per_minute: Option<u32>) -> Side {
    let (clock, hand) = Clock::manual(now());
    let options = Options {
        licence,
        clock: clock.clone(),
        ..Options::default()
    };
    let vt = StandIn::start_with(options, World::empty()).await.unwrap();
    vt.set_quota(HOURLY, Quota::user(60_000_000_000, 0));
    let client = VirusTotal::new(&settings(&vt, requests_per_minute), clock.clone()).unwrap();
    let guard = Guard::new(client, policy, clock.clone());
    Side {
        vt,
        guard,
        clock,
        hand,
    }
}

async fn side() -> Side {
    side_with(POLICY, Licence::Premium, None).await
}

impl Side {
    async fn search(&self) -> Result<Page, CallError> {
        search(&self.guard).await
    }

    /// Any other request; VirusTotal not knowing the file costs one too.
    async fn request(&self) -> Result<Page, CallError> {
        self.guard
            .call(Cost::Request, async |vt| {
                match vt.related_files(SHA256, "similar_files", 10, None).await {
                    Err(Error::NotFound { .. }) => Ok(Page::default()),
                    other => other,
                }
            })
            .await
    }

    /// How often the quotas were read.
    fn readings(&self) -> usize {
        let requests = self.vt.requests();
        let quotas = requests
            .iter()
            .filter(|asked| asked.path.ends_with("/overall_quotas"));
        quotas.count()
    }

    /// Requests that were charged, but for the look at the account.
    fn charged(&self) -> usize {
        let requests = self.vt.requests();
        let charged = requests.iter().filter(|asked| asked.charged != Price::FREE);
        charged
            .filter(|asked| !asked.path.contains("/users/"))
            .count()
    }

    /// From now on waits end by themselves.
    fn let_time_pass(&self) {
        let hand = self.hand.clone();
        tokio::spawn(async move {
            loop {
                hand.sleeping(Duration::from_millis(1)).await;
                hand.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        });
    }
}

async fn search(guard: &Guard) -> Result<Page, CallError> {
    let search = Search {
        country: "AU".to_owned(),
        submitter: Submitter::Any,
        from: now() - TimeDelta::days(1),
        to: now(),
        min_detections: 1,
        extra: None,
        relationships: Vec::new(),
        exclude_attributes: Vec::new(),
    };
    guard
        .call(Cost::Search, async |vt| vt.search(&search, None).await)
        .await
}

fn paused<T>(result: Result<T, CallError>) -> Pause {
    match result {
        Err(CallError::Paused(pause)) => pause,
        Err(CallError::Failed(error)) => panic!("failed: {error}"),
        Ok(_) => panic!("not paused"),
    }
}
