//! Which objects are made, and what they say.

use std::path::Path;

use super::Parser;
use crate::base::number::counted;
use crate::config::rows::Values;
use crate::config::table::Value;
use crate::convert::Objects;
use crate::convert::labels::{self, Glob, Style};
use crate::convert::malware::{self, Names};
use crate::convert::score::Score;

/// Bad lines of a map that are told one by one.
const MOST_LINES: usize = 20;

/// Of OpenCTI's own decay rules.
const REVOKE_SCORE: u8 = 20;

impl Parser<'_> {
    pub(super) fn objects(&mut self, values: &Values<'_>) -> Objects {
        let min_severity = self.severity(values.vtreporter_indicator_min_severity);
        let rules = malware::Rules {
            min_votes: self.whole(values.vtreporter_malware_min_votes),
            names: self.names(values.vtreporter_malware_map),
        };
        let score = self.choice(
            values.vtreporter_score,
            [
                Score::Combined,
                Score::Detections,
                Score::Severity,
                Score::Gti,
            ],
        );
        let style = self.choice(
            values.vtreporter_label_style,
            [Style::VirusTotal, Style::Plain],
        );
        Objects {
            indicators: self
                .boolean(values.vtreporter_create_indicators)
                .then_some(min_severity),
            indicator_min_score: self.indicator_min_score(values.vtreporter_indicator_min_score),
            network_indicators: self.boolean(values.vtreporter_create_network_indicators),
            malware: self
                .boolean(values.vtreporter_create_malware)
                .then_some(rules),
            country: self.boolean(values.vtreporter_create_country),
            score: score.unwrap_or_default(),
            labels: labels::Rules {
                tags: self.boolean(values.vtreporter_tags_as_labels),
                rule_names: self.boolean(values.vtreporter_rules_as_labels),
                style: style.unwrap_or_default(),
                prefix: self
                    .text(values.vtreporter_label_prefix)
                    .unwrap_or_default(),
                allow: self.globs(values.vtreporter_labels_allow),
                deny: self.globs(values.vtreporter_labels_deny),
                most: self.whole(values.vtreporter_max_labels),
            },
            attack_patterns: self.boolean(values.vtreporter_create_attack_patterns),
            notes: self.boolean(values.vtreporter_create_notes),
        }
    }

    /// What is too low is told, not refused: a platform may have rules of its own.
    fn indicator_min_score(&mut self, value: Value<'_>) -> u8 {
        let score = self.whole(value);
        if score <= REVOKE_SCORE && !self.faulty(value) {
            self.warn(
                value,
                "is not above 20, the revoke score of OpenCTI's own decay rules: \
                 indicators with such scores are revoked as they are made",
            );
        }
        score
    }

    fn globs(&mut self, value: Value<'_>) -> Vec<Glob> {
        self.list(value)
            .iter()
            .map(|text| Glob::new(text))
            .collect()
    }

    /// The map of family names, from its file.
    fn names(&mut self, value: Value<'_>) -> Names {
        let read = self.read;
        let text = self.read_as(value, |path| {
            read(Path::new(path.trim()))
                .map_err(|error| format!("the file cannot be read: {}", error.kind()))
        });
        let Some(text) = text else {
            return Names::default();
        };
        let faults = match Names::parse(&text) {
            Ok(names) => return names,
            Err(faults) => faults,
        };
        let untold = faults.len().saturating_sub(MOST_LINES);
        for fault in faults.into_iter().take(MOST_LINES) {
            self.fault(value, fault);
        }
        if untold > 0 {
            let lines = counted(untold as u64, "more line is", "more lines are");
            self.fault(value, format!("{lines} wrong"));
        }
        Names::default()
    }
}
