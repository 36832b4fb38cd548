//! The report as one page for people: nothing to load, every text escaped.
//!
//! `View` holds what is shown, from [`ReportFacts`], for this page and for
//! the [content](super::content) alike; one template a section
//! (`templates/report/`). Charts are SVG, not coloured boxes: browsers print
//! them without being asked to.

use askama::Template;

use super::filter::Severity;
use super::report::{MAX_QUERY, Progress, ReportFacts, shown_lines};
use super::tally::Counts;
use super::text::clean;
use super::timeline::Timeline;
use super::told::{self, Bar, Comparison, Piece, SHOWN};
use super::top::Ranked;
use super::worst::Entry;

/// Characters of a URL or name in a ranking.
const MAX_SHOWN: usize = 160;

/// Bytes of a URL that has a link; longer ones would fill the page.
const MAX_LINKED: usize = 300;

/// Contacted hosts shown of each kind.
const CONTACTS: usize = 10;

/// Labels under the timeline.
const TICKS: usize = 6;

/// Writes the page; `marking` is the report's, `TLP:AMBER`. It fails only where
/// writing into memory does.
pub fn page(facts: &ReportFacts, marking: &str) -> Result<String, askama::Error> {
    Page {
        view: View::of(facts, marking, usize::MAX),
    }
    .render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    view: View<'a>,
}

/// What is shown, cleaned; the templates escape it.
pub(crate) struct View<'a> {
    pub(crate) facts: &'a ReportFacts,
    pub(crate) title: String,
    pub(crate) marking: &'a str,
    pub(crate) state: State,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) span: String,
    pub(crate) headlines: Vec<Vec<Piece>>,
    pub(crate) figures: Vec<Row>,
    pub(crate) levels: Vec<Level>,
    pub(crate) kept: String,
    pub(crate) related: String,
    pub(crate) time: Time,
    pub(crate) families: Chart,
    pub(crate) kinds: Chart,
    pub(crate) worst: Vec<Shown<'a>>,
    pub(crate) contacts: Vec<Contacts>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) objects: Vec<Row>,
    pub(crate) dropped: Vec<Row>,
    pub(crate) left_out: Vec<Row>,
    pub(crate) gaps: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) parts: Vec<Listed>,
    pub(crate) query: String,
    /// Empty where the query was cut.
    pub(crate) link: String,
}

impl<'a> View<'a> {
    /// `bars` is the most that the timeline may have.
    pub(crate) fn of(facts: &'a ReportFacts, marking: &'a str, bars: usize) -> Self {
        let counts = &facts.counts;
        let query = clean(&facts.query, MAX_QUERY).into_owned();
        let link = if query == facts.query {
            told::search_link(&query)
        } else {
            String::new()
        };
        let subject = &facts.subject;
        Self {
            title: format!(
                "Files submitted to VirusTotal from {}",
                subject.country_name
            ),
            marking,
            state: State::of(&facts.progress),
            from: told::seconds(subject.from),
            to: told::seconds(subject.to),
            span: told::span(subject.from, subject.to),
            headlines: told::headlines(facts),
            figures: figures(facts),
            levels: levels(counts),
            kept: told::count(counts.main.total()),
            related: told::count(counts.related.total()),
            time: Time::of(&facts.summary.timeline.coarser(bars)),
            families: Chart::of(&facts.summary.families, "no common name"),
            kinds: Chart::of(&facts.summary.kinds, "not told"),
            worst: facts
                .summary
                .worst
                .entries()
                .iter()
                .map(Shown::of)
                .collect(),
            contacts: contacts(facts),
            comparison: Comparison::of(facts),
            objects: rows(counts.rows().into_iter().filter(|(_, count)| *count > 0)),
            dropped: rows(facts.dropped.iter()),
            left_out: rows(facts.left_out.iter()),
            gaps: shown_lines(&facts.gaps),
            notes: shown_lines(&facts.notes),
            parts: listed(facts),
            facts,
            query,
            link,
        }
    }

    /// What the CSV's rows are called in the header of the page.
    pub(crate) fn matched(&self) -> String {
        told::count(self.facts.matched)
    }

    pub(crate) fn not_kept(&self) -> String {
        told::count(self.facts.dropped.total())
    }

    pub(crate) fn requests(&self) -> String {
        told::count(self.facts.requests)
    }
}

pub(crate) struct State {
    pub(crate) class: &'static str,
    pub(crate) word: &'static str,
    pub(crate) more: String,
}

impl State {
    fn of(progress: &Progress) -> Self {
        let (class, word, more) = match progress {
            Progress::Complete => ("state-complete", "Complete", String::new()),
            Progress::InProgress => ("state-open", "In progress", "More follows.".to_owned()),
            Progress::Paused { reason, resumes_at } => (
                "state-open",
                "Paused",
                format!(
                    "Goes on at {} UTC: {}",
                    told::seconds(*resumes_at),
                    clean(reason, 300)
                ),
            ),
            Progress::Stopped { reason } => {
                ("state-short", "Incomplete", clean(reason, 300).into_owned())
            }
        };
        Self { class, word, more }
    }
}

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) count: String,
}

fn rows<R: ToString>(rows: impl Iterator<Item = (R, u64)>) -> Vec<Row> {
    rows.map(|(name, count)| Row {
        name: name.to_string(),
        count: told::count(count),
    })
    .collect()
}

fn figures(facts: &ReportFacts) -> Vec<Row> {
    let counts = &facts.counts;
    let fifth = match counts.indicators {
        0 => ("relationships", counts.relationships()),
        indicators => ("indicators", indicators),
    };
    let figures = [
        ("files kept", counts.main.total()),
        ("of HIGH severity", counts.main.high),
        ("related files", counts.related.total()),
        ("addresses, domains, URLs", counts.network()),
        fifth,
    ];
    rows(figures.into_iter())
}

/// A line of the severity table.
pub(crate) struct Level {
    pub(crate) word: &'static str,
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) length: u64,
    pub(crate) related: String,
}

fn levels(counts: &Counts) -> Vec<Level> {
    let main = told::levels(&counts.main);
    let related = told::levels(&counts.related);
    let largest = main.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let total = counts.main.total();
    main.into_iter()
        .zip(related)
        .map(|((word, count), (_, related))| Level {
            word,
            count: told::count(count),
            share: told::share(count, total),
            length: told::length(count, largest),
            related: told::count(related),
        })
        .collect()
}

/// A ranking with its bars.
pub(crate) struct Chart {
    pub(crate) bars: Vec<Bar>,
    /// How many different ones; empty where it was too many to know.
    pub(crate) different: String,
}

impl Chart {
    fn of(ranked: &Ranked, untold: &str) -> Self {
        Self {
            bars: told::bars(ranked, SHOWN, untold),
            different: different(ranked),
        }
    }
}

/// The word for files without a name does not count.
fn different(ranked: &Ranked) -> String {
    let nameless = u64::from(ranked.get("").is_some());
    match ranked.different {
        Some(number) => told::count(number - nameless.min(number)),
        None => "too many to tell; ≥ is the least it can be".to_owned(),
    }
}

/// The timeline's bars.
pub(crate) struct Time {
    pub(crate) unit: String,
    pub(crate) bars: Vec<TimeBar>,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) peak: String,
    /// Width of the drawing: ten a bar.
    pub(crate) width: usize,
    /// Files that stand in no bar; empty for none.
    pub(crate) elsewhere: String,
}

pub(crate) struct TimeBar {
    /// `2026-11-19 13:00`.
    pub(crate) name: String,
    pub(crate) count: String,
    pub(crate) length: u64,
    /// Left edge.
    pub(crate) at: usize,
    /// Upper edge, thousandths.
    pub(crate) top: u64,
}

pub(crate) struct Tick {
    pub(crate) name: String,
    /// Percent from the left.
    pub(crate) at: String,
}

impl Time {
    /// One bar, or none that holds a file, says nothing.
    pub(crate) fn is_shown(&self) -> bool {
        self.bars.len() > 1 && self.peak != "0"
    }

    fn of(timeline: &Timeline) -> Self {
        let peak = timeline.peak().map_or(0, |peak| peak.count);
        let by_days = timeline.by_days();
        let form = if by_days {
            "%Y-%m-%d"
        } else {
            "%Y-%m-%d %H:%M"
        };
        let bars = timeline.bars().enumerate().map(|(at, bar)| {
            let length = told::length(bar.count, peak);
            TimeBar {
                name: bar.from.format(form).to_string(),
                count: told::count(bar.count),
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
            peak: told::count(peak),
            width: bars.len() * 10,
            elsewhere: match timeline.elsewhere() {
                0 => String::new(),
                number => told::count(number),
            },
            bars,
        }
    }
}

/// Contacted hosts of a kind.
pub(crate) struct Contacts {
    pub(crate) head: &'static str,
    pub(crate) rows: Vec<Contact>,
    pub(crate) different: String,
}

pub(crate) struct Contact {
    pub(crate) name: String,
    /// Empty for none.
    pub(crate) link: String,
    pub(crate) count: String,
}

fn contacts(facts: &ReportFacts) -> Vec<Contacts> {
    let summary = &facts.summary;
    let kinds = [
        ("Domains", &summary.domains, "domain"),
        ("IP addresses", &summary.addresses, "ip-address"),
        ("URLs", &summary.urls, "search"),
    ];
    kinds
        .into_iter()
        .filter(|(_, ranked, _)| !ranked.is_empty())
        .map(|(head, ranked, page)| Contacts {
            head,
            rows: ranked
                .rows
                .iter()
                .take(CONTACTS)
                .map(|(value, count)| Contact {
                    name: clean(value, MAX_SHOWN).into_owned(),
                    link: if value.len() <= MAX_LINKED {
                        told::network_link(page, value)
                    } else {
                        String::new()
                    },
                    count: if ranked.missed == 0 {
                        told::count(*count)
                    } else {
                        format!("≥ {}", told::count(*count))
                    },
                })
                .collect(),
            different: different(ranked),
        })
        .collect()
}

/// A part of the report.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) refs: String,
    pub(crate) files: String,
}

fn listed(facts: &ReportFacts) -> Vec<Listed> {
    if !facts.parts.is_split() {
        return Vec::new();
    }
    let parts = facts.parts.listed();
    parts
        .map(|part| Listed {
            name: facts.subject.part_name(part.number),
            refs: told::count(part.refs),
            files: told::count(part.files),
        })
        .collect()
}

/// One of the worst files as it is shown.
pub(crate) struct Shown<'a> {
    pub(crate) name: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) severity: &'static str,
    pub(crate) detections: String,
    /// Family and category, as far as they are told.
    pub(crate) known_as: String,
    pub(crate) kind: &'a str,
    pub(crate) first_submitted: &'a str,
}

impl<'a> Shown<'a> {
    fn of(entry: &'a Entry) -> Self {
        let names = [entry.family.as_str(), entry.category.as_str()];
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        Self {
            name: &entry.name,
            sha256: &entry.sha256,
            severity: entry.rated.map_or("unknown", Severity::word),
            detections: entry
                .detections
                .map_or("unknown".to_owned(), |(found, asked)| {
                    format!("{found}/{asked}")
                }),
            known_as: names.join(", "),
            kind: &entry.kind,
            first_submitted: &entry.first_submitted,
        }
    }
}
