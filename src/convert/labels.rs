//! Labels: trimmed, unique without regard to case, of a bearable length.

use std::borrow::Cow;

use super::left_out::{LeftOut, Reasons};
use crate::base::text::{clean, says_nothing};
use crate::virustotal::facts::{self, Rated, Severity};
use crate::virustotal::objects::FileAttributes;

/// Characters of a label.
const MAX_LENGTH: usize = 100;

/// What becomes of VirusTotal's words on their way to labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Take over `tags`.
    pub tags: bool,
    /// Take over the names of YARA and Sigma rules that matched.
    pub rule_names: bool,
    /// How VirusTotal's values are written.
    pub style: Style,
    /// Put before each of VirusTotal's.
    pub prefix: String,
    /// Of VirusTotal's only these, told as VirusTotal writes them; empty = all.
    pub allow: Vec<Glob>,
    /// Of VirusTotal's none of these.
    pub deny: Vec<Glob>,
    /// Labels of an object, the operator's own among them.
    pub most: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            tags: true,
            rule_names: true,
            style: Style::default(),
            prefix: String::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            most: 20,
        }
    }
}

impl Rules {
    fn let_through(&self, label: &str) -> bool {
        if self.allow.is_empty() && self.deny.is_empty() {
            return true;
        }
        let label = label.to_lowercase();
        let named = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(&label));
        (self.allow.is_empty() || named(&self.allow)) && !named(&self.deny)
    }
}

/// How VirusTotal's values are written in labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As they are: `SEVERITY_HIGH`.
    #[default]
    VirusTotal,
    /// In plain words: `high severity`.
    Plain,
}

impl Style {
    fn severity(self, severity: Severity) -> Cow<'static, str> {
        match (self, severity) {
            (Self::VirusTotal, _) => severity.label().into(),
            (Self::Plain, Severity::None) => "severity not rated".into(),
            (Self::Plain, _) => format!("{} severity", severity.words()).into(),
        }
    }
}

/// A label, or several by `*`, which stands for any characters or none. Case
/// does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<str>);

impl Glob {
    /// Every text is one.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_lowercase().into())
    }

    fn with_country(&self, name: &str) -> Self {
        Self(self.0.replace(COUNTRY, &name.to_lowercase()).into())
    }

    /// Whether a label in lower case is meant.
    fn matches(&self, label: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return *self.0 == *label;
        };
        let Some(mut label) = label.strip_prefix(first) else {
            return false;
        };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return label.ends_with(part);
            }
            match label.find(part) {
                Some(at) => label = &label[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

/// What stands for the country's name in the operator's texts, in any case.
const COUNTRY: &str = "{country}";

/// A text with the country's name in it; `None` where it wants one and there is
/// none.
fn with_country(text: &str, name: Option<&str>) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Lower case of ASCII keeps every place.
    while let Some(at) = rest.to_ascii_lowercase().find(COUNTRY) {
        out.push_str(&rest[..at]);
        out.push_str(name?);
        rest = &rest[at + COUNTRY.len()..];
    }
    out.push_str(rest);
    Some(out)
}

/// The operator's labels with the country's name in them, tidied once. Without
/// a name those that want one are left out.
pub fn named(labels: &[String], country: Option<&str>) -> Vec<String> {
    let labels = labels.iter();
    tidy(
        &labels
            .filter_map(|label| with_country(label, country))
            .collect::<Vec<_>>(),
    )
}

/// How one run labels.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    /// Files that the search found.
    pub(crate) found: Side,
    /// What came only with those: nobody in the country need have submitted it,
    /// so no label there says the country's name.
    pub(crate) related: Side,
}

/// The operator's labels and rules as they hold for one kind of file.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) own: Vec<String>,
    rules: Rules,
}

impl Sides {
    pub(crate) fn of(own: &[String], rules: &Rules, country: &str) -> Self {
        let globs = |globs: &[Glob]| globs.iter().map(|it| it.with_country(country)).collect();
        let side = |name| Side {
            own: named(own, name),
            rules: Rules {
                prefix: with_country(&rules.prefix, name).unwrap_or_default(),
                // They choose among VirusTotal's words and say nothing.
                allow: globs(&rules.allow),
                deny: globs(&rules.deny),
                ..*rules
            },
        };
        Self {
            found: side(Some(country)),
            related: side(None),
        }
    }
}

/// The operator's labels, tidied once.
pub fn tidy(labels: &[String]) -> Vec<String> {
    let mut set = Labels::default();
    for label in labels {
        set.add(label);
    }
    set.list.into_iter().map(Cow::into_owned).collect()
}

/// Labels on their way onto an object.
#[derive(Debug, Default)]
pub(crate) struct Labels<'a> {
    list: Vec<Cow<'a, str>>,
}

impl<'a> Labels<'a> {
    /// The labels of a file: category, severity, tags, rules that matched, as
    /// many as there is room for, and then the operator's own, all of them.
    pub(crate) fn of(
        attributes: &'a FileAttributes,
        rated: Rated,
        side: &'a Side,
        left_out: &mut Reasons<LeftOut>,
    ) -> Self {
        let Side { own, rules } = side;
        let most = rules.most.saturating_sub(own.len());
        let room = most.min(attributes.tags.len() + 4) + own.len();
        let mut picked = Picked {
            labels: Self {
                list: Vec::with_capacity(room),
            },
            rules,
            most,
            over: 0,
        };
        if let Some(category) = facts::category(attributes) {
            picked.offer("", category);
        }
        if let Some(severity) = rated {
            picked.severity(severity);
        }
        if rules.tags {
            for tag in attributes.tags.iter().flatten() {
                picked.offer("", tag);
            }
        }
        if rules.rule_names {
            let yara = attributes.crowdsourced_yara_results.iter();
            for name in yara.filter_map(|rule| rule.rule_name.as_deref()) {
                picked.offer("yara:", name);
            }
            let sigma = attributes.sigma_analysis_results.iter();
            for title in sigma.filter_map(|rule| rule.rule_title.as_deref()) {
                picked.offer("sigma:", title);
            }
        }
        let Picked {
            mut labels, over, ..
        } = picked;
        left_out.add_many(LeftOut::Labels, over);
        for label in own {
            labels.add(label);
        }
        labels
    }

    /// The operator's own alone.
    pub(crate) fn own(own: &'a [String]) -> Self {
        Self {
            list: own.iter().map(|label| label.as_str().into()).collect(),
        }
    }

    /// Adds it unless it is empty or there already.
    fn add(&mut self, label: &'a str) {
        let label = clean(label, MAX_LENGTH);
        if !label.is_empty() && !self.has(&label) {
            self.list.push(label);
        }
    }

    fn has(&self, label: &str) -> bool {
        self.list.iter().any(|known| same(known, label))
    }

    pub(crate) fn as_slice(&self) -> &[Cow<'a, str>] {
        &self.list
    }
}

/// Labels being picked from VirusTotal's words.
struct Picked<'a, 'r> {
    labels: Labels<'a>,
    rules: &'r Rules,
    most: usize,
    over: usize,
}

impl<'a> Picked<'a, '_> {
    fn offer(&mut self, kind: &str, word: &'a str) {
        let word = clean(word, MAX_LENGTH - kind.len());
        if says_nothing(&word) {
            return;
        }
        let label = if kind.is_empty() {
            word
        } else {
            Cow::Owned(format!("{kind}{word}"))
        };
        if self.rules.let_through(&label) {
            self.take(label);
        }
    }

    /// Chosen by VirusTotal's word, so that the style changes no choice.
    fn severity(&mut self, severity: Severity) {
        if self.rules.let_through(severity.label()) {
            self.take(self.rules.style.severity(severity));
        }
    }

    fn take(&mut self, label: Cow<'a, str>) {
        let label = match self.rules.prefix.as_str() {
            "" => label,
            prefix => clean(&format!("{prefix}{label}"), MAX_LENGTH)
                .into_owned()
                .into(),
        };
        if self.labels.has(&label) {
            return;
        }
        if self.labels.list.len() < self.most {
            self.labels.list.push(label);
        } else {
            self.over += 1;
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        one.eq_ignore_ascii_case(other)
    } else {
        one.to_lowercase() == other.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_trimmed_and_unique_without_regard_to_case() {
        let labels = [
            " Australia",
            "australia",
            "",
            "  ",
            "vt-feed",
            "ÉIRE",
            "éire",
        ];
        assert_eq!(
            tidy(&labels.map(str::to_owned)),
            ["Australia", "vt-feed", "ÉIRE"]
        );
    }

    #[test]
    fn a_file_without_a_rating_is_not_called_harmless() {
        assert_eq!(Style::Plain.severity(Severity::None), "severity not rated");
    }

    #[test]
    fn a_star_stands_for_any_characters_and_case_does_not_matter() {
        let table: [(&str, &[&str], &[&str]); 7] = [
            ("peexe", &["peexe"], &["peexe2", "xpeexe", ""]),
            ("PE*", &["pe", "peexe"], &["ape"]),
            ("*:win*", &["yara:win", "yara:win_remcos"], &["win"]),
            ("a*b*c", &["abc", "axxbyyc", "abbc"], &["acb", "ab", "abcd"]),
            ("*", &["", "anything"], &[]),
            ("a**z", &["az", "a-z"], &["a"]),
            ("aa*aa", &["aaaa", "aaxaa"], &["aaa"]),
        ];
        for (glob, yes, no) in table {
            let glob = Glob::new(glob);
            assert!(yes.iter().all(|label| glob.matches(label)), "{glob:?}");
            assert!(!no.iter().any(|label| glob.matches(label)), "{glob:?}");
        }
    }
}
