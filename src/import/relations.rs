//! Related files that need a call: asked for only where a descriptor says that
//! there are some (or nothing is told), several at once under the pace.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use tracing::warn;

use super::numbers::Numbers;
use crate::convert::page::Related;
use crate::quota::{Cost, Guard, Pause, Stop};
use crate::virustotal::objects::File;
use crate::virustotal::relations::{self, Embedded, gather};
use crate::virustotal::{Error, Remedy};

/// Calls under way at once; the pace decides how fast they start.
const AT_ONCE: usize = 4;

/// A relationship whose targets are files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Dropped,
    Similar,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Dropped, Self::Similar];

    /// VirusTotal's name.
    fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped_files",
            Self::Similar => "similar_files",
        }
    }
}

/// Asks for related files during one run.
pub(super) struct Relations<'a> {
    guard: &'a Guard,
    wanted: Vec<Kind>,
    /// Of a file, for each relationship.
    most: u32,
    network: bool,
}

/// Why the related files of a batch are not all there.
pub(super) enum Halt {
    /// The quota; the files before this place in the batch are whole.
    Paused(Pause, usize),
    /// An error that ends the run.
    Failed(Error),
}

impl<'a> Relations<'a> {
    pub(super) fn new(guard: &'a Guard, relationships: &[String], most: u32) -> Self {
        let asked = |name: &str| relationships.iter().any(|wanted| wanted == name);
        Self {
            guard,
            wanted: Kind::ALL
                .into_iter()
                .filter(|kind| asked(kind.name()))
                .collect(),
            most,
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
        let (guard, most) = (self.guard, self.most);
        let mut answers = stream::iter(calls)
            .map(|(at, kind, file)| async move { (at, kind, ask(guard, kind, file, most).await) })
            .buffered(AT_ONCE);
        let mut off = BTreeSet::new();
        let mut halt = None;
        while let Some((at, kind, answer)) = answers.next().await {
            let into = &mut related[at];
            match kind {
                Kind::Dropped => into.dropped = answer.files,
                Kind::Similar => into.similar = answer.files,
            }
            numbers.left_out.add_many(
                crate::convert::left_out::LeftOut::RelatedUnreadable,
                answer.odd.iter().filter(|odd| odd.lost).count(),
            );
            if answer.more {
                numbers.notes.insert(format!(
                    "{}: more than VTREPORTER_MAX_RELATED_PER_FILE ({most}) for some files",
                    kind.name()
                ));
            }
            match answer.failed {
                None => {}
                Some(Stop::Paused(pause)) => {
                    halt = Some(Halt::Paused(pause, at));
                    break;
                }
                Some(Stop::Failed(error)) => match error.remedy() {
                    Remedy::Fix => {
                        halt = Some(Halt::Failed(error));
                        break;
                    }
                    Remedy::Disable => {
                        off.insert(kind);
                        if numbers.notes.insert(format!("{}: {error}", kind.name())) {
                            warn!(
                                vt.relationship = kind.name(),
                                "not asked for any more in this run: {error}"
                            );
                        }
                    }
                    // Gone between the page and the call: nothing is missing.
                    Remedy::Skip if matches!(error, Error::NotFound { .. }) => {}
                    _ => {
                        numbers.gap(format!(
                            "{} of some files are missing: {error}",
                            kind.name()
                        ));
                    }
                },
            }
        }
        drop(answers);
        self.wanted.retain(|kind| !off.contains(kind));
        (related, halt)
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
