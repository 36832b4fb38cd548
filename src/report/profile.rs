//! What the files of a run look like: when they came, what they are, whom they
//! contact. Kept in memory that does not grow with the run.
//!
//! It counts what has gone out, each object once ([`Tally`](super::tally::Tally)
//! says when): files that the search found, and relationships to what they
//! contact.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::counts::Novelties;
use super::infrastructure::{ByWorst, Kind, Target};
use super::ranking::{Ranked, Ranking};
use super::timeline::Timeline;
use super::worst_files::WorstFiles;
use crate::convert::file_row::{FileRow, Text};
use crate::virustotal::facts::signs::Sign;

/// Rows of a ranking that are shown and saved. The saved state travels with
/// every ping.
const RANKED: usize = 40;

/// Rows of a ranking of signs, of which there are several kinds.
const SIGNS: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    timeline: Timeline,
    families: Ranking,
    kinds: Ranking,
    signs: BTreeMap<Sign, Ranking>,
    novelty: Novelties,
    related_novelty: Novelties,
    addresses: Contacted,
    domains: Contacted,
    urls: Contacted,
    worst: WorstFiles,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Contacted {
    top: Ranking,
    by_worst: ByWorst,
}

impl Profile {
    /// Sets the window, unless an earlier attempt has: what it counted stays.
    pub fn begin(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        if !self.timeline.is_set() {
            self.timeline = Timeline::new(from, to);
        }
    }

    /// A file that the search found.
    pub(crate) fn file(&mut self, row: &FileRow) {
        self.timeline.add(row.first);
        self.families.add(row.text(Text::Family));
        self.kinds.add(row.text(Text::Kind));
        for (sign, name) in &row.signs {
            self.signs.entry(*sign).or_default().add(name);
        }
        self.novelty.add(row.novelty);
        self.worst.offer(row);
    }

    /// A file that came only as related to another.
    pub(crate) fn related(&mut self, row: &FileRow) {
        self.related_novelty.add(row.novelty);
    }

    /// A file that came as related to another before the search found it.
    pub(crate) fn found_by_search(&mut self, row: &FileRow) {
        self.related_novelty.take_back(row.novelty);
        self.file(row);
    }

    /// A relationship from a file to what it contacts.
    pub(crate) fn contact(&mut self, target: &Target<'_>, file: &FileRow) {
        let contacted = match target.kind {
            Kind::Ipv4 | Kind::Ipv6 => &mut self.addresses,
            Kind::Domain => &mut self.domains,
            Kind::Url => &mut self.urls,
        };
        contacted.top.add(&target.value);
        contacted.by_worst.offer(&target.value, file);
    }

    /// Takes what the report tells, and what the state keeps, as it stands.
    pub fn summary(&self) -> Summary {
        let signs = self.signs.iter();
        Summary {
            timeline: self.timeline.clone(),
            families: self.families.ranked(RANKED),
            kinds: self.kinds.ranked(RANKED),
            signs: signs
                .map(|(sign, top)| (*sign, top.ranked(SIGNS)))
                .collect(),
            novelty: self.novelty,
            related_novelty: self.related_novelty,
            addresses: self.addresses.top.ranked(RANKED),
            domains: self.domains.top.ranked(RANKED),
            urls: self.urls.top.ranked(RANKED),
            addresses_of_worst: self.addresses.by_worst.clone(),
            domains_of_worst: self.domains.by_worst.clone(),
            urls_of_worst: self.urls.by_worst.clone(),
            worst: self.worst.clone(),
        }
    }
}

/// A profile as the report tells it, and as the state keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Files found by the search, by first submission.
    pub timeline: Timeline,
    /// Files found by the search, by family; the empty name where
    /// engines agree on none.
    pub families: Ranked,
    /// Files found by the search, by file type.
    pub kinds: Ranked,
    /// Files found by the search, by what they can be told again by.
    pub signs: BTreeMap<Sign, Ranked>,
    /// Files found by the search, new or known.
    pub novelty: Novelties,
    /// Files that came only as related to those, new or known.
    pub related_novelty: Novelties,
    /// Files that contact an IP address.
    pub addresses: Ranked,
    /// Files that contact a domain.
    pub domains: Ranked,
    /// Files that contact a URL.
    pub urls: Ranked,
    /// Addresses that the worst files contact.
    pub addresses_of_worst: ByWorst,
    /// Domains that the worst files contact.
    pub domains_of_worst: ByWorst,
    /// URLs that the worst files contact.
    pub urls_of_worst: ByWorst,
    /// The worst files found by the search.
    pub worst: WorstFiles,
}

impl Contacted {
    fn of(ranked: &Ranked, by_worst: &ByWorst) -> Self {
        Self {
            top: Ranking::from(ranked),
            by_worst: by_worst.clone(),
        }
    }
}

/// Goes on from a saved summary.
impl From<&Summary> for Profile {
    fn from(saved: &Summary) -> Self {
        let signs = saved.signs.iter();
        Self {
            timeline: saved.timeline.clone(),
            families: Ranking::from(&saved.families),
            kinds: Ranking::from(&saved.kinds),
            signs: signs
                .map(|(sign, ranked)| (*sign, Ranking::from(ranked)))
                .collect(),
            novelty: saved.novelty,
            related_novelty: saved.related_novelty,
            addresses: Contacted::of(&saved.addresses, &saved.addresses_of_worst),
            domains: Contacted::of(&saved.domains, &saved.domains_of_worst),
            urls: Contacted::of(&saved.urls, &saved.urls_of_worst),
            worst: saved.worst.clone(),
        }
    }
}

/// The report before: what a new one is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Previous {
    /// First submission at or after.
    pub from: DateTime<Utc>,
    /// First submission before.
    pub to: DateTime<Utc>,
    pub matched: u64,
    pub counts: Counts,
    pub families: Ranked,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// They may be more.
    pub requests_at_least: bool,
    /// Something was lost: the run was not whole.
    pub gaps: bool,
}
