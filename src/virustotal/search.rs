//! Intelligence search: the query's text, and its parameters. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};

use super::relations::is_premium;

/// Whose submissions count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitter {
    /// `submitter:CC`: someone in the country submitted it, at any time.
    Any,
    /// `first_submitter:CC`: its first submission came from the country.
    First,
}

/// A search for a country's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Whose submissions count.
    pub submitter: Submitter,
    /// First submission at or after, to the second.
    pub from: DateTime<Utc>,
    /// First submission before, to the second.
    pub to: DateTime<Utc>,
    /// At least so many detections; 0 leaves the condition out.
    pub min_detections: u32,
    /// Conditions of the operator's own, put behind ours as they are.
    pub extra: Option<String>,
    /// Relationships whose descriptors come with each file.
    pub relationships: Vec<String>,
    /// Attributes to leave out of the answer.
    pub exclude_attributes: Vec<String>,
}

/// Files a page: the most VirusTotal gives, and a page costs the same whatever
/// its size.
pub const PAGE: u32 = 300;

/// Oldest first submission first, so that a run that stopped goes on from the
/// last date it has seen.
pub const ORDER: &str = "first_submission_date+";

/// Attributes that are heavy and not read here: most of an object's bytes.
/// `exiftool` stays, because the MIME type is in it.
pub const HEAVY: [&str; 11] = [
    "androguard",
    "available_tools",
    "bundle_info",
    "crowdsourced_ai_results",
    "detectiteasy",
    "filecondis",
    "last_analysis_results",
    "main_icon",
    "pe_info",
    "powershell_info",
    "trid",
];

/// [`HEAVY`] in the form that [`Search`] wants, without those that are wanted.
pub fn heavy_attributes(wanted: &[&str]) -> Vec<String> {
    let heavy = HEAVY.iter().filter(|name| !wanted.contains(name));
    heavy.map(|name| (*name).to_owned()).collect()
}

/// The query's text, `entity:file submitter:AU fs:2026-11-19T00:00:00+
/// fs:2026-11-20T00:00:00- p:1+ EXTRA`. Times are UTC.
pub fn query_text(search: &Search) -> String {
    use std::fmt::Write;

    let submitter = match search.submitter {
        Submitter::Any => "submitter",
        Submitter::First => "first_submitter",
    };
    let mut query = format!(
        "entity:file {submitter}:{} fs:{}+ fs:{}-",
        search.country,
        moment(search.from),
        moment(search.to)
    );
    if search.min_detections > 0 {
        // Writing to a `String` cannot fail.
        let _ = write!(query, " p:{}+", search.min_detections);
    }
    match search.extra.as_deref().map(str::trim) {
        None | Some("") => {}
        // A bare OR would undo the conditions before it.
        Some(extra) if has_or(extra) => {
            let _ = write!(query, " ({extra})");
        }
        Some(extra) => {
            let _ = write!(query, " {extra}");
        }
    }
    query
}

/// Whether an OR stands in it, which needs no space beside a bracket. One in
/// small letters may be one too.
fn has_or(extra: &str) -> bool {
    let mut words = extra.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    words.any(|word| word.eq_ignore_ascii_case("or"))
}

/// What keeps conditions of the operator's own from standing by themselves: put
/// into brackets, they would undo the conditions before them.
pub fn unbalanced(extra: &str) -> Option<&'static str> {
    let mut open = 0_u32;
    let mut quoted = false;
    for c in extra.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => open += 1,
            ')' if !quoted => match open.checked_sub(1) {
                Some(left) => open = left,
                None => return Some("closes a bracket that it does not open"),
            },
            _ => {}
        }
    }
    if quoted {
        Some("has a quote that is not closed")
    } else if open > 0 {
        Some("has a bracket that is not closed")
    } else {
        None
    }
}

/// To the second, without a zone: VirusTotal reads times as UTC.
fn moment(time: DateTime<Utc>) -> String {
    let mut text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    text.truncate(text.trim_end_matches('Z').len());
    text
}

/// What a search does without, because VirusTotal has refused it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Without {
    /// Whole parameters.
    pub(crate) parameters: BTreeSet<&'static str>,
    /// Of `relationships`, the names that need a premium licence.
    pub(crate) premium: bool,
}

impl Without {
    pub(crate) fn these(parameters: &[&'static str]) -> Self {
        Self {
            parameters: parameters.iter().copied().collect(),
            premium: false,
        }
    }

    pub(crate) fn premium() -> Self {
        Self {
            premium: true,
            ..Self::default()
        }
    }

    /// Without either's.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.parameters.extend(&other.parameters);
        self.premium |= other.premium;
        self
    }

    /// What it is, in words.
    pub(crate) fn names(&self) -> Vec<String> {
        let parameters = self.parameters.iter().map(|&name| name.to_owned());
        let premium = self.premium.then(|| "premium relationships".to_owned());
        parameters.chain(premium).collect()
    }
}

/// The parameters of a search, in the order they are sent.
pub(crate) fn parameters(
    search: &Search,
    cursor: Option<&str>,
    without: &Without,
) -> Vec<(&'static str, String)> {
    let names = search.relationships.iter().map(String::as_str);
    let names: Vec<&str> = names
        .filter(|name| !(without.premium && is_premium(name)))
        .collect();
    let mut parameters = vec![
        ("query", query_text(search)),
        ("limit", PAGE.to_string()),
        ("order", ORDER.to_owned()),
        ("relationships", names.join(",")),
        ("exclude_attributes", search.exclude_attributes.join(",")),
        ("cursor", cursor.unwrap_or_default().to_owned()),
    ];
    parameters.retain(|(name, value)| !value.is_empty() && !without.parameters.contains(name));
    parameters
}

/// Parameters that are documented nowhere for a search, though VirusTotal's own
/// examples use them.
pub(crate) const UNDOCUMENTED: [&str; 2] = ["relationships", "exclude_attributes"];

/// Which of the parameters that we can do without a refusal names.
pub(crate) fn named(message: &str) -> Vec<&'static str> {
    let message = message.to_ascii_lowercase();
    let words: Vec<&str> = message
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let has = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let mut named = Vec::new();
    if has(&["relationships", "relationship"]) {
        named.push("relationships");
    }
    if has(&["exclude_attributes", "attributes", "exclude"]) {
        named.push("exclude_attributes");
    }
    if has(&["order"]) {
        named.push("order");
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Search {
        Search {
            country: "AU".to_owned(),
            submitter: Submitter::Any,
            from: "2026-11-19T00:00:00Z".parse().unwrap(),
            to: "2026-11-20T07:08:09.999Z".parse().unwrap(),
            min_detections: 1,
            extra: None,
            relationships: Vec::new(),
            exclude_attributes: Vec::new(),
        }
    }

    #[test]
    fn the_query_says_country_window_and_detections() {
        let base = "entity:file submitter:AU fs:2026-11-19T00:00:00+ fs:2026-11-20T07:08:09-";
        assert_eq!(query_text(&search()), format!("{base} p:1+"));
        for (extra, expected) in [
            (" type:peexe ", " type:peexe"),
            ("  ", ""),
            ("tag:a OR tag:b", " (tag:a OR tag:b)"),
            (
                "(tag:a OR tag:b) NOT tag:c",
                " ((tag:a OR tag:b) NOT tag:c)",
            ),
            ("tag:a OR(tag:b)", " (tag:a OR(tag:b))"),
            ("(tag:a)OR tag:b", " ((tag:a)OR tag:b)"),
            ("tag:a or tag:b", " (tag:a or tag:b)"),
            ("size:1KB+", " size:1KB+"),
        ] {
            let with = Search {
                extra: Some(extra.to_owned()),
                min_detections: 0,
                ..search()
            };
            assert_eq!(query_text(&with), format!("{base}{expected}"));
        }
        let first = Search {
            submitter: Submitter::First,
            min_detections: 12,
            ..search()
        };
        assert!(query_text(&first).starts_with("entity:file first_submitter:AU fs:"));
        assert!(query_text(&first).ends_with(" p:12+"));
    }

    #[test]
    fn empty_and_refused_parameters_are_not_sent() {
        let names = |search: &Search, cursor, without: &[&'static str]| -> Vec<&str> {
            let list = parameters(search, cursor, &Without::these(without));
            list.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&search(), None, &[]), ["query", "limit", "order"]);
        let full = Search {
            relationships: vec!["contacted_ips".to_owned(), "dropped_files".to_owned()],
            exclude_attributes: heavy_attributes(&[]),
            ..search()
        };
        assert_eq!(
            names(&full, Some("c"), &["exclude_attributes"]),
            ["query", "limit", "order", "relationships", "cursor"]
        );
        assert!(
            parameters(&full, None, &Without::default())
                .contains(&("relationships", "contacted_ips,dropped_files".to_owned()))
        );
        let premium = Search {
            relationships: vec!["similar_files".to_owned(), "dropped_files".to_owned()],
            ..search()
        };
        assert!(
            parameters(&premium, None, &Without::premium())
                .contains(&("relationships", "dropped_files".to_owned()))
        );
    }

    #[test]
    fn a_refusal_names_the_parameter_it_is_about() {
        assert_eq!(
            named("Unknown parameter 'relationships'"),
            ["relationships"]
        );
        assert_eq!(
            named("exclude_attributes is not allowed here"),
            ["exclude_attributes"]
        );
        assert_eq!(named("Invalid ORDER field"), ["order"]);
        assert!(named("reordered bordering: invalid cursor").is_empty());
    }
}
