//! ONE RUN over one country's window: what is asked, kept, converted and
//! delivered, in the order in which it happens.
//!
//! ```text
//! quota guard ─ search page ─ filter ─ relations ─ convert ─ pack ─ deliver ─ state moves ─ next page
//!                                                                                └ last page: report complete
//! ```
//!
//! The next page is asked for while this one is worked on, and this one is
//! worked on while the one before it is delivered. Memory holds two pages and
//! what is made of a few batches, not the run. The state moves only past what the other
//! side has accepted, and every id is deterministic: repeating a page after a
//! crash changes nothing.

use std::fmt;

use tokio_util::sync::CancellationToken;

use crate::base::country::Country;
use crate::base::period::Period;
use crate::convert;
use crate::convert::converter::Converter;
use crate::convert::filter::Filter;
use crate::convert::subject::Subject;
use crate::opencti;
use crate::opencti::delivery::Left;
use crate::quota::{CallError, Guard, Pause};
use crate::report::tally::Tally;
use crate::stix::bundle::{Bundle, Limits};
use crate::virustotal;
use crate::virustotal::cursor::Loop;
use crate::virustotal::facts::Severity;
use crate::virustotal::search::{Search, Submitter, heavy_attributes};

pub mod open_work;
mod place;
pub mod reached;
mod relations;
mod run;
pub mod schedule;
mod session;
pub mod state;

use reached::Reached;
use schedule::{Start, Window};
use session::Session;
pub use state::Finished;
use state::Run;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Options {
    /// The look-back of the very first run.
    pub start: Start,
    /// How far a window reaches back into the one before.
    pub overlap: Period,
    /// At least so many detections.
    pub min_detections: u32,
    /// Conditions of the operator's own.
    pub extra_query: Option<String>,
    /// Whose submissions count.
    pub submitter: Submitter,
    /// What is kept.
    pub filter: Filter,
    /// Relationships to report, by VirusTotal's names; empty = none.
    pub relationships: Vec<String>,
    /// Files whose relationships are asked for have this severity or more.
    pub related_min_severity: Severity,
    /// Related objects of a file, for each relationship.
    pub max_related_per_file: u32,
    /// Kept files of a run; the rest is carried over. 0 = no cap.
    pub max_files: u32,
    /// A report for a window in which nothing was found.
    pub empty_report: bool,
    /// Of a bundle.
    pub limits: Limits,
    /// What the objects say.
    pub convert: convert::Options,
}

impl Options {
    /// The search over a window.
    pub fn search(&self, country: Country, window: Window) -> Search {
        Search {
            country: country.code.to_owned(),
            submitter: self.submitter,
            from: window.from,
            to: window.to,
            min_detections: self.min_detections,
            extra: self.extra_query.clone(),
            relationships: self.relationships.clone(),
            exclude_attributes: heavy_attributes(self.convert.objects.heavy()),
        }
    }
}

/// Where bundles go: the platform, or a folder.
#[expect(
    async_fn_in_trait,
    reason = "used in this crate only, always awaited where it is called"
)]
pub trait Sink {
    /// Hands over a bundle; comes back when the other side has it, with what it
    /// had no room for.
    async fn deliver(&mut self, bundle: &Bundle) -> Result<Vec<Left>, SinkError>;

    /// The run has moved past what was delivered: remember it.
    async fn advanced(&mut self, run: &Run);

    /// The run is so far, delivered or not: for whoever looks on. Nothing is
    /// remembered of it.
    fn reached(&self, _: Reached) {}
}

/// Why a bundle was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// By the platform.
    #[error(transparent)]
    Platform(#[from] opencti::Error),
    /// By the folder.
    #[error("{path} cannot be written: {error}")]
    Folder {
        /// Which file or folder.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

/// Why a run ended before its end. What was delivered stays, and the run's
/// place is kept.
#[derive(Debug)]
pub enum Stopped {
    /// A quota would pass its stop percentage.
    Paused(Pause),
    /// What this run may spend of the quota is spent: other countries wait for
    /// the rest of it.
    Share(u64),
    /// VirusTotal did not answer as needed.
    VirusTotal(virustotal::Error),
    /// Its pages do not end.
    Endless(Loop),
    /// The bundle was not taken.
    Sink(SinkError),
    /// The process was asked to stop.
    Asked,
}

impl Stopped {
    /// Whether the operator has to change something.
    pub fn needs_other_settings(&self) -> bool {
        match self {
            Self::Paused(_) | Self::Share(_) | Self::Endless(_) | Self::Asked => false,
            Self::VirusTotal(error) => error.remedy() == virustotal::Remedy::Fix,
            // The settings were good enough to register; what a road lacks may
            // be mended on its other side.
            Self::Sink(SinkError::Platform(_)) => false,
            Self::Sink(SinkError::Folder { .. }) => true,
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused(pause) => pause.fmt(f),
            Self::Share(share) => write!(
                f,
                "its share of what is left of VirusTotal's quota is spent ({share} requests): \
                 the other countries go first, then it goes on"
            ),
            Self::VirusTotal(error) => error.fmt(f),
            Self::Endless(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
            Self::Asked => f.write_str("the connector was asked to stop"),
        }
    }
}

impl From<CallError> for Stopped {
    fn from(stop: CallError) -> Self {
        match stop {
            CallError::Paused(pause) => Self::Paused(pause),
            CallError::Failed(error) => Self::VirusTotal(error),
        }
    }
}

impl From<SinkError> for Stopped {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

/// One country's import.
pub struct Import<'a> {
    /// VirusTotal, behind its quota guard.
    pub guard: &'a Guard,
    /// What to do.
    pub options: &'a Options,
    /// Whose files.
    pub country: Country,
    /// Requests that this attempt may spend, where others wait for theirs.
    /// Looked at between batches of files: it may be passed by one batch.
    pub share: Option<u64>,
    /// Asks it to end: nothing new is begun, and what is being delivered goes to
    /// its end, for nobody can take it back.
    pub stop: &'a CancellationToken,
}

impl Import<'_> {
    /// Goes from the run's place to its end.
    ///
    /// `run` is moved on as deliveries are accepted, so that it can be taken
    /// up again whatever happens, a dropped future included. `tally` is the
    /// run's own, kept in memory from one attempt to the next.
    pub async fn run<S: Sink>(
        &self,
        run: &mut Run,
        tally: &mut Tally,
        sink: &mut S,
    ) -> Result<Finished, Stopped> {
        if let Some(finished) = &run.finished {
            return Ok(finished.clone());
        }
        let converter = Converter::new(&self.options.convert, self.subject(run));
        let mut session = Session::new(self, &converter, run, tally, sink);
        let ended = session.pages().await;
        match &ended {
            Ok(finished) => session.complete(finished).await?,
            // A stop has no time for another version of the report.
            Err(Stopped::Asked) => {}
            Err(stopped) => session.interrupted(stopped).await,
        }
        ended
    }

    fn subject(&self, run: &Run) -> Subject {
        Subject {
            country_code: self.country.code.to_owned(),
            country_name: self.country.name.to_owned(),
            from: run.window.from,
            to: run.window.to,
        }
    }
}
