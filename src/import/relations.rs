//! What needs a call for each file: related files, asked for only where a
//! descriptor says that there are some (or nothing is told), and techniques that
//! sandboxes saw, where they are wanted. Several at once under the pace.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use tracing::warn;

use super::numbers::Numbers;
use crate::convert::page::Related;
use crate::quota::{Cost, Guard, Pause, Stop};
use crate::virustotal::behaviour::Technique;
use crate::virustotal::objects::File;
use crate::virustotal::relations::{self, Embedded, gather};
use crate::virustotal::{Error, Remedy};

/// Calls under way at once; the pace decides how fast they start.
const AT_ONCE: usize = 4;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Dropped,
    Similar,
    Techniques,
}

impl Kind {
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
            .map(|(at, kind, file)| async move {
                let (answer, techniques) = match kind {
                    Kind::Techniques => sandboxes(guard, file).await,
                    _ => (ask(guard, kind, file, most).await, Vec::new()),
                };
                (at, kind, answer, techniques)
            })
            .buffered(AT_ONCE);
        let mut off = BTreeSet::new();
        let mut halt = None;
        while let Some((at, kind, answer, techniques)) = answers.next().await {
            let into = &mut related[at];
            match kind {
                Kind::Dropped => into.dropped = answer.files,
                Kind::Similar => into.similar = answer.files,
                Kind::Techniques => into.techniques = techniques,
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
                        // Several were under way; one of them speaks for all.
                        if off.insert(kind) {
                            let note = format!("{}: {error}", kind.name());
                            numbers.notes.insert(note);
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
