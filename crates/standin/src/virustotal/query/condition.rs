//! One modifier with its value.

use chrono::{NaiveDate, NaiveDateTime};

use crate::virustotal::refusal::Refusal;

/// A number or time that a file can be ordered or selected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    FirstSubmission,
    LastSubmission,
    LastAnalysis,
    Positives,
    Size,
    Submissions,
    Sources,
    Reputation,
}

/// What a modifier demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `entity:file`: always so here.
    File,
    /// From and up to and with.
    Within(Field, i64, i64),
    /// Someone in the country submitted it.
    Submitter(String),
    /// The first one who submitted it was in the country.
    FirstSubmitter(String),
    /// One of its type tags.
    Type(String),
    /// One of its tags.
    Tag(String),
    /// Part of one of its names.
    Name(String),
    /// The file of a hash.
    Hash(String),
}

const DAY: i64 = 86_400;

impl Condition {
    /// The same, but for "from this time on", which begins a second later.
    pub(crate) fn excluding_edge(self) -> Self {
        use Field::{FirstSubmission, LastAnalysis, LastSubmission};
        match self {
            Self::Within(
                field @ (FirstSubmission | LastAnalysis | LastSubmission),
                from,
                i64::MAX,
            ) => Self::Within(field, from.saturating_add(1), i64::MAX),
            other => other,
        }
    }

    /// Reads `name:value`. `now` is what relative dates count from.
    pub(crate) fn read(name: &str, value: &str, now: i64) -> Result<Self, Refusal> {
        if value.is_empty() {
            return Err(Refusal::bad_argument(format!("Modifier {name} is empty")));
        }
        let text = value.to_lowercase();
        Ok(match name {
            "entity" if text == "file" => Self::File,
            "entity" => {
                return Err(Refusal::bad_argument(format!("Invalid entity \"{value}\"")));
            }
            "fs" => time(Field::FirstSubmission, value, now)?,
            "ls" => time(Field::LastSubmission, value, now)?,
            "la" => time(Field::LastAnalysis, value, now)?,
            "p" | "positives" => amount(Field::Positives, value)?,
            "size" => amount(Field::Size, value)?,
            "s" | "submissions" => amount(Field::Submissions, value)?,
            "us" | "sources" => amount(Field::Sources, value)?,
            "reputation" => amount(Field::Reputation, value)?,
            "submitter" => Self::Submitter(country(value)?),
            "first_submitter" => Self::FirstSubmitter(country(value)?),
            "type" => Self::Type(text),
            "tag" => Self::Tag(text),
            "name" => Self::Name(text),
            _ => {
                return Err(Refusal::bad_argument(format!(
                    "Invalid search modifier \"{name}\""
                )));
            }
        })
    }
}

fn country(value: &str) -> Result<String, Refusal> {
    let two = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic());
    two.then(|| value.to_ascii_uppercase())
        .ok_or_else(|| Refusal::bad_argument(format!("Invalid country \"{value}\"")))
}

/// The sign at the end of a value.
#[derive(Clone, Copy)]
enum Sign {
    AtLeast,
    Below,
    Exactly,
}

fn signed(value: &str) -> (&str, Sign) {
    if let Some(bare) = value.strip_suffix('+') {
        (bare, Sign::AtLeast)
    } else if let Some(bare) = value.strip_suffix('-') {
        (bare, Sign::Below)
    } else {
        (value, Sign::Exactly)
    }
}

fn amount(field: Field, value: &str) -> Result<Condition, Refusal> {
    let (bare, sign) = signed(value);
    let (digits, unit) = if field == Field::Size {
        bytes(bare)
    } else {
        (bare, 1)
    };
    let number: i64 = digits
        .parse()
        .ok()
        .and_then(|number: i64| number.checked_mul(unit))
        .ok_or_else(|| Refusal::bad_argument(format!("Invalid number \"{value}\"")))?;
    Ok(within(field, sign, number, number))
}

/// Splits `120KB` into its digits and the bytes of its unit.
fn bytes(value: &str) -> (&str, i64) {
    let upper = value.as_bytes();
    let ends = |unit: &str| {
        upper
            .len()
            .checked_sub(unit.len())
            .filter(|&at| upper[at..].eq_ignore_ascii_case(unit.as_bytes()))
    };
    for (unit, bytes) in [("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30)] {
        if let Some(at) = ends(unit) {
            return (&value[..at], bytes);
        }
    }
    (value, 1)
}

fn time(field: Field, value: &str, now: i64) -> Result<Condition, Refusal> {
    let (bare, sign) = signed(value);
    let (first, last) = moment(bare, now)
        .ok_or_else(|| Refusal::bad_argument(format!("Invalid date \"{value}\"")))?;
    Ok(within(field, sign, first, last))
}

/// First and last second of what a date says: `2026-11-01` is a day,
/// `2026-11-01T08:00:00` a second, `3d` the second three days ago.
fn moment(text: &str, now: i64) -> Option<(i64, i64)> {
    if let Some(days) = text.strip_suffix('d') {
        let ago = days.parse::<u32>().ok()?;
        let then = now - i64::from(ago) * DAY;
        return Some((then, then));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        let start = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
        return Some((start, start + DAY - 1));
    }
    let second = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok()?;
    // The reader takes fewer digits than VirusTotal's form has.
    let second = (text.len() == 19).then(|| second.and_utc().timestamp())?;
    Some((second, second))
}

fn within(field: Field, sign: Sign, first: i64, last: i64) -> Condition {
    match sign {
        Sign::AtLeast => Condition::Within(field, first, i64::MAX),
        // Exclusive: `p:11-` is ten or fewer.
        Sign::Below => Condition::Within(field, i64::MIN, first.saturating_sub(1)),
        Sign::Exactly => Condition::Within(field, first, last),
    }
}
