//! Labels: trimmed, unique without regard to case, of a bearable length.

use std::borrow::Cow;

use super::text::clean;

/// Characters of a label.
const MAX_LENGTH: usize = 100;

/// Labels taken over from VirusTotal onto one file.
pub const MAX_LABELS: usize = 50;

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
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self {
            list: Vec::with_capacity(count),
        }
    }

    /// Adds it unless it is empty or there already.
    pub(crate) fn add(&mut self, label: &'a str) {
        let label = clean(label, MAX_LENGTH);
        if !label.is_empty() && !self.list.iter().any(|known| same(known, &label)) {
            self.list.push(label);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn as_slice(&self) -> &[Cow<'a, str>] {
        &self.list
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
}
