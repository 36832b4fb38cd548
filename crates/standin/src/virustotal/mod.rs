//! A strict stand-in for VirusTotal's API v3: it checks the key and the
//! licence, evaluates queries, charges quotas a request, and refuses what
//! VirusTotal would refuse.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use standin::virustotal::{Answer, Fault, On, StandIn, World};
//!
//! let start = chrono::DateTime::from_timestamp(1_793_577_600, 0).unwrap_or_default();
//! let day = start..start + chrono::TimeDelta::days(1);
//! let vt = StandIn::start(World::generate(1, 607, &["AU"], day)).await?;
//! vt.fail(Fault::new(On::Search, Answer::transient()).nth(2));
//! // ... a client of `vt.url()` with `vt.key()` ...
//! assert!(vt.requests().is_empty());
//! vt.clear_faults();
//! vt.stop().await;
//! # Ok(())
//! # }
//! ```

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::server::{Log, Server, lock, loopback, machine_clock};
use account::Account;
use clock::Clock;
use fault::Faults;
use search::Searches;
use serve::{Known, Shared, Switches};

mod account;
mod cursor;
mod fault;
mod files;
mod log;
mod query;
mod refusal;
mod route;
mod search;
mod serve;
mod users;
mod world;

pub use account::{Cost, Licence, Quota};
pub use fault::{Answer, Fault, On};
pub use log::{Logged, key_id};
pub use route::Route;
pub use search::Embedding;
pub use world::{Made, World, object};

/// The key that is right unless another is chosen.
pub const KEY: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";

/// Whose account it is, and what time it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The right key.
    pub key: String,
    /// The owner's user id.
    pub user: String,
    /// What the key may; also decides which quotas it shows.
    pub licence: Licence,
    /// For the windows of the quotas and for slow answers.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key: KEY.to_owned(),
            user: "cti-bot".to_owned(),
            licence: Licence::Premium,
            clock: machine_clock(),
        }
    }
}

/// A running stand-in. Dropping it stops it.
///
/// # Panics
///
/// When it is dropped and a fault that was ordered has not struck as often as
/// ordered: a test that waits for trouble that never comes proves nothing.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    server: Server,
}

impl StandIn {
    /// Starts on a free port of loopback, for a premium key [`KEY`].
    pub async fn start(world: World) -> std::io::Result<Self> {
        Self::start_with(Options::default(), world).await
    }

    /// Starts on a free port of loopback.
    pub async fn start_with(options: Options, world: World) -> std::io::Result<Self> {
        Self::serve(loopback().await?, options, world)
    }

    /// Starts on a listener that is already bound.
    pub fn serve(listener: TcpListener, options: Options, world: World) -> std::io::Result<Self> {
        let base = format!("http://{}/api/v3", listener.local_addr()?);
        let stop = CancellationToken::new();
        let now = options.clock.now();
        let shared = Arc::new(Shared {
            base,
            clock: options.clock,
            known: RwLock::new(Known { world, version: 0 }),
            account: Mutex::new(Account::new(
                options.key,
                options.user,
                options.licence,
                now,
            )),
            faults: Mutex::new(Faults::default()),
            switches: Mutex::new(Switches {
                users_me: true,
                empty_page: false,
                embedding: Embedding::default(),
                excluding: false,
                epoch: 0,
                ahead: TimeDelta::zero(),
            }),
            searches: Searches::default(),
            log: Log::default(),
            stop: stop.clone(),
        });
        let routes = Router::new()
            .fallback(serve::handle)
            .with_state(shared.clone());
        let server = Server::start(listener, routes, stop)?;
        Ok(Self { shared, server })
    }

    /// The base of its API: `http://127.0.0.1:PORT/api/v3`.
    pub fn url(&self) -> String {
        self.shared.base.clone()
    }

    /// The right key.
    pub fn key(&self) -> String {
        lock(&self.shared.account).key.clone()
    }

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.all()
    }

    /// The searches so far.
    pub fn searches(&self) -> Vec<Logged> {
        let mut all = self.requests();
        all.retain(Logged::is_search);
        all
    }

    /// Forgets the requests so far. Only while none is on its way.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Waits until the requests are as wanted. A request is there when it
    /// comes, with status 0, and has its status when it is answered.
    pub async fn wait_for(&self, wanted: impl Fn(&[Logged]) -> bool) -> Vec<Logged> {
        self.shared.log.wait_for(wanted).await
    }

    /// Orders a fault.
    pub fn fail(&self, fault: Fault) {
        lock(&self.shared.faults).add(fault);
    }

    /// Takes all orders of faults back.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Sets one quota, new or not.
    pub fn set_quota(&self, name: &str, quota: Quota) {
        self.roll();
        lock(&self.shared.account)
            .quotas
            .insert(name.to_owned(), quota);
    }

    /// Takes a quota away.
    pub fn remove_quota(&self, name: &str) {
        lock(&self.shared.account).quotas.remove(name);
    }

    /// A quota as it stands now.
    pub fn quota(&self, name: &str) -> Option<Quota> {
        self.roll();
        lock(&self.shared.account).quotas.get(name).cloned()
    }

    /// Changes what the key may, and with it which quotas it shows.
    pub fn set_licence(&self, licence: Licence) {
        let mut account = lock(&self.shared.account);
        account.licence = licence;
        account.quotas = account::usual(licence);
    }

    /// Changes what a search costs; `None`: as the licence says.
    pub fn set_search_cost(&self, cost: Option<Cost>) {
        lock(&self.shared.account).search_cost = cost;
    }

    /// Whether `/users/{id}` costs nothing, which is not documented; by the
    /// general rule it costs a request.
    pub fn set_users_free(&self, free: bool) {
        lock(&self.shared.account).users_free = free;
    }

    /// How many requests any 60 seconds may see; more get 429
    /// `TooManyRequestsError`. `None`: as many as come.
    pub fn set_rate(&self, a_minute: Option<u32>) {
        lock(&self.shared.account).rate = a_minute;
    }

    /// Whether `/users/me` is known; it is not documented.
    pub fn set_users_me(&self, known: bool) {
        lock(&self.shared.switches).users_me = known;
    }

    /// Whether the last page with files has a cursor, to one more, empty and
    /// charged page.
    pub fn set_empty_page(&self, given: bool) {
        lock(&self.shared.switches).empty_page = given;
    }

    /// What a search does about the relationships that it is asked for.
    pub fn set_embedding(&self, embedding: Embedding) {
        lock(&self.shared.switches).embedding = embedding;
    }

    /// Whether `fs:T+`, and the like for other times, leaves `T` itself out:
    /// that is documented nowhere.
    pub fn set_excluding(&self, excluding: bool) {
        lock(&self.shared.switches).excluding = excluding;
    }

    /// Makes all cursors of searches that were given so far invalid.
    pub fn expire_cursors(&self) {
        lock(&self.shared.switches).epoch += 1;
    }

    /// Moves the stand-in's time forward, alone: its clock stays as it is.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::zero());
        lock(&self.shared.switches).ahead += by;
        self.roll();
    }

    /// Adds a file, as if it were submitted now.
    pub fn add(&self, file: Made) {
        self.change_world(|world| world.add(file));
    }

    /// Puts another world in the place of the one so far.
    pub fn set_world(&self, world: World) {
        self.change_world(|old| *old = world);
    }

    /// Stops it; afterwards its port refuses connections.
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    fn change_world(&self, change: impl FnOnce(&mut World)) {
        let known = self.shared.known.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        change(&mut known.world);
        known.version += 1;
    }

    fn roll(&self) {
        let now = self.shared.now();
        lock(&self.shared.account).roll(now);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // A test that has failed already has something better to say.
        if std::thread::panicking() {
            return;
        }
        let unused: Vec<_> = lock(&self.shared.faults).unused().cloned().collect();
        assert!(
            unused.is_empty(),
            "faults that were ordered and did not strike: {unused:#?}"
        );
    }
}
