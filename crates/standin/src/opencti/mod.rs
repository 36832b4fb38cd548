//! A strict stand-in for the OpenCTI platform, over HTTP on loopback.
//!
//! It refuses what the platform refuses: documents that the release does not
//! know, tokens without rights, bundles that are none. And it judges what it is
//! sent as the importer would, and remembers every fault.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use standin::opencti::{Failure, OpenCtiWorld, Release, StandIn};
//!
//! let opencti = StandIn::start(OpenCtiWorld::new(Release::V7, "token")).await?;
//! opencti.fail(Failure::html(502).on("stixBundlePush"));
//! // ... run the connector against `opencti.url()` ...
//! opencti.until(|opencti| opencti.works().iter().any(|work| work.closed)).await;
//! assert_eq!(opencti.faults(), []);
//! opencti.stop().await;
//! # Ok(())
//! # }
//! ```

mod connectors;
mod door;
mod drafts;
mod failure;
mod graphql;
mod import;
mod platform;
mod refusal;
pub mod release;
mod stamp;
mod works;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use connectors::{Connector, Echo, Ping, Queue};
pub use door::Logged;
pub use drafts::Draft;
pub use failure::Failure;
pub use graphql::validate;
pub use import::{CameBy, Counts, FaultKind, ImportFault, Pushed, judge};
pub use release::Release;
pub use works::{Work, WorkMessage, WorkStatus};
pub use world::{
    BYPASS, Broker, CONNECTOR_API, Judge, MODULES, OpenCtiWorld, Processing, Storage, User,
};

use self::door::Door;
use self::graphql::Judged;
use self::import::Importer;
use self::platform::{Platform, State};
use super::server::{Log, Server, lock, loopback};

/// A platform that runs on loopback. Clones are the same platform; it ends with
/// [`StandIn::stop`] or with the last clone.
///
/// # Panics
///
/// When the last clone is dropped and a failure that was ordered has not struck
/// as often as ordered: a test that waits for trouble that never comes proves
/// nothing.
#[derive(Clone)]
pub struct StandIn {
    door: Arc<Door>,
    address: SocketAddr,
    server: Arc<Mutex<Option<Server>>>,
}

impl StandIn {
    /// Starts it on a free port.
    pub async fn start(world: OpenCtiWorld) -> std::io::Result<Self> {
        Self::serve(loopback().await?, world)
    }

    /// Starts it on a listener that is bound already.
    pub fn serve(listener: TcpListener, world: OpenCtiWorld) -> std::io::Result<Self> {
        let judged = Judged::new(world.release)
            .map_err(|faults| std::io::Error::other(faults.join("; ")))?;
        let gone = CancellationToken::new();
        let door = Arc::new(Door {
            platform: Platform::new(world),
            judged,
            log: Log::default(),
            failures: Mutex::default(),
            gone: Mutex::new(gone.clone()),
        });
        let server = Server::start(listener, door::routes(door.clone()), gone)?;
        Ok(Self {
            address: server.address(),
            server: Arc::new(Mutex::new(Some(server))),
            door,
        })
    }

    /// What goes into `OPENCTI_URL`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.world().base_path)
    }

    /// How it was set up.
    pub fn world(&self) -> &OpenCtiWorld {
        &self.door.platform.world
    }

    /// Ends it; the port refuses connections from then on.
    pub async fn stop(&self) {
        let server = lock(&self.server).take();
        if let Some(server) = server {
            server.stop().await;
        }
    }

    /// The platform is down: the port refuses connections. Nothing is forgotten.
    pub async fn go_down(&self) {
        self.stop().await;
    }

    /// The platform is up again, on the same port.
    pub async fn come_up(&self) -> std::io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        let gone = CancellationToken::new();
        *lock(&self.door.gone) = gone.clone();
        let server = Server::start(listener, door::routes(self.door.clone()), gone)?;
        *lock(&self.server) = Some(server);
        Ok(())
    }

    fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        at(&lock(&self.door.platform.state))
    }

    fn change<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        let outcome = what(&mut lock(&self.door.platform.state));
        self.door.platform.changed();
        outcome
    }
}

/// What happened.
impl StandIn {
    /// All requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.door.log.all()
    }

    /// The requests for a root field, as [`Logged::field`] names it.
    pub fn requests_for(&self, field: &str) -> Vec<Logged> {
        let mut requests = self.requests();
        requests.retain(|request| request.field == field);
        requests
    }

    /// Forgets the requests so far, and nothing else.
    pub fn clear_requests(&self) {
        self.door.log.clear();
    }

    /// The connectors that are registered.
    pub fn connectors(&self) -> Vec<Connector> {
        self.look(|state| state.connectors.known.values().cloned().collect())
    }

    /// A connector.
    pub fn connector(&self, id: &str) -> Option<Connector> {
        self.look(|state| state.connectors.known.get(id).cloned())
    }

    /// All pings so far.
    pub fn pings(&self) -> Vec<Ping> {
        self.look(|state| state.connectors.pings.clone())
    }

    /// All works so far that were not deleted.
    pub fn works(&self) -> Vec<Work> {
        self.look(|state| state.works.all().to_vec())
    }

    /// All drafts so far.
    pub fn drafts(&self) -> Vec<Draft> {
        self.look(|state| state.drafts.all().to_vec())
    }

    /// All bundles as they came.
    pub fn bundles(&self) -> Vec<Arc<Pushed>> {
        self.look(|state| state.importer.bundles.clone())
    }

    /// All objects that the platform took, merged by id, in the order of their
    /// first coming. What a report refers to adds up.
    pub fn objects(&self) -> Vec<Arc<Value>> {
        self.look(|state| state.importer.store.objects())
    }

    /// The objects of a type.
    pub fn objects_of(&self, kind: &str) -> Vec<Arc<Value>> {
        let mut objects = self.objects();
        objects.retain(|object| object["type"] == kind);
        objects
    }

    /// An object.
    pub fn object(&self, id: &str) -> Option<Arc<Value>> {
        self.look(|state| state.importer.store.object(id))
    }

    /// Ids of what a report should name and none does: observables, indicators,
    /// malware, techniques, notes and relationships.
    pub fn unreported(&self) -> Vec<String> {
        self.look(|state| state.importer.store.unreported())
    }

    /// Everything that was wrong with what came.
    pub fn faults(&self) -> Vec<ImportFault> {
        self.look(|state| state.importer.faults.clone())
    }

    /// How many objects came, and what became of them.
    pub fn counts(&self) -> Counts {
        self.look(|state| state.importer.store.counts.clone())
    }

    /// Bundles that wait to be worked off.
    pub fn waiting(&self) -> usize {
        self.look(|state| state.importer.waiting())
    }

    /// Waits until the requests are as wanted, and returns them. A request is
    /// in the log when it comes; it has a status when it is answered.
    pub async fn wait_for(&self, wanted: impl Fn(&[Logged]) -> bool) -> Vec<Logged> {
        self.door.log.wait_for(wanted).await
    }

    /// Waits until something is so, looking again whenever something happened.
    pub async fn until(&self, so: impl Fn(&Self) -> bool) {
        let mut changes = self.door.platform.changes.subscribe();
        while !so(self) {
            if changes.changed().await.is_err() {
                // Cannot be: the sender lives in `self`.
                return;
            }
        }
    }
}

/// What happens next.
impl StandIn {
    /// Orders trouble. Of several, the first that is meant strikes.
    pub fn fail(&self, failure: Failure) {
        lock(&self.door.failures).push(failure);
    }

    /// Ends all trouble that was ordered.
    pub fn clear_failures(&self) {
        lock(&self.door.failures).clear();
    }

    /// Somebody presses the refresh button of every connector.
    pub fn press_refresh(&self) {
        for connector in self.connectors() {
            self.press_refresh_of(&connector.id);
        }
    }

    /// Somebody presses the refresh button of one connector; whether there is one.
    pub fn press_refresh_of(&self, id: &str) -> bool {
        let world = self.world();
        self.change(|state| state.reset(world, id).is_ok())
    }

    /// What waits in the connectors' queues from now on, whatever was pushed.
    pub fn set_queue(&self, messages: f64, bytes: f64) {
        self.change(|state| state.queue = Some(Queue { messages, bytes }));
    }

    /// Which state pings are answered with from now on.
    pub fn set_echo(&self, echo: Echo) {
        self.change(|state| state.connectors.echo = echo);
    }

    /// Saves a state for a connector, as an earlier life of it would have.
    pub fn set_state(&self, connector: &str, text: &str) {
        self.change(|state| {
            if let Some(connector) = state.connectors.known.get_mut(connector) {
                connector.state = Some(text.to_owned());
            }
        });
    }

    /// Somebody deletes a work; whether there was one.
    pub fn delete_work(&self, id: &str) -> bool {
        self.change(|state| state.works.delete(id))
    }

    /// The worker works off all that waits; returns how many bundles.
    pub fn work_off(&self) -> usize {
        let now = self.world().clock.now();
        self.change(|state| state.worker(|worker, works| worker.work_off(works, now)))
    }

    /// The worker takes the bundles that wait from the queue and tells their
    /// works how much to expect; returns how many.
    pub fn count_waiting(&self) -> usize {
        self.change(|state| state.worker(Importer::count))
    }

    /// The worker imports so many of the objects that were counted, if there
    /// are; returns how many.
    pub fn import_some(&self, most: usize) -> usize {
        let now = self.world().clock.now();
        self.change(|state| state.worker(|worker, works| worker.import_some(works, most, now)))
    }

    /// Takes in what came by a broker, a directory or a bucket, judged in the
    /// same way; returns what is wrong with it.
    pub fn ingest_message(&self, text: &str) -> Vec<ImportFault> {
        let world = self.world();
        self.change(|state| state.intake().ingest(world, text))
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // A test that has failed already has something better to say.
        if std::thread::panicking() || Arc::strong_count(&self.server) > 1 {
            return;
        }
        let failures = lock(&self.door.failures);
        let unused: Vec<_> = failures.iter().filter(|one| one.is_unused()).collect();
        assert!(
            unused.is_empty(),
            "failures that were ordered and did not strike: {unused:#?}"
        );
    }
}

impl std::fmt::Debug for StandIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandIn")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
