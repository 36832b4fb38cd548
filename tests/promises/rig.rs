//! Both stand-ins and the connector between them: as the real program, or
//! in-process on a clock that the test moves.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use vtreporter::base::clock::{self, Clock, ManualClock};
use vtreporter::commands::Exit;
use vtreporter::config::{self, Needs};
use vtreporter::standin::opencti::{OpenCtiWorld, Release, StandIn as OpenCti, Work};
use vtreporter::standin::virustotal::{Made, Options, StandIn as VirusTotal, World, object};

use vtreporter::base::log;
use vtreporter::setup;

pub(crate) const TOKEN: &str = "7d1f9f2e-0c33-4f0a-9d0e-3a0d5c0a11ff";

/// Between two steps of [`Rig::pass`]: it only keeps the hand-moved clock from
/// running ahead of the sockets. No outcome hangs on it.
const STEP: Duration = Duration::from_millis(4);

/// Longer than any test takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Where the hand-moved clock stands at first.
pub(crate) fn now() -> DateTime<Utc> {
    at("2026-11-20T06:00:00Z")
}

/// A kept file: `number` tells it from others, `minutes` before [`now`] it was
/// first submitted.
pub(crate) fn file(number: u32, severity: &str, minutes: i64) -> Value {
    file_at(
        number,
        severity,
        now() - chrono::TimeDelta::minutes(minutes),
    )
}

pub(crate) fn file_at(number: u32, severity: &str, first: DateTime<Utc>) -> Value {
    let mut file = object(number);
    let attributes = &mut file["attributes"];
    attributes["first_submission_date"] = first.timestamp().into();
    attributes["last_analysis_stats"]["malicious"] = 20.into();
    attributes["unique_sources"] = 5.into();
    attributes["size"] = (1000 + u64::from(number)).into();
    attributes["threat_severity"] = severity_of(severity);
    file
}

pub(crate) fn severity_of(level: &str) -> Value {
    serde_json::json!({"version": 5, "threat_severity_level": format!("SEVERITY_{level}"), "threat_severity_data": {}})
}

/// `count` files of medium severity, a second apart, the last one a minute ago.
pub(crate) fn many(count: u32) -> World {
    (0..count).fold(World::empty(), |world, n| {
        let first = now() - chrono::TimeDelta::seconds(i64::from(60 + count - n));
        world.with_file(file_at(n, "MEDIUM", first))
    })
}

pub(crate) fn with_related(file: Value, relationship: &str, related: Vec<Value>) -> Made {
    Made::new(file).related(relationship, related)
}

pub(crate) struct Rig {
    /// The connector's, unless a test sets another one.
    pub(crate) id: String,
    pub(crate) vt: VirusTotal,
    pub(crate) opencti: OpenCti,
    pub(crate) clock: Clock,
    pub(crate) hand: ManualClock,
    pub(crate) env: BTreeMap<String, String>,
}

impl Rig {
    /// On a clock that stands at [`now`].
    pub(crate) async fn new(world: World) -> Self {
        Self::of(world, Release::V7).await
    }

    pub(crate) async fn of(world: World, release: Release) -> Self {
        let (clock, hand) = Clock::manual(now());
        Self::start(world, OpenCtiWorld::new(release, TOKEN), clock, hand).await
    }

    /// On the machine's clock, for the real program.
    pub(crate) async fn live(world: World) -> Self {
        let (_, hand) = Clock::manual(now());
        let clock = clock::system();
        Self::start(world, OpenCtiWorld::new(Release::V7, TOKEN), clock, hand).await
    }

    /// The real program, once, into a platform whose broker is at `port`.
    pub(crate) async fn on_amqp(port: u16, release: Release, files: u32) -> Self {
        let mut platform = OpenCtiWorld::new(release, TOKEN);
        platform.broker.port = port;
        let clock = clock::system();
        let day = clock.now() - chrono::TimeDelta::days(1)..clock.now();
        let world = World::generate(3, files, &["AU"], day);
        let (_, hand) = Clock::manual(now());
        Self::start(world, platform, clock, hand)
            .await
            .set("CONNECTOR_QUEUE_PROTOCOL", "amqp")
            .set("CONNECTOR_RUN_AND_TERMINATE", "true")
            .set("VTREPORTER_REQUESTS_PER_MINUTE", "60000")
    }

    pub(crate) async fn start(
        world: World,
        mut platform: OpenCtiWorld,
        clock: Clock,
        hand: ManualClock,
    ) -> Self {
        platform.clock = clock.clone();
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let vt = VirusTotal::start_with(options, world).await.unwrap();
        if matches!(clock, Clock::Manual(_)) {
            // The pace comes from it, and would stand still with the clock.
            vt.remove_quota("api_requests_hourly");
        }
        let opencti = OpenCti::start(platform).await.unwrap();
        // Two connectors with one id do not run on one machine.
        let id = uuid::Uuid::new_v4().to_string();
        let env = [
            ("OPENCTI_URL", opencti.url()),
            ("OPENCTI_TOKEN", TOKEN.to_owned()),
            ("CONNECTOR_ID", id.clone()),
            ("CONNECTOR_DURATION_PERIOD", "P1D".to_owned()),
            ("CONNECTOR_QUEUE_PROTOCOL", "api".to_owned()),
            ("VTREPORTER_API_URL", vt.url()),
            ("VTREPORTER_API_KEY", vt.key()),
        ];
        Self {
            id,
            vt,
            opencti,
            clock,
            hand,
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    #[must_use]
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    /// Starts the connector in a thread of its own.
    pub(crate) fn connector(&self) -> Running {
        let env = self.env.iter();
        let env = env.map(|(name, value)| (name.into(), value.into()));
        let config = config::load(None, env, Needs::BOTH, self.clock.now(), &|path| {
            std::fs::read_to_string(path)
        });
        let config = config.unwrap_or_else(|faults| panic!("{faults}"));
        let clock = self.clock.clone();
        let stop = CancellationToken::new();
        let kill = CancellationToken::new();
        let (done, ended) = oneshot::channel();
        let logged = Logged::default();
        let (level, name) = (config.connector.log_level, config.connector.name.clone());
        let thread = std::thread::spawn({
            let (stop, kill) = (stop.clone(), kill.clone());
            let writer = logged.clone();
            move || {
                let lines = log::subscriber(level, true, &name, &clock, move || writer.clone());
                let _lines = tracing::subscriber::set_default(lines);
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let service = setup::service(config, clock).unwrap();
                    tokio::select! {
                        result = service.run(&stop) => { let _ = done.send(result); }
                        () = kill.cancelled() => {}
                    }
                });
            }
        });
        Running {
            stop,
            kill,
            ended: Some(ended),
            thread: Some(thread),
            logged,
        }
    }

    /// Lets time go by in steps until something has happened.
    pub(crate) async fn pass<T>(&self, step: Duration, until: impl Future<Output = T>) -> T {
        tokio::pin!(until);
        loop {
            tokio::select! {
                biased;
                done = &mut until => return done,
                () = tokio::time::sleep(STEP) => self.hand.advance(step),
            }
        }
    }

    /// Waits until something is so on the platform, and says what there is when
    /// it does not come to that: a test must not hang.
    pub(crate) async fn until(&self, so: impl Fn(&OpenCti) -> bool) {
        let waiting = self.opencti.until(so);
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let works = self.opencti.works();
            let last = self.opencti.requests().pop();
            panic!(
                "it did not come to that; works: {works:#?}; last request: {last:?}; state: {}; clock: {}",
                self.state(),
                self.clock.now()
            );
        }
    }

    /// Lets time go by until so many more pings have come.
    pub(crate) async fn beats(&self, count: usize) {
        let pings = self.opencti.pings().len() + count;
        let step = Duration::from_secs(5);
        self.pass(step, self.until(|it| it.pings().len() >= pings))
            .await;
    }

    /// Waits until so many works are closed, time standing still.
    pub(crate) async fn closed(&self, works: usize) -> Vec<Work> {
        let closed = |opencti: &OpenCti| opencti.works().iter().filter(|work| work.closed).count();
        self.until(|opencti| closed(opencti) >= works).await;
        self.opencti.works()
    }

    /// Waits until the connector has said when its next run is, after `works`
    /// closed ones; then it sleeps.
    pub(crate) async fn idle(&self, works: usize) -> DateTime<Utc> {
        let now = self.clock.now();
        self.until(|opencti| {
            let closed = opencti.works().iter().filter(|work| work.closed).count();
            closed >= works && next_run(opencti).is_some_and(|next| next > now)
        })
        .await;
        next_run(&self.opencti).unwrap()
    }

    /// The saved state.
    pub(crate) fn state(&self) -> Value {
        self.state_of(&self.id)
    }

    pub(crate) fn state_of(&self, id: &str) -> Value {
        let text = self.opencti.connector(id).and_then(|it| it.state);
        serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default()
    }

    pub(crate) fn reports(&self) -> Vec<Arc<Value>> {
        self.opencti.objects_of("report")
    }

    pub(crate) fn report(&self) -> Arc<Value> {
        let reports = self.reports();
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports[0].clone()
    }

    /// SHA-256 of all files that arrived, in order, each once.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = self.opencti.objects_of("file");
        let mut all: Vec<String> = files.iter().map(|file| sha256(file)).collect();
        all.sort();
        all
    }

    pub(crate) fn assert_sound(&self) {
        assert_eq!(self.opencti.faults(), []);
        assert_eq!(self.opencti.unreported(), Vec::<String>::new());
    }

    /// The queries asked, in order.
    pub(crate) fn queries(&self) -> Vec<String> {
        let searches = self.vt.searches().into_iter();
        searches
            .map(|one| one.parameter("query").unwrap().to_owned())
            .collect()
    }
}

pub(crate) fn next_run(opencti: &OpenCti) -> Option<DateTime<Utc>> {
    let pings = opencti.pings();
    let info = &pings.last()?.info;
    info["next_run_datetime"].as_str()?.parse().ok()
}

pub(crate) fn sha256(file: &Value) -> String {
    file["hashes"]["SHA-256"].as_str().unwrap_or("?").to_owned()
}

/// The window asked for by a query: the two `fs:`.
pub(crate) fn window(query: &str) -> (DateTime<Utc>, DateTime<Utc>) {
    let moments: Vec<DateTime<Utc>> = query
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("fs:"))
        .map(|word| format!("{}Z", word.trim_end_matches(['+', '-'])))
        .map(|text| at(&text))
        .collect();
    (moments[0], moments[1])
}

pub(crate) struct Running {
    stop: CancellationToken,
    kill: CancellationToken,
    ended: Option<oneshot::Receiver<Result<(), Exit>>>,
    thread: Option<JoinHandle<()>>,
    logged: Logged,
}

/// What a connector has logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Running {
    /// The lines logged so far.
    pub(crate) fn logs(&self) -> Vec<Value> {
        let bytes = self.logged.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    /// The first line whose message has a part, once there is one.
    pub(crate) async fn logged(&self, part: &str) -> Value {
        self.logged_times(part, 1).await
    }

    /// The last of so many lines whose message has a part, once it is there.
    pub(crate) async fn logged_times(&self, part: &str, times: usize) -> Value {
        let waiting = async {
            loop {
                let lines = self.logs();
                let mut found = lines.iter().filter(|line| {
                    let message = line["message"].as_str().unwrap();
                    message.contains(part)
                });
                if let Some(line) = found.nth(times - 1) {
                    return line.clone();
                }
                tokio::time::sleep(STEP).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("no line with {part:?}: {:#?}", self.logs()))
    }

    /// SIGTERM, and what the service ends with.
    pub(crate) async fn stop(mut self) -> Result<(), Exit> {
        self.stop.cancel();
        self.ended.take().unwrap().await.unwrap()
    }

    /// SIGTERM, and all that was logged by then.
    pub(crate) async fn stop_and_logs(mut self) -> Vec<Value> {
        self.stop.cancel();
        let _ = self.ended.take().unwrap().await;
        self.logs()
    }

    /// What the service ends with by itself.
    pub(crate) async fn end(mut self) -> Result<(), Exit> {
        self.ended.take().unwrap().await.unwrap()
    }

    /// The process is gone from one moment to the next.
    pub(crate) fn kill(mut self) {
        self.kill.cancel();
        let _ = self.thread.take().unwrap().join();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}
