//! The AMQP road: one message an object to the platform's broker, each
//! confirmed.
//!
//! Nothing is lost and nothing skipped: a message counts as sent only when the
//! broker has confirmed it. What was refused or unanswered is published again,
//! over a new connection if need be. A message that comes back, because no queue
//! takes it, ends the sending at once: waiting brings no queue, registering
//! does. A bundle whose sending failed is gone on with where it stopped, and
//! announced to its work once.

mod identity;
mod message;
mod pem;
mod progress;
mod session;
mod tls;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::tcp::RustlsConnector;
use lapin::{Confirmation, PublisherConfirm};

pub use identity::Identity;
pub use message::{Envelope, messages};
pub use tls::BrokerTls;

use crate::base::backoff::Backoff;
use crate::base::secret::Secret;
use crate::opencti::client::OpenCti;
use crate::opencti::connector::Amqp;
use crate::opencti::error::{Error, Remedy};

use super::order::Plan;
use super::{LeftBehind, Sent};
use parking_lot::{Mutex, MutexGuard};
use progress::{Fate, Progress};
use session::{Session, address, judge};

/// Messages on their way at once.
const WINDOW: usize = 2_048;
/// Their bytes.
const WINDOW_BYTES: usize = 8 << 20;
/// How long an answer may take before we call it holding back.
const STALL: Duration = Duration::from_secs(5);
const AGAIN: Backoff = Backoff::from_to(Duration::from_millis(500), Duration::from_secs(30));

/// What the road needs to know.
#[derive(Clone)]
pub struct BrokerSettings {
    /// As registered, with the operator's overrides ([`Overrides`]).
    pub connection: Amqp,
    /// The user that the objects are created by, as registered.
    pub applicant: Option<String>,
    /// TLS, used when the connection says so.
    pub tls: BrokerTls,
    /// Shown in the broker's list of connections.
    pub name: String,
    /// How long without any progress before a send gives up.
    pub patience: Duration,
}

/// The operator's `MQ_*`: what is set replaces what the platform hands out.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `MQ_HOST`.
    pub host: Option<String>,
    /// `MQ_PORT`.
    pub port: Option<u16>,
    /// `MQ_VHOST`.
    pub vhost: Option<String>,
    /// `MQ_USE_SSL`.
    pub use_ssl: Option<bool>,
    /// `MQ_USER`.
    pub user: Option<String>,
    /// `MQ_PASS`.
    pub pass: Option<Secret>,
}

impl Overrides {
    /// The connection to use.
    pub fn over(self, registered: Amqp) -> Amqp {
        Amqp {
            host: self.host.unwrap_or(registered.host),
            port: self.port.unwrap_or(registered.port),
            vhost: self.vhost.unwrap_or(registered.vhost),
            use_ssl: self.use_ssl.unwrap_or(registered.use_ssl),
            user: self.user.unwrap_or(registered.user),
            pass: self.pass.unwrap_or(registered.pass),
            ..registered
        }
    }
}

/// The road.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
    pub(super) draft: Option<String>,
}

struct Shared {
    client: OpenCti,
    settings: BrokerSettings,
    tls: Option<RustlsConnector>,
    /// Held while a bundle is sent: bundles go one after the other.
    session: tokio::sync::Mutex<Option<Session>>,
    progress: Mutex<Progress>,
    buffering: AtomicBool,
}

/// Why a round ended before everything was confirmed.
enum Halt {
    /// The connection is of no use any more.
    Lost(Error),
    /// The broker answered, and did not take a message.
    Refused(Error),
    /// No other round would help.
    Failed(Error),
}

impl Halt {
    fn into_error(self) -> Error {
        match self {
            Self::Lost(error) | Self::Refused(error) | Self::Failed(error) => error,
        }
    }
}

impl Broker {
    /// A road to the broker; connects with the first bundle.
    ///
    /// # Errors
    /// [`Error::Setting`] for certificates and keys that cannot be used.
    pub fn new(client: OpenCti, settings: BrokerSettings) -> Result<Self, Error> {
        let tls = if settings.connection.use_ssl {
            Some(settings.tls.connector()?)
        } else {
            None
        };
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                settings,
                tls,
                session: tokio::sync::Mutex::new(None),
                progress: Mutex::default(),
                buffering: AtomicBool::new(false),
            }),
            draft: None,
        })
    }

    /// Whether the broker takes nothing at the moment.
    pub fn buffering(&self) -> bool {
        self.shared.buffering.load(Ordering::Relaxed)
    }

    /// What the bundle in hand was announced for and did not certainly go.
    pub fn left_behind(&self, work: &str) -> LeftBehind {
        self.shared.progress().left_behind(work)
    }

    /// Logs in and looks whether the exchange is there; publishes nothing. The
    /// next bundle takes the same connection.
    pub(super) async fn try_out(&self) -> Result<String, Error> {
        let shared = &self.shared;
        let mut slot = shared.session.lock().await;
        if !slot.as_ref().is_some_and(Session::alive) {
            *slot = Some(shared.connect().await.map_err(Halt::into_error)?);
        }
        let broker = &shared.settings.connection;
        Ok(format!(
            "the broker at {} lets user `{}` in and has exchange `{}`",
            address(broker),
            broker.user,
            broker.exchange
        ))
    }

    /// Ends the connection; the next bundle makes a new one.
    pub async fn close(&self) {
        let session = self.shared.session.lock().await.take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// Publishes a bundle, object by object; back when all are confirmed.
    pub async fn send(&self, bundle: &str, work: Option<&str>) -> Result<Sent, Error> {
        let plan = Plan::new(bundle)?;
        let shared = &self.shared;
        let mut session = shared.session.lock().await;
        let of = fingerprint(bundle, work, self.draft.as_deref());
        shared.progress().begin(of, work, plan.pieces.len());
        let envelope = Envelope {
            applicant: shared.settings.applicant.as_deref(),
            work,
            draft: self.draft.as_deref(),
        };
        let result = shared.deliver(&plan, envelope, &mut session).await;
        shared.buffering.store(false, Ordering::Relaxed);
        result?;
        shared.progress().done();
        Ok(Sent {
            objects: plan.pieces.len(),
            bundles: plan.pieces.len(),
            counted: Some(plan.pieces.len()),
            left: Vec::new(),
        })
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock()
    }

    /// Rounds until everything is confirmed or patience ends.
    async fn deliver(
        &self,
        plan: &Plan<'_>,
        envelope: Envelope<'_>,
        session: &mut Option<Session>,
    ) -> Result<(), Error> {
        let clock = self.client.clock();
        let mut tried = 0;
        let mut last = clock.elapsed();
        let mut left = self.progress().open().count();
        loop {
            let halt = match self.round(plan, envelope, session).await {
                Ok(()) => return Ok(()),
                Err(halt) => halt,
            };
            let error = match halt {
                Halt::Failed(error) => return Err(error),
                Halt::Refused(error) => error,
                Halt::Lost(error) => {
                    *session = None;
                    error
                }
            };
            let open = self.progress().open().count();
            if open < left {
                // Something went through: patience begins anew.
                left = open;
                last = clock.elapsed();
                tried = 0;
            }
            tried += 1;
            let wait = AGAIN.pause(tried);
            if clock.elapsed().saturating_sub(last) + wait > self.settings.patience {
                return Err(error);
            }
            self.buffering.store(true, Ordering::Relaxed);
            tracing::warn!(
                amqp.open = open,
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "{open} messages wait for the broker: {error}"
            );
            clock.sleep(wait).await;
        }
    }

    /// Publishes what is open, over the connection there is or a new one.
    async fn round(
        &self,
        plan: &Plan<'_>,
        envelope: Envelope<'_>,
        slot: &mut Option<Session>,
    ) -> Result<(), Halt> {
        let session = match slot {
            Some(session) if session.alive() => session,
            _ => slot.insert(self.connect().await?),
        };
        // After the connection: a work is not told of what cannot be sent.
        self.announce(plan, envelope).await.map_err(Halt::Failed)?;
        let open: Vec<usize> = self.progress().open().collect();
        let mut flight = Flight::new(session.routed);
        for at in open {
            let body =
                message::message(plan, &plan.pieces[at], at + 1, envelope).map_err(Halt::Failed)?;
            self.progress().set(at, Fate::InDoubt);
            let published = self.patiently(session.publish(&self.settings.connection, &body));
            let confirm = published.await?.map_err(|e| self.lost(&e))?;
            flight.add(at, body.len(), confirm);
            while flight.full() {
                self.land(&mut flight).await?;
            }
            if flight.halt.is_some() {
                break;
            }
        }
        while !flight.waiting.is_empty() {
            self.land(&mut flight).await?;
        }
        session.routed = flight.routed;
        flight.halt.map_or(Ok(()), Err)
    }

    async fn connect(&self) -> Result<Session, Halt> {
        let settings = &self.settings;
        let clock = self.client.clock();
        Session::open(
            &settings.connection,
            self.tls.as_ref(),
            &settings.name,
            clock,
        )
        .await
        .map_err(|error| match error.remedy() {
            Remedy::Retry => Halt::Lost(error),
            _ => Halt::Failed(error),
        })
    }

    async fn announce(&self, plan: &Plan<'_>, envelope: Envelope<'_>) -> Result<(), Error> {
        let Some(work) = envelope.work else {
            return Ok(());
        };
        if self.progress().is_announced() {
            return Ok(());
        }
        let known = self.progress().expected_by(work);
        let before = match known {
            Some(before) => before,
            None => self.client.work_progress(work).await?.expected,
        };
        // Noted before it is said: this may be dropped in the middle.
        let heard = self.progress().saying(work, before);
        let expected = before + plan.pieces.len() as u64;
        self.client
            .announce(work, (before, expected), heard)
            .await?;
        self.progress().said(work, expected);
        Ok(())
    }

    /// Waits for the oldest answer and notes it.
    async fn land(&self, flight: &mut Flight) -> Result<(), Halt> {
        let Some((at, bytes, confirm)) = flight.waiting.pop_front() else {
            return Ok(());
        };
        flight.bytes -= bytes;
        let answer = self.patiently(confirm).await?;
        match answer.map_err(|error| self.lost(&error))? {
            Confirmation::Ack(None) => {
                self.progress().set(at, Fate::Confirmed);
                self.buffering.store(false, Ordering::Relaxed);
                flight.routed |= flight.halt.is_none();
            }
            Confirmation::Ack(Some(_)) => {
                self.progress().set(at, Fate::Unsent);
                let broker = &self.settings.connection;
                flight.routed = false;
                flight.halt = Some(Halt::Failed(Error::BrokerNoQueue {
                    address: address(broker),
                    exchange: broker.exchange.clone(),
                    routing: broker.routing.clone(),
                }));
            }
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                self.progress().set(at, Fate::Unsent);
                let refused = || Halt::Refused(self.holds("it refuses them (nack)"));
                flight.halt.get_or_insert_with(refused);
            }
        }
        Ok(())
    }

    /// Waits, and says so when it takes long: a broker short of memory or disk
    /// reads no more and does not tell.
    async fn patiently<T>(&self, future: impl Future<Output = T>) -> Result<T, Halt> {
        let clock = self.client.clock();
        let begun = clock.elapsed();
        tokio::pin!(future);
        loop {
            tokio::select! {
                biased;
                done = &mut future => return Ok(done),
                () = clock.sleep(STALL) => {}
            }
            self.buffering.store(true, Ordering::Relaxed);
            if clock.elapsed().saturating_sub(begun) >= self.settings.patience {
                let what = "it does not answer (a memory or disk alarm?)";
                return Err(Halt::Lost(self.holds(what)));
            }
        }
    }

    fn holds(&self, what: &str) -> Error {
        Error::BrokerHolds {
            address: address(&self.settings.connection),
            what: what.to_owned(),
        }
    }

    fn lost(&self, error: &lapin::Error) -> Halt {
        let error = judge(&self.settings.connection, error);
        match error.remedy() {
            Remedy::Retry => Halt::Lost(error),
            _ => Halt::Failed(error),
        }
    }
}

/// What is published and not yet answered.
struct Flight {
    waiting: VecDeque<(usize, usize, PublisherConfirm)>,
    bytes: usize,
    /// A queue has taken a message. Until then each goes alone: where no queue
    /// is, only one has to come back.
    routed: bool,
    halt: Option<Halt>,
}

impl Flight {
    fn new(routed: bool) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            routed,
            halt: None,
        }
    }

    fn add(&mut self, at: usize, bytes: usize, confirm: PublisherConfirm) {
        self.bytes += bytes;
        self.waiting.push_back((at, bytes, confirm));
    }

    fn full(&self) -> bool {
        let most = if self.routed { WINDOW } else { 1 };
        self.waiting.len() >= most || (self.bytes > WINDOW_BYTES && !self.waiting.is_empty())
    }
}

fn fingerprint(bundle: &str, work: Option<&str>, draft: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (bundle, work, draft).hash(&mut hasher);
    hasher.finish()
}
