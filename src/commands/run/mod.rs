//! `run`: the service. Registers, pings, runs every period, stops when asked.

mod country;
pub mod health;
pub mod heartbeat;
mod kept;
mod last_line;
mod minute;
mod open_works;
mod settle;
mod sink;
mod work_message;
mod works;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::country::Outcome;
use self::heartbeat::Heartbeat;
use self::kept::Kept;
use self::settle::Settler;
use self::sink::Patience;
use super::Exit;
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::period::Period;
use crate::base::terminal::Terminal;
use crate::import;
use crate::import::state::State;
use crate::opencti::delivery::{Ground, RoadSettings, Roads, room_for_a_run};
use crate::opencti::{OpenCti, Registered, Registration};
use crate::quota::Guard;

/// At the end the state and the work are told to the platform once more; a
/// platform that does not answer must not keep the container from stopping.
const GOODBYE: Duration = Duration::from_secs(3);

/// How long a stop waits for the delivery in hand. Together with the goodbyes
/// less than what a container is given for its end.
const LAST_DELIVERY: Duration = Duration::from_secs(2);

/// How long run-and-terminate waits, pinging, until the platform has counted
/// what was pushed; then it is left to the next start.
const SEEING_OFF: Duration = Duration::from_secs(120);

/// As [`SEEING_OFF`] after a run that failed, which says so soon.
const SEEING_OFF_A_FAILURE: Duration = Duration::from_secs(5);

/// What the service is told.
#[derive(Clone)]
pub struct Settings {
    /// How the connector presents itself.
    pub registration: Registration,
    /// Between two starts; zero runs once.
    pub period: Period,
    /// Run once and end.
    pub run_and_terminate: bool,
    /// MB (10^6 bytes) in the connector's queue from which on it holds back.
    pub queue_threshold_mb: f64,
    /// A report each.
    pub countries: Vec<Country>,
    /// The roads that bundles take.
    pub roads: RoadSettings,
    /// What a run does.
    pub import: import::Options,
}

impl Settings {
    fn once(&self) -> bool {
        self.run_and_terminate || self.period.is_zero()
    }

    fn patience(&self) -> Patience {
        if self.once() {
            Patience::Short
        } else {
            Patience::Endless
        }
    }
}

/// The service: its settings and its neighbours.
pub struct Service {
    settings: Settings,
    opencti: OpenCti,
    guard: Guard,
    clock: Clock,
    /// Of runs that wait to go on.
    kept: Mutex<Kept>,
    /// Where the progress of runs shows.
    terminal: Terminal,
}

impl Service {
    /// A service that has not registered yet.
    pub fn new(settings: Settings, opencti: OpenCti, guard: Guard, clock: Clock) -> Self {
        Self {
            settings,
            opencti,
            guard,
            clock,
            kept: Mutex::default(),
            terminal: Terminal::hidden(),
        }
    }

    /// The same, showing on a terminal how far its runs are.
    #[must_use]
    pub fn with_terminal(mut self, terminal: Terminal) -> Self {
        self.terminal = terminal;
        self
    }

    /// Runs until `stop`, or once with run-and-terminate. Answers health checks
    /// from the first moment on.
    pub async fn run(&self, stop: &CancellationToken) -> Result<(), Exit> {
        let post = health::Post::take(&self.settings.registration.id).await?;
        let heartbeat = OnceLock::new();
        tokio::select! {
            biased;
            never = post.answer(&heartbeat) => match never {},
            ended = self.live(&heartbeat, stop) => ended,
        }
    }

    async fn live(
        &self,
        known: &OnceLock<Arc<Heartbeat>>,
        stop: &CancellationToken,
    ) -> Result<(), Exit> {
        let Some(registered) = self.register(stop).await? else {
            return if self.settings.once() {
                Err(Exit::NotEverything("stopped before it began".to_owned()))
            } else {
                Ok(())
            };
        };
        let state = self.saved_state(&registered);
        let roads = self.build_roads(&registered)?;
        let heartbeat = Arc::new(Heartbeat::new(
            state,
            &registered.state,
            self.opencti.clone(),
            &self.settings,
            roads.clone(),
            self.clock.clone(),
        ));
        // There is only this one.
        let _ = known.set(heartbeat.clone());
        self.ping(&heartbeat, stop).await;
        // Aborted when dropped: no task outlives the service.
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn({
            let heartbeat = heartbeat.clone();
            async move { heartbeat.run().await }
        });
        let mut settling = tokio::task::JoinSet::new();
        let settler = self.settler(&heartbeat);
        settling.spawn(async move { settler.run().await });
        let result = if self.settings.once() {
            self.once_and_see_off(&heartbeat, &roads, stop).await
        } else {
            self.forever(&heartbeat, &roads, stop).await;
            Ok(())
        };
        // Before the last ping, which has to tell what is still to be settled.
        settling.shutdown().await;
        // The clock of the machine, not ours: a stop has a real deadline.
        let last_ping = tokio::time::timeout(GOODBYE, heartbeat.ping());
        if last_ping.await.is_err() {
            warn!("the platform did not take the last ping in time");
        }
        info!("stopped");
        result
    }

    /// The state that the platform keeps, and what the guard can learn from it.
    fn saved_state(&self, registered: &Registered) -> State {
        let (mut state, complaint) = State::parse(&registered.state);
        if let Some(complaint) = complaint {
            warn!("{complaint}");
        }
        self.guard.learn(state.charged);
        state.try_again_now();
        state
    }

    fn build_roads(&self, registered: &Registered) -> Result<Roads, Exit> {
        let ground = Ground {
            opencti: &self.opencti,
            registration: &self.settings.registration,
            registered: Some(registered),
            patience: self.settings.patience().with_a_broker(),
            clock: &self.clock,
        };
        let roads = self.settings.roads.build(&ground);
        roads.map_err(|error| Exit::from(&error))
    }

    fn settler(&self, heartbeat: &Arc<Heartbeat>) -> Settler {
        Settler {
            heartbeat: heartbeat.clone(),
            opencti: self.opencti.clone(),
            clock: self.clock.clone(),
            connector: self.settings.registration.id.clone(),
        }
    }

    /// Runs every country once, then stays until the works are settled: nobody
    /// may start the program again for long.
    async fn once_and_see_off(
        &self,
        heartbeat: &Heartbeat,
        roads: &Roads,
        stop: &CancellationToken,
    ) -> Result<(), Exit> {
        let result = self.once(heartbeat, roads, stop).await;
        let patience = match &result {
            Ok(()) => SEEING_OFF,
            Err(_) => SEEING_OFF_A_FAILURE,
        };
        self.see_off(heartbeat, patience, stop).await;
        result
    }

    /// Waits a while for works that need a word of ours once the platform has
    /// counted.
    async fn see_off(&self, heartbeat: &Heartbeat, patience: Duration, stop: &CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = heartbeat.nothing_owed() => {}
            () = self.clock.sleep(patience) => {
                info!("the platform has not counted everything yet: its works are looked after at the next start");
            }
        }
    }

    /// Pings, unless asked to stop: the last ping of all has a deadline.
    async fn ping(&self, heartbeat: &Heartbeat, stop: &CancellationToken) {
        let ping = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            ping = heartbeat.ping() => ping,
        };
        if let Err(error) = ping {
            warn!(error = %error, "the platform did not take the ping; the next one carries the same");
        }
    }

    /// Registers, waiting for a platform that is down. `None`: stopped meanwhile.
    async fn register(&self, stop: &CancellationToken) -> Result<Option<Registered>, Exit> {
        let patience = self.settings.patience();
        let waiting = sink::wait_for(&self.clock, patience, "to register", async || {
            // The version first: it decides the form of everything else.
            self.opencti.version().await?;
            self.opencti.register(&self.settings.registration).await
        });
        let registered = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            registered = waiting => registered,
        };
        match registered {
            Ok(registered) => {
                info!(
                    connector.id = self.settings.registration.id,
                    connector.name = self.settings.registration.name,
                    "registered on the platform"
                );
                Ok(Some(registered))
            }
            Err(error) => Err(Exit::from(&error)),
        }
    }

    async fn once(
        &self,
        heartbeat: &Heartbeat,
        roads: &Roads,
        stop: &CancellationToken,
    ) -> Result<(), Exit> {
        let mut left_undone = Vec::new();
        let mut settings = false;
        let mut waiting: VecDeque<Country> = self.settings.countries.iter().copied().collect();
        while let Some(country) = waiting.pop_front() {
            let turn = (country, waiting.len() + 1);
            match self.run_country(heartbeat, roads, turn, stop).await {
                Outcome::Done => {}
                Outcome::Shared => waiting.push_back(country),
                // The button means "again, from the start".
                Outcome::Reset => waiting.push_front(country),
                Outcome::Undone(exit) => {
                    settings |= matches!(exit, Exit::Settings(_));
                    left_undone.push(format!("{}: {exit}", country.code));
                }
                Outcome::Stopped => {
                    left_undone.push(format!("{}: stopped before its end", country.code));
                    break;
                }
            }
        }
        let why = left_undone.join("; ");
        match (left_undone.is_empty(), settings) {
            (true, _) => Ok(()),
            (false, true) => Err(Exit::Settings(why)),
            (false, false) => Err(Exit::NotEverything(why)),
        }
    }

    /// Says at the start when a road is shut: the run that needs it may be far,
    /// and the operator is still there.
    async fn try_the_roads(&self, roads: &Roads, state: &State, country: Country) {
        let room = self.room(state, country.code);
        if let Err(error) = roads.try_out(room).await {
            error!(error = %error, "a road is shut, the next run tries it again: {error}");
        }
        roads.close().await;
    }

    /// Bytes that a country's run needs on a road over files.
    fn room(&self, state: &State, country: &str) -> u64 {
        let before = state.countries.get(country);
        let before = before.and_then(|country| country.previous.as_ref());
        let objects = before.map_or(0, |run| run.counts.objects());
        room_for_a_run(objects, self.settings.import.limits.bytes)
    }

    async fn forever(&self, heartbeat: &Heartbeat, roads: &Roads, stop: &CancellationToken) {
        let mut first = true;
        loop {
            let (state, epoch) = heartbeat.state();
            let Some((country, due, among)) = self.next(&state) else {
                return;
            };
            heartbeat.status(|status| status.next_run = Some(due));
            if due > self.clock.now() {
                if first {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        () = self.try_the_roads(roads, &state, country) => {}
                    }
                }
                info!(country = country.code, next_run = %due, "the next run is due at {due}");
                self.ping(heartbeat, stop).await;
            }
            first = false;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // The state is fresh now, so the next round finds a run due at once.
                () = heartbeat.reset(epoch) => {}
                () = self.clock.sleep_until(due) => {
                    self.run_country(heartbeat, roads, (country, among), stop).await;
                }
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// The country whose run is due first, when, and how many are due with it;
    /// `None` without countries. Of several that are due, those go first whose
    /// turn is longest ago.
    fn next(&self, state: &State) -> Option<(Country, DateTime<Utc>, usize)> {
        let now = self.clock.now();
        let due = |country: Country| state.due(country.code, self.settings.period, now);
        let turn = |country: Country| state.countries.get(country.code)?.run.as_ref()?.resume_at;
        let countries = &self.settings.countries;
        let first = *countries
            .iter()
            .min_by_key(|&&country| (due(country).max(now), turn(country)))?;
        let among = countries.iter().filter(|&&country| due(country) <= now);
        Some((first, due(first), among.count().max(1)))
    }
}
