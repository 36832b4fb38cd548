//! What needs a call for each file: related files, asked for only where a
//! descriptor says that there are some (or nothing is told), contacted addresses
//! where the page does not tell them, and techniques that sandboxes saw, where
//! they are wanted. Several at once under the pace.

mod calls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::warn;

pub(super) use self::calls::Calls;
use self::calls::Ground;

use crate::convert::converter::Related;
use crate::convert::left_out::LeftOut;
use crate::quota::{CallError, Cost, Guard, Pause};
use crate::report::totals::Totals;
use crate::virustotal::behaviour::Technique;
use crate::virustotal::objects::{Descriptor, File};
use crate::virustotal::relations::{self, Embedded, Listed, Objects, gather};
use crate::virustotal::{Error, Loss, Odd, Remedy, VirusTotal};

/// So many failures in a row, and a relationship is not asked for any more in
/// this run: each costs its time-outs, and the search itself still answers.
const MOST_IN_A_ROW: u32 = 8;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Dropped,
    Similar,
    ContactedIps,
    ContactedDomains,
    ContactedUrls,
    Techniques,
}

impl Kind {
    /// How many kinds there are.
    const COUNT: usize = 6;
    /// Relationships that a setting can ask for.
    const RELATIONSHIPS: [Self; 5] = [
        Self::Dropped,
        Self::Similar,
        Self::ContactedIps,
        Self::ContactedDomains,
        Self::ContactedUrls,
    ];

    /// VirusTotal's name.
    fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped_files",
            Self::Similar => "similar_files",
            Self::ContactedIps => "contacted_ips",
            Self::ContactedDomains => "contacted_domains",
            Self::ContactedUrls => "contacted_urls",
            Self::Techniques => "behaviour_mitre_trees",
        }
    }

    /// Its objects come with the page, all there is to know of them.
    fn is_network(self) -> bool {
        relations::objects(self.name()) == Objects::Network
    }

    /// Whether it takes a call to have it of this file.
    fn needs_call(self, file: &File) -> bool {
        match relations::embedded(file, self.name()) {
            Embedded::None => false,
            Embedded::Some { .. } => !self.is_network(),
            Embedded::NotTold => true,
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

/// Asks for related objects during one run.
pub(super) struct Relations<'a> {
    guard: &'a Guard,
    wanted: Vec<Kind>,
    /// Of a file, for each relationship.
    most: u32,
    off: Arc<Off>,
    failures: Failures,
}

/// What went wrong so far.
#[derive(Default)]
struct Failures {
    warned: Off,
    /// In a row, by [`Kind`].
    in_a_row: [u32; Kind::COUNT],
}

/// What a call came to.
struct Answer {
    found: Found,
    odd: Vec<Odd>,
    /// There are more than the cap lets through.
    more: bool,
    failed: Option<CallError>,
}

enum Found {
    Files(Vec<File>),
    Network(Vec<Descriptor>),
    Techniques(Vec<Technique>),
}

/// What a call came to that the numbers tell; it counts only if its file does.
enum Told {
    Odd(Vec<Odd>),
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
        let asked = |kind: &Kind| relationships.iter().any(|wanted| wanted == kind.name());
        Self {
            guard,
            wanted: Kind::RELATIONSHIPS
                .into_iter()
                .filter(asked)
                .chain(techniques.then_some(Kind::Techniques))
                .collect(),
            most,
            off: Arc::default(),
            failures: Failures::default(),
        }
    }

    /// How many calls files need, one for each relationship that takes one;
    /// those with more objects than an answer holds need more.
    pub(super) fn needed<'f>(&self, files: impl Iterator<Item = (&'f File, bool)>) -> u64 {
        let asked = files.filter(|(_, with)| *with);
        let calls = asked.map(|(file, _)| {
            let kinds = self.wanted.iter();
            kinds.filter(|kind| kind.needs_call(file)).count() as u64
        });
        calls.sum()
    }

    /// Plans the calls that files need; `with` says whose relationships are
    /// asked for. They begin when the first of their answers is wanted.
    ///
    /// Contacted addresses should have come with the page: a call for each is
    /// made up for that only where the quota has room for all calls planned
    /// here. It must not pause a run that would have gone on without.
    pub(super) fn plan<'f>(
        &self,
        files: impl Iterator<Item = (&'f File, bool)>,
        numbers: &mut Totals,
    ) -> Calls<'f>
    where
        'a: 'f,
    {
        let mut needed: Vec<(usize, Kind, &File)> = files
            .enumerate()
            .filter(|(_, (_, with))| *with)
            .flat_map(|(at, (file, _))| self.wanted.iter().map(move |&kind| (at, kind, file)))
            .filter(|(_, kind, file)| kind.needs_call(file))
            .collect();
        let network = needed.iter().filter(|(_, kind, _)| kind.is_network());
        let mut untold: Vec<usize> = network.map(|&(at, ..)| at).collect();
        untold.dedup();
        if !untold.is_empty() {
            let left = self.guard.calls_left(Cost::Request);
            if left.is_none_or(|left| left >= needed.len() as u64) {
                untold.clear();
                numbers.notes.insert(
                    "VirusTotal did not send all contacted addresses, domains and URLs with its \
                     pages: those were asked for by a call each"
                        .to_owned(),
                );
            } else {
                needed.retain(|(_, kind, _)| !kind.is_network());
            }
        }
        let ground = Ground {
            guard: self.guard,
            most: self.most,
            off: self.off.clone(),
        };
        Calls::new(needed, untold, ground)
    }

    /// What belongs to each of the next files that `calls` were planned for, in
    /// their order. What cannot be had is a gap in `numbers`.
    pub(super) async fn of(
        &mut self,
        files: &[(&File, bool)],
        calls: &mut Calls<'_>,
        numbers: &mut Totals,
    ) -> (Vec<Related>, Option<Halt>) {
        let mut related = self.nothing_yet(files);
        let mut told: Vec<(usize, Told)> = Vec::new();
        let gap = "contacted addresses, domains and URLs of some files are missing: they did not \
                   come with the page, and the quota has no room for a call for each";
        let untold = calls.untold(files.len());
        told.extend(untold.map(|at| (at, Told::Gap(gap.to_owned()))));
        let mut halt = None;
        while let Some((at, kind, answer)) = calls.next(files.len()).await {
            let Some(answer) = answer else {
                continue;
            };
            put(answer.found, kind, &mut related[at]);
            told.push((at, Told::Odd(answer.odd)));
            if answer.more {
                numbers.notes.insert(format!(
                    "{}: more than VTREPORTER_MAX_RELATED_PER_FILE ({}) for some files",
                    kind.name(),
                    self.most
                ));
            }
            let judged = self
                .failures
                .judge(kind, answer.failed, at, &self.off, numbers);
            match judged {
                Ok(gap) => told.extend(gap.map(|gap| (at, Told::Gap(gap)))),
                Err(ended) => {
                    halt = Some(ended);
                    break;
                }
            }
        }
        calls.pass(files.len());
        self.wanted.retain(|&kind| !self.off.has(kind));
        let whole = match &halt {
            None => usize::MAX,
            Some(Halt::Paused(_, at) | Halt::Failed(_, at)) => *at,
        };
        for (at, told) in told.into_iter().filter(|&(at, _)| at < whole) {
            tell(told, files[at].0.sha256(), numbers);
        }
        (related, halt)
    }

    fn nothing_yet(&self, files: &[(&File, bool)]) -> Vec<Related> {
        let network = self.wanted.iter().any(|kind| kind.is_network());
        let most = |with: bool| if with && network { self.most } else { 0 };
        files
            .iter()
            .map(|&(_, with)| Related {
                max_network: most(with) as usize,
                ..Related::default()
            })
            .collect()
    }
}

impl Failures {
    /// What a call's failure means: a gap, nothing, or the end of the batch.
    fn judge(
        &mut self,
        kind: Kind,
        failed: Option<CallError>,
        at: usize,
        off: &Off,
        numbers: &mut Totals,
    ) -> Result<Option<String>, Halt> {
        let in_a_row = &mut self.in_a_row[kind as usize];
        let error = match failed {
            // Gone between the page and the call: nothing is missing.
            None | Some(CallError::Failed(Error::NotFound { .. })) => {
                *in_a_row = 0;
                return Ok(None);
            }
            Some(CallError::Paused(pause)) => return Err(Halt::Paused(pause, at)),
            // Every other request would meet it too.
            Some(CallError::Failed(error @ Error::WrongKey { .. })) => {
                return Err(Halt::Failed(error, at));
            }
            Some(CallError::Failed(error)) => error,
        };
        let (name, why) = (kind.name(), reason(&error));
        if error.remedy() == Remedy::Disable {
            if self.warned.put(kind) {
                let note = format!("{name} are left out of this run: {why}");
                warn!(vt.relationship = name, "{note}");
                numbers.notes.insert(note);
            }
            return Ok(None);
        }
        *in_a_row += 1;
        if *in_a_row >= MOST_IN_A_ROW && off.put(kind) {
            let gap = format!(
                "{name} are missing from here on, {MOST_IN_A_ROW} calls in a row failed: {why}"
            );
            warn!(vt.relationship = name, "{gap}");
            return Ok(Some(gap));
        }
        Ok(Some(format!("{name} of some files are missing: {why}")))
    }
}

/// Without the one file that happened to be asked about, so that the same
/// refusal of many files is one line.
fn reason(error: &Error) -> String {
    match error {
        Error::NotLicensed { said, .. } => format!("the key has no right to them ({said})"),
        Error::BadRequest { said, .. } => {
            format!("VirusTotal does not accept the request ({said})")
        }
        other => other.to_string(),
    }
}

fn put(found: Found, kind: Kind, into: &mut Related) {
    match found {
        Found::Files(files) if kind == Kind::Dropped => into.dropped = files,
        Found::Files(files) => into.similar = files,
        Found::Techniques(techniques) => into.techniques = techniques,
        Found::Network(descriptors) => {
            into.network.insert(kind.name(), descriptors);
        }
    }
}

fn tell(told: Told, sha256: &str, numbers: &mut Totals) {
    let odd = match told {
        Told::Gap(gap) => return numbers.gap_of(gap, sha256),
        Told::Odd(odd) => odd,
    };
    for odd in odd {
        match odd.loss {
            Loss::NotThere => numbers.not_there.add(odd.id.as_deref()),
            Loss::Object => numbers.left_out.add(LeftOut::RelatedUnreadable),
            Loss::Attributes => {}
        }
    }
}

async fn ask(guard: &Guard, kind: Kind, file: &File, most: u32) -> Answer {
    let (id, name) = (file.sha256(), kind.name());
    match kind {
        Kind::Techniques => sandboxes(guard, id).await,
        kind if kind.is_network() => {
            let page = async |limit, cursor: Option<String>| {
                let call = async |client: VirusTotal| {
                    client.descriptors(id, name, limit, cursor.as_deref()).await
                };
                guard.call(Cost::Request, call).await
            };
            Answer::of(gather(most, page).await, Found::Network)
        }
        _ => {
            let page = async |limit, cursor: Option<String>| {
                let call = async |client: VirusTotal| {
                    client
                        .related_files(id, name, limit, cursor.as_deref())
                        .await
                };
                guard.call(Cost::Request, call).await.map(Listed::from)
            };
            Answer::of(gather(most, page).await, Found::Files)
        }
    }
}

impl Answer {
    fn of<T>(
        related: relations::Related<T, CallError>,
        found: impl FnOnce(Vec<T>) -> Found,
    ) -> Self {
        Self {
            found: found(related.found),
            odd: related.odd,
            more: related.more,
            failed: related.failed,
        }
    }
}

async fn sandboxes(guard: &Guard, sha256: &str) -> Answer {
    let call = async |client: VirusTotal| client.techniques(sha256).await;
    let (techniques, failed) = match guard.call(Cost::Request, call).await {
        Ok(techniques) => (techniques, None),
        Err(stop) => (Vec::new(), Some(stop)),
    };
    Answer {
        found: Found::Techniques(techniques),
        odd: Vec::new(),
        more: false,
        failed,
    }
}
