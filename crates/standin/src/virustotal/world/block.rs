//! Files that follow from a seed and a number, and nothing else.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::dice::{Dice, mix, scramble, unscramble};
use super::json::push_hex;
use super::words::{ELSEWHERE, ENGINES, FAMILIES, FOLDERS, HOSTILE, KINDS, Kind, STEMS};

/// What a throw decides; one row of throws each, so that a new fact does not
/// change the others.
pub(crate) mod aspect {
    pub(crate) const NUMBERS: u64 = 1;
    pub(crate) const NAMES: u64 = 2;
    pub(crate) const TIME: u64 = 3;
    pub(crate) const COUNTRY: u64 = 4;
    pub(crate) const TEXTS: u64 = 5;
    pub(crate) const RELATED: u64 = 6;
    pub(crate) const NETWORK: u64 = 7;
    pub(crate) const SIGNS: u64 = 8;
}

/// Many files in the space of one: a seed and how many.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) seed: u64,
    pub(crate) count: u32,
    pub(crate) countries: Vec<String>,
    from: i64,
    span: i64,
}

/// Where a file of a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shelf {
    /// A search finds it.
    Main,
    /// Only relationships lead to it.
    Related,
    /// Relationships lead to it, and it is not there.
    Missing,
}

/// A file of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Code {
    pub(crate) shelf: Shelf,
    pub(crate) number: u32,
}

/// `threat_severity` as it stands in the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    High,
    Medium,
    Low,
    None,
    Unknown,
    Missing,
    Null,
}

impl Severity {
    /// `SEVERITY_HIGH`; none for [`Severity::Missing`] and [`Severity::Null`].
    pub(crate) fn level(self) -> Option<&'static str> {
        Some(match self {
            Self::High => "SEVERITY_HIGH",
            Self::Medium => "SEVERITY_MEDIUM",
            Self::Low => "SEVERITY_LOW",
            Self::None => "SEVERITY_NONE",
            Self::Unknown => "SEVERITY_UNKNOWN",
            Self::Missing | Self::Null => return None,
        })
    }

    fn thrown(dice: &mut Dice, shelf: Shelf) -> Self {
        let (high, medium, low, none, unknown, missing) = match shelf {
            Shelf::Main => (8, 25, 60, 85, 90, 96),
            Shelf::Related | Shelf::Missing => (30, 60, 80, 90, 93, 97),
        };
        match dice.below(100) {
            x if x < high => Self::High,
            x if x < medium => Self::Medium,
            x if x < low => Self::Low,
            x if x < none => Self::None,
            x if x < unknown => Self::Unknown,
            x if x < missing => Self::Missing,
            _ => Self::Null,
        }
    }

    fn detections(self) -> (u64, u64) {
        match self {
            Self::High => (28, 66),
            Self::Medium => (10, 48),
            Self::Low => (1, 12),
            Self::None => (0, 3),
            Self::Unknown | Self::Missing | Self::Null => (0, 9),
        }
    }
}

/// The plain facts of a file. Times are Unix seconds, sizes bytes.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) kind: &'static Kind,
    /// Family and category.
    pub(crate) family: Option<(&'static str, &'static str)>,
    pub(crate) severity: Severity,
    pub(crate) malicious: u32,
    pub(crate) suspicious: u32,
    pub(crate) unsupported: u32,
    pub(crate) size: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) analysed: i64,
    pub(crate) submissions: u32,
    pub(crate) sources: u32,
    pub(crate) reputation: i32,
}

impl Facts {
    /// Engines that found nothing.
    pub(crate) fn undetected(&self) -> u32 {
        ENGINES.saturating_sub(self.malicious + self.suspicious + self.unsupported)
    }
}

impl Block {
    pub(crate) fn new(
        seed: u64,
        count: u32,
        countries: &[&str],
        window: Range<DateTime<Utc>>,
    ) -> Self {
        let from = window.start.timestamp();
        Self {
            seed: mix(seed),
            count,
            countries: countries.iter().map(|cc| cc.to_ascii_uppercase()).collect(),
            from,
            span: (window.end.timestamp() - from).max(1),
        }
    }

    /// How many files only relationships lead to.
    pub(crate) fn related_count(&self) -> u32 {
        self.count.saturating_mul(2).max(400)
    }

    /// What a file's throws start from.
    pub(crate) fn key(&self, code: Code) -> u64 {
        mix(self.seed ^ number_of(code))
    }

    pub(crate) fn sha256(&self, code: Code) -> String {
        self.hash(code, 4, 64)
    }

    pub(crate) fn sha1(&self, code: Code) -> String {
        self.hash(code, 3, 40)
    }

    pub(crate) fn md5(&self, code: Code) -> String {
        self.hash(code, 2, 32)
    }

    fn hash(&self, code: Code, words: u64, digits: usize) -> String {
        let front = scramble(self.seed ^ words, number_of(code));
        let mut text = String::with_capacity(64);
        push_hex(&mut text, front);
        for word in 1..words {
            push_hex(&mut text, mix(front ^ mix(self.seed ^ word)));
        }
        text.truncate(digits);
        text
    }

    /// The file that has this SHA-256, SHA-1 or MD5, in lower case.
    pub(crate) fn find(&self, hash: &str) -> Option<Code> {
        let words = match hash.len() {
            64 => 4,
            40 => 3,
            32 => 2,
            _ => return None,
        };
        let front = u64::from_str_radix(hash.get(..16)?, 16).ok()?;
        let code = self.code(unscramble(self.seed ^ words, front))?;
        (self.hash(code, words, hash.len()) == hash).then_some(code)
    }

    fn code(&self, number: u64) -> Option<Code> {
        let (shelf, end) = match number >> 32 {
            0 => (Shelf::Main, self.count),
            1 => (Shelf::Related, self.related_count()),
            _ => return None,
        };
        let number = number as u32;
        (number < end).then_some(Code { shelf, number })
    }

    pub(crate) fn facts(&self, code: Code) -> Facts {
        let mut dice = Dice::new(self.key(code), aspect::NUMBERS);
        let kind = &KINDS[(dice.below(10).min(dice.below(12))) as usize];
        let severity = Severity::thrown(&mut dice, code.shelf);
        let (least, most) = severity.detections();
        let malicious = dice.between(least, most) as u32;
        let family = (malicious > 6 && dice.chance(4, 5)).then(|| dice.one(FAMILIES));
        let suspicious = if dice.chance(1, 12) { 1 } else { 0 };
        let unsupported = dice.between(0, 5) as u32;
        // One in a few hundred is above what 32 bits hold.
        let size = match dice.below(400) {
            0 => 2_147_483_648 + dice.below(1 << 33),
            x if x < 40 => dice.between(1, 900),
            x if x < 300 => dice.between(900, 900_000),
            _ => dice.between(900_000, 40_000_000),
        };
        let submissions = 1 + if dice.chance(1, 3) { dice.below(14) } else { 0 };
        let sources = 1 + dice.below(submissions);
        let first = self.first(code);
        let last = first
            + if submissions > 1 {
                dice.below(40_000)
            } else {
                0
            } as i64;
        Facts {
            kind,
            family,
            severity,
            malicious,
            suspicious,
            unsupported,
            size,
            first,
            last,
            analysed: last + dice.below(300) as i64,
            submissions: submissions as u32,
            sources: sources as u32,
            reputation: if malicious > 20 {
                -(dice.below(90) as i32)
            } else {
                0
            },
        }
    }

    /// First submission. Over the main files it grows with the number, and now
    /// and then three in a row share one second.
    pub(crate) fn first(&self, code: Code) -> i64 {
        let mut dice = Dice::new(self.key(code), aspect::TIME);
        if code.shelf != Shelf::Main {
            return self.from - dice.between(3600, 90 * 86_400) as i64;
        }
        let slot = |number: i64| self.from + self.span * number / i64::from(self.count).max(1);
        let number = i64::from(code.number);
        if matches!(code.number % 50, 1 | 2) {
            return slot(number - number % 50);
        }
        let jitter = if code.number.is_multiple_of(50) {
            0
        } else {
            dice.below((slot(number + 1) - slot(number)).max(1) as u64)
        };
        slot(number) + jitter as i64
    }

    /// Countries that submitted it, the first submission's first.
    pub(crate) fn submitters(&self, code: Code) -> impl Iterator<Item = &str> + use<'_> {
        let mut dice = Dice::new(self.key(code), aspect::COUNTRY);
        let own = (code.shelf == Shelf::Main && !self.countries.is_empty())
            .then(|| self.countries[dice.below(self.countries.len() as u64) as usize].as_str());
        let other = dice.chance(1, 4).then(|| dice.one(ELSEWHERE));
        let both = if dice.chance(1, 2) {
            [own, other]
        } else {
            [other, own]
        };
        both.into_iter().flatten()
    }

    /// All names, VirusTotal's pick first.
    pub(crate) fn names(&self, code: Code) -> Vec<String> {
        let mut dice = Dice::new(self.key(code), aspect::NAMES);
        let extension = self.facts(code).kind.extension;
        let count = match dice.below(2000) {
            0 => 300,
            x if x < 60 => 0,
            x if x < 1500 => 1,
            x => 1 + x % 4,
        };
        (0..count)
            .map(|nth| name(&mut dice, nth, extension))
            .collect()
    }

    pub(crate) fn tags(&self, code: Code) -> Vec<&'static str> {
        let mut dice = Dice::new(self.key(code), aspect::TEXTS);
        let kind = self.facts(code).kind;
        let count = dice.between(1, kind.tags.len() as u64) as usize;
        kind.tags.iter().copied().take(count).collect()
    }
}

fn name(dice: &mut Dice, nth: u64, extension: &str) -> String {
    if dice.chance(1, 25) {
        return dice.one(HOSTILE).to_owned();
    }
    let stem = dice.one(STEMS);
    let number = dice.below(90_000);
    let folder = if nth > 0 && dice.chance(1, 2) {
        dice.one(FOLDERS)
    } else {
        ""
    };
    format!("{folder}{stem}_{number}.{extension}")
}

fn number_of(code: Code) -> u64 {
    let shelf = match code.shelf {
        Shelf::Main => 0,
        Shelf::Related => 1,
        Shelf::Missing => 2,
    };
    (shelf << 32) | u64::from(code.number)
}
