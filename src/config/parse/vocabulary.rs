//! Words with a fixed meaning: markings, reliability, countries, relationships.

use super::Parser;
use crate::base::country::Country;
use crate::config::hint::nearest;
use crate::config::rows::RELATIONSHIPS;
use crate::config::table::Value;
use crate::stix::marking::Tlp;

/// OpenCTI's `reliability_ov`: letter and text.
const RELIABILITY: [(&str, &str); 6] = [
    ("A", "A - Completely reliable"),
    ("B", "B - Usually reliable"),
    ("C", "C - Fairly reliable"),
    ("D", "D - Not usually reliable"),
    ("E", "E - Unreliable"),
    ("F", "F - Reliability cannot be judged"),
];

impl Parser<'_> {
    /// A TLP level in any of its spellings: exact, never by a part of the word,
    /// so that AMBER+STRICT cannot become AMBER.
    pub(super) fn marking(&mut self, value: Value<'_>) -> Tlp {
        let tlp = self.read_as(value, |text| {
            if text.contains(',') {
                return Err("names more than one marking".to_owned());
            }
            tlp(text).ok_or_else(|| "is no TLP marking".to_owned())
        });
        // The strictest stands in until the fault stops the program.
        tlp.unwrap_or(Tlp::Red)
    }

    /// The text of OpenCTI's vocabulary; `none` leaves it out.
    pub(super) fn reliability(&mut self, value: Value<'_>) -> Option<String> {
        let found = self.read_as(value, |text| {
            if text.eq_ignore_ascii_case("none") {
                return Ok(None);
            }
            let words = normal(text);
            RELIABILITY
                .iter()
                .find(|(letter, full)| words == normal(letter) || words == normal(full))
                .map(|(_, full)| Some((*full).to_owned()))
                .ok_or_else(|| "is no reliability".to_owned())
        });
        found.flatten()
    }

    /// Countries, each once.
    pub(super) fn countries(&mut self, value: Value<'_>) -> Vec<Country> {
        let mut countries = Vec::new();
        for (at, text) in self.some(value).iter().enumerate() {
            match Country::parse(text) {
                Some(country) => countries.push(country),
                None => {
                    let hint = Country::meant(text)
                        .map(|country| format!("; {} is written {}", country.name, country.code));
                    let hint = hint.unwrap_or_default();
                    let at = at + 1;
                    self.fault(value, format!("entry {at} is no country code{hint}"));
                }
            }
        }
        countries
    }

    /// Relationships that can be converted.
    pub(super) fn relationships(&mut self, value: Value<'_>) -> Vec<String> {
        let list = self.list(value);
        let list: Vec<String> = list.iter().map(|name| name.to_lowercase()).collect();
        for (at, name) in list.iter().enumerate() {
            if !RELATIONSHIPS.contains(&name.as_str()) {
                let hint = nearest(name, RELATIONSHIPS.iter().copied());
                let at = at + 1;
                self.fault(value, format!("entry {at} is no such relationship{hint}"));
            }
        }
        list
    }
}

fn tlp(text: &str) -> Option<Tlp> {
    let text = text.trim().to_ascii_uppercase();
    let level = text.strip_prefix("TLP").map_or(text.as_str(), |rest| {
        rest.trim_start_matches([':', '_', '-', ' '])
    });
    match level {
        "CLEAR" | "WHITE" => Some(Tlp::Clear),
        "GREEN" => Some(Tlp::Green),
        "AMBER" => Some(Tlp::Amber),
        "AMBER+STRICT" | "AMBER_STRICT" | "AMBER-STRICT" | "AMBER STRICT" => Some(Tlp::AmberStrict),
        "RED" => Some(Tlp::Red),
        _ => None,
    }
}

/// Letters only, so that case, spaces and kinds of dashes do not matter.
fn normal(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
