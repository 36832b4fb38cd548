//! What needs a call for each file: related files, asked for only where a
//! descriptor says that there are some (or nothing is told), and techniques that
//! sandboxes saw, where they are wanted. Several at once under the pace.

use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::stream::{self, StreamExt};
use tracing::warn;

use super::numbers::Numbers;
use crate::convert::left_out::LeftOut;
use crate::convert::page::Related;
use crate::quota::{Cost, Guard, Pause, Stop};
use crate::virustotal::behaviour::Technique;
use crate::virustotal::objects::File;
use crate::virustotal::relations::{self, Embedded, gather};
use crate::virustotal::{Error, Remedy};

/// Calls under way at once; the pace decides how fast they start.
const AT_ONCE: usize = 4;

/// So many failures in a row, and a relationship is not asked for any more in
/// this run: each costs its time-outs, and the search itself still answers.
const MOST_IN_A_ROW: u32 = 8;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Dropped,
    Similar,
    Techniques,
}

impl Kind {
    /// How many kinds there are.
    const COUNT: usize = 3;
    /// Relationships whose targets are files.
    const FILES: [Self; 2] = [Self::Dropped, Self::Similar];

    /// VirusTotal's name.
    fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped_files",
            Self::Similar => "similar_files",
            Self::Techniques => "behaviour_mitre_trees",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Relationships that are not asked for any more; shared by the calls under way.
#[derive(Default)]
struct Off(AtomicU8);

impl Off {
    fn has(&self, kind: Kind) -> bool {
        self.0.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// Whether this is the first to say so.
    fn put(&self, kind: Kind) -> bool {
        self.0.fetch_or(kind.bit(), Ordering::Relaxed) & kind.bit() == 0
    }
}

/// Asks for related files during one run.
pub(super) struct Relations<'a> {
    guard: &'a Guard,
    wanted: Vec<Kind>,
    /// Of a file, for each relationship.
    most: u32,
    network: bool,
    off: Off,
    warned: Off,
    /// Failures in a row, by [`Kind`].
    failures: [u32; Kind::COUNT],
}

/// What a call came to that the numbers tell; it counts only if its file does.
enum Told {
    Unreadable(usize),
    Gap(String),
}

/// Why the related files of a batch are not all there.
pub(super) enum Halt {
    /// The quota; the files before this place in the batch are whole.
    Paused(Pause, usize),
    /// An error that ends the run; the files before this place are whole.
    Failed(Error, usize),
}

impl<'a> Relations<'a> {
    pub(super) fn new(
        guard: &'a Guard,
        relationships: &[String],
        techniques: bool,
        most: u32,
    ) -> Self {
        let asked = |name: &str| relationships.iter().any(|wanted| wanted == name);
        Self {
            guard,
            wanted: Kind::FILES
                .into_iter()
                .filter(|kind| asked(kind.name()))
                .chain(techniques.then_some(Kind::Techniques))
                .collect(),
            most,
            off: Off::default(),
            warned: Off::default(),
            failures: [0; Kind::COUNT],
            network: relationships
                .iter()
                .any(|name| relations::objects(name) == relations::Objects::Network),
        }
    }

    /// What belongs to each file of a batch, in its order; `with` says whose
    /// relationships are asked for. What cannot be had is a gap in `numbers`.
    pub(super) async fn of(
        &mut self,
        files: &[(&File, bool)],
        numbers: &mut Numbers,
    ) -> (Vec<Related>, Option<Halt>) {
        let mut related: Vec<Related> = files
            .iter()
            .map(|&(_, with)| Related {
                max_network: if with && self.network {
                    self.most as usize
                } else {
                    0
                },
                ..Related::default()
            })
            .collect();
        let calls: Vec<(usize, Kind, &File)> = files
            .iter()
            .enumerate()
            .filter(|(_, (_, with))| *with)
            .flat_map(|(at, &(file, _))| self.wanted.iter().map(move |&kind| (at, kind, file)))
            .filter(|(_, kind, file)| relations::embedded(file, kind.name()) != Embedded::None)
            .collect();
        let (guard, most, off) = (self.guard, self.most, &self.off);
        let mut answers = stream::iter(calls)
            .map(|(at, kind, file)| async move {
                if off.has(kind) {
                    return None;
                }
                let (answer, techniques) = match kind {
                    Kind::Techniques => sandboxes(guard, file).await,
                    _ => (ask(guard, kind, file, most).await, Vec::new()),
                };
                if let Some(Stop::Failed(error)) = &answer.failed
                    && error.remedy() == Remedy::Disable
                {
                    off.put(kind);
                }
                Some((at, kind, answer, techniques))
            })
            .buffered(AT_ONCE);
        let mut told = Vec::new();
        let mut halt = None;
        while let Some(answer) = answers.next().await {
            let Some((at, kind, answer, techniques)) = answer else {
                continue;
            };
            let into = &mut related[at];
            match kind {
                Kind::Dropped => into.dropped = answer.files,
                Kind::Similar => into.similar = answer.files,
                Kind::Techniques => into.techniques = techniques,
            }
            let unreadable = answer.odd.iter().filter(|odd| odd.lost).count();
            told.push((at, Told::Unreadable(unreadable)));
            if answer.more {
                numbers.notes.insert(format!(
                    "{}: more than VTREPORTER_MAX_RELATED_PER_FILE ({most}) for some files",
                    kind.name()
                ));
            }
            let failures = &mut self.failures[kind as usize];
            match answer.failed {
                None => *failures = 0,
                Some(Stop::Paused(pause)) => {
                    halt = Some(Halt::Paused(pause, at));
                    break;
                }
                // Every other request would meet it too.
                Some(Stop::Failed(error @ Error::WrongKey { .. })) => {
                    halt = Some(Halt::Failed(error, at));
                    break;
                }
                Some(Stop::Failed(error)) if error.remedy() == Remedy::Disable => {
                    let note = left_out_note(kind, &error);
                    if self.warned.put(kind) {
                        warn!(vt.relationship = kind.name(), "{note}");
                        numbers.notes.insert(note);
                    }
                }
                // Gone between the page and the call: nothing is missing.
                Some(Stop::Failed(Error::NotFound { .. })) => *failures = 0,
                Some(Stop::Failed(error)) => {
                    *failures += 1;
                    let mut gap = format!("{} of some files are missing: {error}", kind.name());
                    if *failures >= MOST_IN_A_ROW && off.put(kind) {
                        gap = format!(
                            "{} are missing from here on, {MOST_IN_A_ROW} calls in a row failed: {error}",
                            kind.name()
                        );
                        warn!(vt.relationship = kind.name(), "{gap}");
                    }
                    told.push((at, Told::Gap(gap)));
                }
            }
        }
        drop(answers);
        self.wanted.retain(|&kind| !self.off.has(kind));
        let whole = match &halt {
            None => usize::MAX,
            Some(Halt::Paused(_, at) | Halt::Failed(_, at)) => *at,
        };
        for (_, told) in told.into_iter().filter(|&(at, _)| at < whole) {
            match told {
                Told::Unreadable(count) => {
                    numbers.left_out.add_many(LeftOut::RelatedUnreadable, count)
                }
                Told::Gap(gap) => numbers.gap(gap),
            }
        }
        (related, halt)
    }
}

/// Without the one file that happened to be asked about.
fn left_out_note(kind: Kind, error: &Error) -> String {
    match error {
        Error::NotLicensed { said, .. } => format!(
            "{} are left out of this run: the key has no right to them ({said})",
            kind.name()
        ),
        other => format!("{} are left out of this run: {other}", kind.name()),
    }
}

async fn ask(guard: &Guard, kind: Kind, file: &File, most: u32) -> relations::Related<Stop> {
    gather(most, async |limit, cursor| {
        guard
            .call(Cost::Request, async |client| {
                client
                    .related_files(file.sha256(), kind.name(), limit, cursor.as_deref())
                    .await
            })
            .await
    })
    .await
}

/// Techniques in the place of files; what failed is told as for those.
async fn sandboxes(guard: &Guard, file: &File) -> (relations::Related<Stop>, Vec<Technique>) {
    let answer = guard
        .call(Cost::Request, async |client| {
            client.techniques(file.sha256()).await
        })
        .await;
    let (techniques, failed) = match answer {
        Ok(techniques) => (techniques, None),
        Err(stop) => (Vec::new(), Some(stop)),
    };
    let none = relations::Related {
        files: Vec::new(),
        odd: Vec::new(),
        more: false,
        failed,
    };
    (none, techniques)
}
