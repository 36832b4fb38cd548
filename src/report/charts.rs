//! Rankings, the timeline and contacted hosts as the page and the content show
//! them.

use super::bars::{self, Bar, SHOWN};
use super::defang::{self, defang};
use super::facts::ReportFacts;
use super::infrastructure::ByWorst;
use super::ranking::Ranked;
use super::timeline::Timeline;
use crate::base::number::{grouped, share};
use crate::base::text::clean;
use crate::virustotal::facts::signs::Sign;
use crate::virustotal::gui::GuiPage;

/// Characters of a URL or name in a ranking.
const MAX_SHOWN: usize = 160;

/// Bytes of a URL that has a link; longer ones would fill the page.
const MAX_LINKED: usize = 300;

/// Contacted hosts shown of each kind.
const CONTACTS: usize = 10;

/// Labels under the timeline.
const TICKS: usize = 6;

pub(crate) struct Chart {
    pub(crate) bars: Vec<Bar>,
    /// How many different ones; empty where it was too many to know.
    pub(crate) different: String,
}

impl Chart {
    pub(crate) fn of(ranked: &Ranked, untold: &str) -> Self {
        Self {
            bars: bars::bars(ranked, SHOWN, untold),
            different: different(ranked),
        }
    }
}

/// How many different names there are. That of the files without one is none.
fn different(ranked: &Ranked) -> String {
    let nameless = u64::from(ranked.get("").is_some());
    match ranked.different {
        Some(number) => grouped(number - nameless.min(number)),
        None => "too many to tell; ≥ is the least it can be".to_owned(),
    }
}

pub(crate) struct Time {
    pub(crate) unit: String,
    pub(crate) bars: Vec<TimeBar>,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) peak: String,
    /// The drawing's width: ten for each bar.
    pub(crate) width: usize,
    /// Files that stand in no bar; empty for none.
    pub(crate) elsewhere: String,
}

pub(crate) struct TimeBar {
    /// When it begins, `2026-11-19 13:00`.
    pub(crate) name: String,
    pub(crate) count: String,
    pub(crate) length: u64,
    /// Its left edge, in the drawing's own unit.
    pub(crate) at: usize,
    /// Its upper edge, in thousandths of the height.
    pub(crate) top: u64,
}

pub(crate) struct Tick {
    pub(crate) name: String,
    /// Percent from the left.
    pub(crate) at: String,
}

impl Time {
    /// Whether it says anything: one bar alone does not, nor do empty ones.
    pub(crate) fn is_shown(&self) -> bool {
        self.bars.len() > 1 && self.peak != "0"
    }

    pub(crate) fn of(timeline: &Timeline) -> Self {
        let peak = timeline.peak().map_or(0, |peak| peak.count);
        let by_days = timeline.by_days();
        let form = if by_days {
            "%Y-%m-%d"
        } else {
            "%Y-%m-%d %H:%M"
        };
        let bars = timeline.bars().enumerate().map(|(at, bar)| {
            let length = bars::length(bar.count, peak);
            TimeBar {
                name: bar.from.format(form).to_string(),
                count: grouped(bar.count),
                length,
                at: at * 10 + 1,
                top: 1000 - length,
            }
        });
        let bars: Vec<TimeBar> = bars.collect();
        let form = if by_days { "%-d %b" } else { "%-d %b %H:%M" };
        let step = bars.len().div_ceil(TICKS).max(1);
        let number = bars.len().max(1) as f64;
        let ticks = timeline.bars().enumerate().step_by(step);
        let ticks = ticks.map(|(at, bar)| Tick {
            name: bar.from.format(form).to_string(),
            at: format!("{:.1}", at as f64 * 100.0 / number),
        });
        Self {
            unit: timeline.unit(),
            ticks: ticks.collect(),
            peak: grouped(peak),
            width: bars.len() * 10,
            elsewhere: match timeline.elsewhere() {
                0 => String::new(),
                number => grouped(number),
            },
            bars,
        }
    }
}

/// Signs of a kind, those of most files first.
pub(crate) struct Signs {
    pub(crate) head: &'static str,
    /// What they are, in half a sentence.
    pub(crate) small: &'static str,
    pub(crate) rows: Vec<Bar>,
    pub(crate) different: String,
    /// How many more there are than rows; empty for none.
    pub(crate) more: String,
}

pub(crate) fn signs(facts: &ReportFacts) -> Vec<Signs> {
    let all = Sign::ALL.into_iter();
    all.filter_map(|sign| {
        let ranked = facts.summary.signs.get(&sign)?;
        (!ranked.is_empty()).then(|| Signs::of(sign, ranked, facts.counts.main.total()))
    })
    .collect()
}

impl Signs {
    fn of(sign: Sign, ranked: &Ranked, files: u64) -> Self {
        let (head, small) = heading(sign);
        let largest = ranked.rows.first().map_or(0, |(_, count)| *count);
        let shown = ranked.rows.iter().take(SHOWN);
        let rows: Vec<Bar> = shown
            .map(|(name, count)| Bar {
                name: defang::sign(sign, name),
                ours: false,
                count: at_least(*count, ranked),
                share: share(*count, files),
                // Where everything counts one, bars say nothing.
                length: if largest > 1 {
                    bars::length(*count, largest)
                } else {
                    0
                },
            })
            .collect();
        let more = ranked
            .different
            .unwrap_or(0)
            .saturating_sub(rows.len() as u64);
        Self {
            head,
            small,
            rows,
            different: different(ranked),
            more: if more > 0 {
                grouped(more)
            } else {
                String::new()
            },
        }
    }
}

fn heading(sign: Sign) -> (&'static str, &'static str) {
    match sign {
        Sign::Config => (
            "Extracted configurations",
            "where malware is told to call, by its own configuration",
        ),
        Sign::Cve => ("Vulnerabilities", "that tags name"),
        Sign::Yara => ("YARA rules", "crowdsourced, that matched most files"),
        Sign::Sigma => ("Sigma rules", "that matched most files in a sandbox"),
        Sign::Ids => (
            "Network rules",
            "crowdsourced, that matched most files' traffic",
        ),
        Sign::Signer => ("Signers", "of signatures that are good"),
        Sign::Unverified => ("Claimed signers", "of signatures that are not good"),
    }
}

pub(crate) struct Contacts {
    pub(crate) head: &'static str,
    pub(crate) rows: Vec<Contact>,
    pub(crate) different: String,
    /// Each is contacted by one file: the rows say which files are worst.
    pub(crate) by_worst: bool,
    /// How many more one file each contacts; empty for none.
    pub(crate) once: String,
}

pub(crate) struct Contact {
    pub(crate) name: String,
    /// VirusTotal's page; empty where the value is too long for a link.
    pub(crate) link: String,
    pub(crate) count: String,
}

pub(crate) fn contacts(facts: &ReportFacts) -> Vec<Contacts> {
    let summary = &facts.summary;
    let kinds = [
        (
            "Domains",
            &summary.domains,
            &summary.domains_of_worst,
            GuiPage::Domain,
        ),
        (
            "IP addresses",
            &summary.addresses,
            &summary.addresses_of_worst,
            GuiPage::IpAddress,
        ),
        (
            "URLs",
            &summary.urls,
            &summary.urls_of_worst,
            GuiPage::Search,
        ),
    ];
    let kinds = kinds
        .into_iter()
        .filter(|(_, ranked, ..)| !ranked.is_empty());
    kinds
        .map(|(head, ranked, by_worst, page)| contacted(head, ranked, by_worst, page))
        .collect()
}

fn contacted(head: &'static str, ranked: &Ranked, by_worst: &ByWorst, page: GuiPage) -> Contacts {
    let several = ranked.rows.iter().filter(|(_, count)| *count > 1);
    let mut rows: Vec<Contact> = several
        .take(CONTACTS)
        .map(|(value, count)| Contact::of(value, page, at_least(*count, ranked)))
        .collect();
    // Where everything counts one, there is no most.
    let all_ones = rows.is_empty();
    if all_ones {
        let worst = by_worst.entries().iter();
        rows.extend(worst.map(|it| Contact::of(&it.value, page, detections(it.detections))));
    }
    let once = ranked.rows.iter().filter(|(_, count)| *count == 1).count() as u64;
    let once = match ranked.different {
        // The rows that are kept do not show all that count one.
        Some(all) if ranked.rows.last().is_some_and(|(_, count)| *count == 1) => {
            let several = ranked.rows.len() as u64 - once;
            grouped(all - several.min(all))
        }
        _ => String::new(),
    };
    Contacts {
        head,
        rows,
        different: different(ranked),
        by_worst: all_ones,
        once,
    }
}

impl Contact {
    fn of(value: &str, page: GuiPage, count: String) -> Self {
        Self {
            name: clean(&defang(value), MAX_SHOWN).into_owned(),
            link: if value.len() <= MAX_LINKED {
                page.of_text(value)
            } else {
                String::new()
            },
            count,
        }
    }
}

/// Engines that detect a file, of those that gave a verdict.
pub(crate) fn detections(detections: Option<(u64, u64)>) -> String {
    match detections {
        Some((found, asked)) => format!("{found}/{asked}"),
        None => "unknown".to_owned(),
    }
}

/// `12`, or `≥ 12` where too many came to count each.
fn at_least(count: u64, ranked: &Ranked) -> String {
    if ranked.missed == 0 {
        grouped(count)
    } else {
        format!("≥ {}", grouped(count))
    }
}
