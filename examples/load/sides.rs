//! The two stand-ins of a measurement, and what came of it.

use chrono::TimeDelta;
use vtreporter::base::clock::Clock;
use vtreporter::standin::opencti::{Judge, OpenCtiWorld, Release, StandIn as OpenCti};
use vtreporter::standin::virustotal::{StandIn as VirusTotal, World};

use crate::Args;
use crate::squeeze::Squeeze;

const SEED: u64 = 20;
const TOKEN: &str = "d434ce02-58ba-49e7-8b1d-1d0c2b3f4a55";

pub(crate) struct Sides {
    virustotal: VirusTotal,
    opencti: OpenCti,
    world: World,
    squeeze: Option<Squeeze>,
    clock: Clock,
}

/// What either side counted.
pub(crate) struct Came {
    /// Files that fit the connector's query.
    pub(crate) found: usize,
    /// Files that were pushed; one that came twice counts twice.
    pub(crate) kept: u64,
    pub(crate) objects: u64,
    pub(crate) pages: usize,
    pub(crate) bundles: usize,
}

impl Sides {
    pub(crate) async fn start(files: u32, args: &Args, clock: &Clock) -> std::io::Result<Self> {
        let now = clock.now();
        let day = now - TimeDelta::days(1)..now;
        let world = World::generate(SEED, files, &["AU"], day).bulk_bytes(args.bytes);
        let virustotal = VirusTotal::start(world.clone()).await?;
        let mut platform = OpenCtiWorld::new(Release::V6_9_0, TOKEN);
        platform.judge = Judge::CountOnly;
        let squeeze = match args.gzip {
            true => Some(Squeeze::start(&virustotal.url()).await?),
            false => None,
        };
        Ok(Self {
            opencti: OpenCti::start(platform).await?,
            virustotal,
            world,
            squeeze,
            clock: clock.clone(),
        })
    }

    /// The connector's environment. Relations are those that cost no request.
    pub(crate) fn settings(&self, once: bool) -> Vec<(String, String)> {
        let virustotal = match &self.squeeze {
            Some(squeeze) => squeeze.url(),
            None => self.virustotal.url(),
        };
        [
            ("OPENCTI_URL", self.opencti.url().as_str()),
            ("OPENCTI_TOKEN", TOKEN),
            ("CONNECTOR_ID", &uuid::Uuid::new_v4().to_string()),
            ("CONNECTOR_NAME", "load"),
            ("CONNECTOR_SCOPE", "file"),
            ("CONNECTOR_LOG_LEVEL", "error"),
            ("CONNECTOR_DURATION_PERIOD", "P1D"),
            (
                "CONNECTOR_RUN_AND_TERMINATE",
                if once { "true" } else { "false" },
            ),
            ("CONNECTOR_QUEUE_PROTOCOL", "api"),
            ("VTREPORTER_API_URL", &virustotal),
            ("VTREPORTER_API_KEY", &self.virustotal.key()),
            ("VTREPORTER_COUNTRY", "AU"),
            ("VTREPORTER_START", "P2D"),
            (
                "VTREPORTER_RELATIONSHIPS",
                "contacted_ips,contacted_domains,contacted_urls",
            ),
            ("VTREPORTER_REQUESTS_PER_MINUTE", "1000000"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Either side was asked something.
    pub(crate) async fn first_request(&self) {
        tokio::select! {
            _ = self.virustotal.wait_for(|seen| !seen.is_empty()) => {}
            _ = self.opencti.wait_for(|seen| !seen.is_empty()) => {}
        }
    }

    /// A work was closed.
    pub(crate) async fn run_is_over(&self) {
        let closed = |opencti: &OpenCti| opencti.works().iter().any(|work| work.closed);
        self.opencti.until(closed).await;
    }

    pub(crate) fn came(&self) -> Came {
        let searches = self.virustotal.searches();
        let query = searches.first().and_then(|one| one.parameter("query"));
        let found = query.and_then(|query| self.world.describe(query, self.clock.now()).ok());
        let counts = self.opencti.counts();
        Came {
            found: found.map_or(0, |found| found.len()),
            kept: counts.came.get("file").copied().unwrap_or(0),
            objects: counts.came.values().sum(),
            pages: searches.len(),
            bundles: self.opencti.bundles().len(),
        }
    }
}
