//! The guard in front of the client: reserve, send, settle.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tracing::{debug, info, warn};

use super::counts::{Before, GuardCounts};
use super::decide::{Verdict, asked_pause, calls_left, charged_by, decide};
use super::ledger::Ledger;
use super::reading::Reading;
use super::{CallError, Cost, OnUnknown, OwnRequests, Pause, Policy, SearchCharge, Spent};
use crate::base::clock::Clock;
use crate::virustotal::client::{AGAIN, Meter};
use crate::virustotal::{Error, VirusTotal};

mod turn;

/// The quotas are read again after so many requests of our own: others use the
/// group's too.
const READ_EVERY: u64 = 50;

/// And after so long, however few requests there were.
const READ_AFTER: Duration = Duration::from_secs(15 * 60);

/// So often a call waits for VirusTotal's minute before it fails.
const THROTTLED_MOST: u32 = 5;

/// A longer wait that VirusTotal asks for is a pause of the run.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// So often the quotas are read right after a search to see what it burnt.
const CALIBRATIONS: u32 = 3;

/// Lets requests through as long as the quotas allow. Cheap to clone; clones
/// share all counts.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    client: VirusTotal,
    policy: Policy,
    clock: Clock,
    ledger: Ledger,
    state: Mutex<GuardCounts>,
    /// One reader at a time; the others take its result.
    reader: tokio::sync::Mutex<()>,
    /// Some call has ended.
    settled: Notify,
}

/// A reserved request; gives back on drop what it did not use.
struct Ticket<'a> {
    guard: &'a Guard,
    cost: Cost,
    client: VirusTotal,
    meter: Arc<Meter>,
    /// Counted for all processes of this machine.
    turns: OwnRequests,
    /// Readings taken when it was sent.
    generation: u64,
}

/// Why a request is not sent.
struct Refused {
    pause: Pause,
    /// Other requests are on their way.
    others: bool,
    /// Readings taken when this was decided.
    generation: u64,
}

impl Guard {
    /// A guard that knows nothing yet: it reads the quotas before the first call.
    pub fn new(client: VirusTotal, policy: Policy, clock: Clock) -> Self {
        Self::remembering(client, policy, Ledger::Memory, clock)
    }

    /// One that remembers in a ledger what it reads and sends.
    pub fn remembering(client: VirusTotal, policy: Policy, ledger: Ledger, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            client,
            policy,
            clock,
            ledger,
            state: Mutex::default(),
            reader: tokio::sync::Mutex::default(),
            settled: Notify::new(),
        }))
    }

    /// Reads the quotas, which is free, and sets the pace where the operator
    /// did not.
    ///
    /// That nothing is told is an answer ([`Reading::unknown`]). Errors are a
    /// wrong key and a VirusTotal that cannot be reached.
    pub async fn refresh(&self) -> Result<Reading, Error> {
        let _one = self.0.reader.lock().await;
        self.read().await
    }

    /// Sends a request, if the quotas allow it: each try by itself is reserved
    /// before it is sent.
    ///
    /// Transient faults are repeated a few times. After a 429 the quotas are
    /// read: a spent one pauses, otherwise the pace is held until the next
    /// minute. `request` must send through the client it is given and must not
    /// ask this guard again.
    ///
    /// `request` gets a client of its own instead of a reference to one, and is
    /// no `AsyncFn`: the future of such a call could not be spawned.
    pub async fn call<T, F, R>(&self, cost: Cost, request: F) -> Result<T, CallError>
    where
        F: Fn(VirusTotal) -> R,
        R: Future<Output = Result<T, Error>>,
    {
        let (mut throttled, mut failed) = (0, 0);
        loop {
            let ticket = self.reserve(cost).await?;
            let result = request(ticket.client.clone()).await;
            let generation = ticket.generation;
            drop(ticket);
            let error = match result {
                Ok(value) => {
                    self.calibrate(cost).await;
                    return Ok(value);
                }
                Err(error) => error,
            };
            if let Some(retry_after) = error.limited() {
                throttled += 1;
                self.limited(error, retry_after, cost, generation, throttled)
                    .await?;
            } else if error.tries_left(failed) {
                failed += 1;
                let pause = AGAIN.uneven(failed);
                info!(vt.try = failed, vt.said = %error, wait_ms = pause.as_millis() as u64,
                    "VirusTotal did not answer; trying again");
                self.0.clock.sleep(pause).await;
            } else {
                return Err(CallError::Failed(error));
            }
        }
    }

    /// What was spent since [`Guard::start_run`].
    pub fn spent(&self) -> Spent {
        self.state().spent()
    }

    /// Counts and warnings begin anew.
    pub fn start_run(&self) {
        self.state().start_run();
    }

    /// What was warned of since [`Guard::start_run`], a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        self.state().warnings.clone()
    }

    /// The last reading, with our own requests since then added.
    pub fn reading(&self) -> Option<Reading> {
        let state = self.state();
        let reading = state.reading.as_ref()?;
        Some(reading.with(state.own(), state.charged))
    }

    /// How many calls of this cost may still be sent before the stop
    /// percentage; `None`: no limit is known.
    pub fn calls_left(&self, cost: Cost) -> Option<u64> {
        let state = self.state();
        let now = self.0.clock.now();
        let reading = state.reading.as_ref()?;
        calls_left(
            reading,
            state.own(),
            cost,
            state.charged,
            self.0.policy,
            now,
        )
    }

    /// What a search burns, as far as it is known.
    pub fn charged(&self) -> SearchCharge {
        self.state().charged
    }

    /// Takes over what an earlier process has learned.
    pub fn learn(&self, charged: SearchCharge) {
        self.state().charged = charged;
    }

    /// The fingerprint of its key.
    pub fn key(&self) -> &str {
        self.0.client.fingerprint()
    }

    /// The client behind the guard, for what costs nothing.
    pub fn client(&self) -> &VirusTotal {
        &self.0.client
    }

    fn state(&self) -> MutexGuard<'_, GuardCounts> {
        self.0.state.lock()
    }

    /// Waits until one more request may be sent, and counts it as on its way.
    async fn reserve(&self, cost: Cost) -> Result<Ticket<'_>, CallError> {
        let mut just_read = self.read_if_due().await?;
        loop {
            let settled = self.0.settled.notified();
            tokio::pin!(settled);
            // From here on no end of a call is missed.
            settled.as_mut().enable();
            let refused = match self.try_reserve(cost) {
                Ok(mut ticket) => match self.take_turn(&mut ticket).await {
                    Ok(()) => return Ok(ticket),
                    Err(refused) => refused,
                },
                Err(refused) => refused,
            };
            if refused.others {
                // Those on their way may be in the reading already; once they
                // have ended the count is exact.
                settled.await;
                just_read = false;
            } else if just_read {
                return Err(CallError::Paused(refused.pause));
            } else {
                // Never pause on a count of our own: the window may have begun
                // again, or others may have used less than feared.
                just_read = true;
                self.read_after(refused.generation).await?;
            }
        }
    }

    /// One more request, or why not, and whether others are on their way.
    fn try_reserve(&self, cost: Cost) -> Result<Ticket<'_>, Refused> {
        let now = self.0.clock.now();
        let mut state = self.state();
        if let Some(reading) = &state.reading {
            match decide(
                reading,
                state.own(),
                cost,
                state.charged,
                self.0.policy,
                now,
            ) {
                Verdict::Go => {}
                Verdict::Warn(lines) => state.warn_of(&lines, self.0.policy),
                Verdict::Pause(pause) => {
                    return Err(Refused {
                        pause,
                        others: state.flying.total() > 0,
                        generation: state.generation,
                    });
                }
            }
        }
        state.flying = state.flying.plus(OwnRequests::of(cost, 1));
        let (client, meter) = self.0.client.metered();
        Ok(Ticket {
            guard: self,
            cost,
            client,
            meter,
            turns: OwnRequests::default(),
            generation: state.generation,
        })
    }

    /// Reads the quotas when the last reading is old. Whether it did.
    async fn read_if_due(&self) -> Result<bool, CallError> {
        if !self.is_due() {
            return Ok(false);
        }
        let _one = self.0.reader.lock().await;
        // Somebody else may have read them meanwhile.
        if !self.is_due() {
            return Ok(false);
        }
        match self.read().await {
            Ok(_) => Ok(true),
            Err(error @ Error::WrongKey { .. }) => Err(CallError::Failed(error)),
            // The quotas alone may be slow; whether VirusTotal answers at all
            // the request itself will show.
            Err(error @ (Error::TimedOut { .. } | Error::CutShort { .. }))
                if self.state().reading.is_none()
                    && self.0.policy.on_unknown == OnUnknown::Continue =>
            {
                let before = self.state().before(None);
                let unknown = Reading::unknown(error.to_string(), self.0.clock.now());
                self.take(unknown, before);
                Ok(true)
            }
            Err(error) if self.state().reading.is_none() => Err(CallError::Failed(error)),
            Err(error) => {
                warn!(vt.said = %error, "the quotas could not be read again; going on with the last reading and our own count");
                Ok(false)
            }
        }
    }

    fn is_due(&self) -> bool {
        let state = self.state();
        let age = self.0.clock.elapsed().saturating_sub(state.tried_at);
        state.reading.is_none()
            || state.sent.minus(state.at_try).total() >= READ_EVERY
            || age >= READ_AFTER
    }

    /// Reads the quotas. The caller holds `reader`.
    async fn read(&self) -> Result<Reading, Error> {
        let now = self.0.clock.now();
        let shared = self.0.ledger.counted(now);
        let before = {
            let mut state = self.state();
            state.at_try = state.sent;
            state.tried_at = self.0.clock.elapsed();
            state.before(shared)
        };
        let known = self.0.client.knows_account();
        let answer = self.0.client.overall_quotas().await;
        self.count_the_account(known);
        let reading = match answer {
            Ok(quotas) => Reading::new(&quotas, now),
            Err(
                error @ (Error::WrongKey { .. }
                | Error::Unreachable { .. }
                | Error::Network { .. }
                | Error::TimedOut { .. }
                | Error::CutShort { .. }
                | Error::Redirected { .. }),
            ) => {
                self.state().generation += 1;
                return Err(error);
            }
            Err(error) => Reading {
                drained: matches!(error, Error::OverQuota { .. }),
                ..Reading::unknown(error.to_string(), now)
            },
        };
        let kept = self.take(reading, before);
        self.set_pace(&kept);
        Ok(kept)
    }

    /// Makes a reading the one that counts, unless it knows less than the last.
    fn take(&self, reading: Reading, before: Before) -> Reading {
        let mut state = self.state();
        state.generation += 1;
        if let Some(why) = &reading.unknown {
            let fresh = |old: &Reading| (reading.taken_at - old.taken_at).num_minutes() < 60;
            let old = state.reading.as_ref();
            let old = old.filter(|old| old.unknown.is_none() && fresh(old));
            if !reading.drained
                && let Some(old) = old
            {
                warn!(vt.said = %why, quota.read_at = %old.taken_at, "VirusTotal does not say what is left; going on with the last reading and our own count");
                return old.with(state.own(), state.charged);
            }
            if !reading.drained && self.0.policy.on_unknown == OnUnknown::Continue {
                state.warn_unknown(why);
            }
        }
        let quiet = state.was_quiet_since(before);
        if quiet
            && state.quiet
            && let Some(old) = &state.reading
            && let own = before.sent.minus(state.at_reading)
            && let Some(charged) = charged_by(old.user, reading.user, own)
            && charged != state.charged
        {
            info!(
                quota.charged = charged.word(),
                "seen what a search burns: {}",
                charged.word()
            );
            state.charged = charged;
        }
        state.quiet = quiet;
        state.at_reading = before.sent;
        state.share_from(before);
        state.reading = Some(reading.clone());
        drop(state);
        self.0.ledger.read(&reading);
        reading
    }

    fn set_pace(&self, reading: &Reading) {
        let client = &self.0.client;
        if reading.unknown.is_none() && !client.pace_is_set() {
            client.pace_from_quota(reading.per_minute);
        }
    }

    /// After the first searches: which counter moved?
    async fn calibrate(&self, cost: Cost) {
        let wanted = {
            let mut state = self.state();
            let wanted = cost == Cost::Search
                && state.charged == SearchCharge::Unknown
                && state.calibrations < CALIBRATIONS;
            state.calibrations += u32::from(wanted);
            wanted
        };
        if wanted && let Err(error) = self.refresh().await {
            debug!(vt.said = %error, "the quotas could not be read again");
        }
    }

    /// After a 429: a pause, a failure, or the pace is held and it is worth
    /// trying again.
    async fn limited(
        &self,
        error: Error,
        retry_after: Option<Duration>,
        cost: Cost,
        generation: u64,
        throttled: u32,
    ) -> Result<(), CallError> {
        let now = self.0.clock.now();
        self.read_after(generation).await?;
        let verdict = {
            let state = self.state();
            state.reading.as_ref().map(|reading| {
                decide(
                    reading,
                    state.own(),
                    cost,
                    state.charged,
                    self.0.policy,
                    now,
                )
            })
        };
        if let Some(Verdict::Pause(pause)) = verdict {
            return Err(CallError::Paused(pause));
        }
        if let Some(wait) = retry_after.filter(|&wait| wait > LONGEST_WAIT) {
            return Err(CallError::Paused(asked_pause(wait, now)));
        }
        if throttled > THROTTLED_MOST {
            return Err(CallError::Failed(error));
        }
        let wait = retry_after.unwrap_or_else(|| to_next_minute(now, &error));
        let wait = wait + Duration::from_millis(fastrand::u64(200..=3000));
        info!(vt.said = %error, vt.try = throttled, wait_ms = wait.as_millis() as u64, "too many requests for this minute; waiting");
        self.0.client.pace().hold(wait);
        self.0.ledger.hold(wait, now);
        Ok(())
    }

    /// Reads the quotas, unless somebody has since the request was sent.
    async fn read_after(&self, generation: u64) -> Result<(), CallError> {
        let _one = self.0.reader.lock().await;
        if self.state().generation > generation {
            return Ok(());
        }
        match self.read().await {
            Err(error @ Error::WrongKey { .. }) => Err(CallError::Failed(error)),
            Err(error) => {
                debug!(vt.said = %error, "the quotas could not be read");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

/// `TooManyRequestsError` wants a whole minute, a spent minute ends with it.
fn to_next_minute(now: DateTime<Utc>, error: &Error) -> Duration {
    match error {
        Error::TooFast { .. } => Duration::from_secs(60),
        _ => Duration::from_secs(u64::from(60 - now.second().min(59))),
    }
}
