//! The log's last line of a run: its level says how it ended, its fields hold
//! the numbers that the sentence tells.

use chrono::{DateTime, Utc};
use tracing::{error, info, warn};

use crate::base::country::Country;
use crate::import::state::Run;
use crate::import::{Finished, Stopped};

/// How a run ended, as far as an operator has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Done,
    /// Something could not be had.
    Gaps,
    /// It goes on later; nobody has to do anything.
    Paused,
    /// The process was asked to stop.
    Stopped,
    Failed,
}

impl Ending {
    fn of(run: &Run, ended: &Result<Finished, Stopped>) -> Self {
        match ended {
            Ok(_) if run.numbers.gaps.is_empty() => Self::Done,
            Ok(_) => Self::Gaps,
            Err(Stopped::Paused(_) | Stopped::Share(_)) => Self::Paused,
            Err(_) => Self::Failed,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Gaps => "done with gaps",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Logs how a run ended. `next`: when it goes on, or the next one starts.
pub(super) fn log(
    country: Country,
    run: &Run,
    ended: &Result<Finished, Stopped>,
    next: Option<DateTime<Utc>>,
    text: &str,
) {
    line(country, run, Ending::of(run, ended), next, text);
}

/// Logs that the process ends before the run does.
pub(super) fn log_stopped(country: Country, run: &Run, text: &str) {
    line(country, run, Ending::Stopped, None, text);
}

fn line(country: Country, run: &Run, ending: Ending, next: Option<DateTime<Utc>>, text: &str) {
    let numbers = &run.numbers;
    // The level of a line is fixed where it stands, so the line is written thrice.
    macro_rules! line {
        ($level:ident) => {
            $level!(
                country = country.code,
                run.ended = ending.word(),
                run.from = %run.window.from,
                run.to = %run.window.to,
                run.next = next.map(|next| next.to_rfc3339()),
                run.gaps = numbers.lost(),
                vt.files_matched = numbers.matched,
                vt.files_kept = numbers.counts.main.total(),
                vt.files_dropped = numbers.dropped.total(),
                vt.requests = numbers.requests,
                stix.objects = numbers.counts.objects(),
                "{text}"
            )
        };
    }
    match ending {
        Ending::Done => line!(info),
        Ending::Gaps | Ending::Paused | Ending::Stopped => line!(warn),
        Ending::Failed => line!(error),
    }
}
