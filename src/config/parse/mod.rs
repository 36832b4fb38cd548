//! Texts -> values. Every reader notes what is wrong and goes on with a
//! stand-in, so that all faults come out together; a value that leaves this
//! room is valid.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use reqwest::Certificate;

use super::fault::{Fault, Faults, MISSING, Origin};
use super::gather::ReadFile;
use super::rows::{SETTINGS, Values};
use super::table::{Kind, Preset, Value};
use super::yaml::Unread;
use super::{Config, Needs};
use crate::base::http::HttpOptions;
use crate::base::http::proxy::Proxies;
use crate::base::period::Period;
use crate::base::secret::Secret;

mod address;
mod delivery;
mod objects;
mod platform;
mod reporter;
mod vocabulary;

/// Markers of PEM blocks.
const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Reads values and remembers what was wrong.
pub(super) struct Parser<'a> {
    pub(super) origins: BTreeMap<&'static str, Origin>,
    pub(super) read: ReadFile<'a>,
    pub(super) now: DateTime<Utc>,
    /// What the file may hold beyond what could be read of it.
    pub(super) unread: Unread,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
}

/// Judges everything.
pub(super) fn config(
    mut parser: Parser<'_>,
    values: &Values<'_>,
    needs: Needs,
) -> Result<Config, Faults> {
    let network = parser.network(values);
    let http = parser.http(values, &network);
    let connector = parser.connector(values, needs);
    let opencti = needs
        .opencti
        .then(|| parser.opencti(values, &http, &network));
    let http = HttpOptions {
        proxies: match &network.virustotal_proxy {
            Some(via) => Proxies::always(via.clone()),
            None => http.proxies.clone(),
        },
        ..http
    };
    let virustotal = needs.virustotal.then(|| parser.virustotal(values, http));
    let quota = parser.quota(values);
    let memory = parser.memory(values);
    let import = parser.import(values, &connector);
    let convert = parser.convert(values);
    let mq = parser.mq(values);
    let s3 = parser.s3(values);
    let json_logging = parser.boolean(values.opencti_json_logging);
    if !parser.faults.is_empty() {
        // In the order of the table, which is that of the samples and the
        // docs; what is wrong with the file as a whole comes before.
        parser.faults.sort_by_key(|fault| {
            let mut rows = SETTINGS.iter();
            rows.position(|row| row.env == fault.variable)
        });
        return Err(Faults(parser.faults, parser.warnings));
    }
    Ok(Config {
        opencti: opencti.flatten(),
        connector,
        json_logging,
        virustotal: virustotal.flatten(),
        quota,
        memory,
        import,
        convert,
        mq,
        s3,
        network,
        warnings: parser.warnings,
    })
}

impl<'a> Parser<'a> {
    /// Notes that a value is wrong.
    fn fault(&mut self, value: Value<'_>, problem: impl Into<String>) {
        let origin = self.origins.get(value.setting.env);
        let fault = Fault::of(value.setting, origin, problem.into());
        // A value that two others depend on is read twice.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Whether something is wrong with it already.
    fn faulty(&self, value: Value<'_>) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|fault| fault.variable == value.setting.env)
    }

    fn warn(&mut self, value: Value<'_>, warning: &str) {
        self.warnings
            .push(format!("{} {warning}", value.setting.env));
    }

    /// The text: the operator's or the preset one.
    fn given<'v>(&self, value: Value<'v>) -> Option<&'v str> {
        value.text.or(match value.setting.default {
            Preset::Value(text) => Some(text),
            Preset::Required | Preset::Otherwise { .. } => None,
        })
    }

    /// The text of a setting that must be set.
    fn required<'v>(&mut self, value: Value<'v>) -> Option<&'v str> {
        let text = self.given(value);
        // It may stand where the file could not be read; that is told already.
        let hidden = self.unread.may_hold(value.setting);
        if text.is_none() && !hidden && !self.faulty(value) {
            self.fault(value, MISSING);
        }
        text
    }

    /// Reads a value with a function that says what is wrong with it.
    fn read_as<T>(
        &mut self,
        value: Value<'_>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(self.given(value)?) {
            Ok(read) => Some(read),
            Err(problem) => {
                self.fault(value, problem);
                None
            }
        }
    }

    /// A text on one line.
    fn text(&mut self, value: Value<'_>) -> Option<String> {
        self.read_as(value, |text| {
            if text.chars().any(char::is_control) {
                Err("has control characters or several lines".to_owned())
            } else {
                Ok(text.to_owned())
            }
        })
    }

    /// A name that the platform takes: it refuses names of one character.
    fn name(&mut self, value: Value<'_>) -> String {
        let name = self.text(value).unwrap_or_default();
        if !name.is_empty() && !(2..=200).contains(&name.chars().count()) {
            self.fault(value, "is too short or too long");
        }
        name
    }

    /// A password as it is: only what cannot be typed is refused.
    fn secret(&mut self, value: Value<'_>) -> Option<Secret> {
        self.text(value).map(Secret::new)
    }

    fn boolean(&mut self, value: Value<'_>) -> bool {
        self.maybe(value).unwrap_or_default()
    }

    /// Yes, no, or not told.
    fn maybe(&mut self, value: Value<'_>) -> Option<bool> {
        self.read_as(value, |text| match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "on" => Ok(true),
            "false" | "no" | "0" | "off" => Ok(false),
            _ => Err("is neither true nor false".to_owned()),
        })
    }

    /// A whole number within the bounds of its row.
    fn whole<T: TryFrom<u64> + Default>(&mut self, value: Value<'_>) -> T {
        self.maybe_whole(value).unwrap_or_default()
    }

    fn maybe_whole<T: TryFrom<u64>>(&mut self, value: Value<'_>) -> Option<T> {
        let Kind::Whole { min, max } = value.setting.kind else {
            self.fault(value, "is no number by its row in the table");
            return None;
        };
        self.read_as(value, |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits {
                return Err("is not a whole number".to_owned());
            }
            // Only too many digits can fail here.
            let number = text.parse::<u64>().unwrap_or(u64::MAX);
            if number < min {
                return Err(format!("is less than {min}"));
            }
            let number = (number <= max).then(|| T::try_from(number).ok()).flatten();
            number.ok_or_else(|| format!("is more than {max}"))
        })
    }

    /// A number within the bounds of its row.
    fn number(&mut self, value: Value<'_>) -> f64 {
        let Kind::Number { min, max } = value.setting.kind else {
            self.fault(value, "is no number by its row in the table");
            return 0.0;
        };
        let number = self.read_as(value, |text| match text.parse::<f64>() {
            Ok(number) if number.is_finite() && (min..=max).contains(&number) => Ok(number),
            Ok(number) if number.is_finite() => Err(format!("is not within {min} and {max}")),
            _ => Err("is not a number".to_owned()),
        });
        number.unwrap_or_default()
    }

    /// One of the row's choices, as the value beside it.
    fn choice<T: Copy, const N: usize>(&mut self, value: Value<'_>, meanings: [T; N]) -> Option<T> {
        let Kind::Choice(choices) = value.setting.kind else {
            self.fault(value, "is no choice by its row in the table");
            return None;
        };
        self.read_as(value, |text| {
            choices
                .iter()
                .zip(meanings)
                .find(|(choice, _)| choice.eq_ignore_ascii_case(text))
                .map(|(_, meaning)| meaning)
                .ok_or_else(|| "is not one of the choices".to_owned())
        })
    }

    /// A comma list: trimmed, no empty elements, each once without regard to
    /// case. `none` alone is the empty list.
    fn list(&mut self, value: Value<'_>) -> Vec<String> {
        let mut list: Vec<String> = Vec::new();
        for element in self.text(value).unwrap_or_default().split(',') {
            let element = element.trim();
            let new = |known: &String| known.to_lowercase() != element.to_lowercase();
            if !element.is_empty() && list.iter().all(new) {
                list.push(element.to_owned());
            }
        }
        if let [only] = list.as_slice()
            && only.eq_ignore_ascii_case("none")
        {
            list.clear();
        }
        list
    }

    /// A list that may not be empty.
    fn some(&mut self, value: Value<'_>) -> Vec<String> {
        let list = self.list(value);
        if list.is_empty() && !self.faulty(value) {
            self.fault(value, "has no element");
        }
        list
    }

    fn period(&mut self, value: Value<'_>) -> Option<Period> {
        self.read_as(value, |text| {
            Period::parse(text).map_err(|error| error.to_string())
        })
    }

    /// PEM, given as text or as the path of a file.
    fn pem(&mut self, value: Value<'_>, marker: &str) -> Option<String> {
        let read = self.read;
        self.read_as(value, |text| {
            let pem = if text.contains("-----BEGIN") {
                // Variables often carry the line ends as two characters.
                text.replace("\\n", "\n")
            } else {
                read(Path::new(text.trim()))
                    .map_err(|error| format!("the file cannot be read: {}", error.kind()))?
            };
            let certificates = marker == CERTIFICATE;
            if certificates && Certificate::from_pem_bundle(pem.as_bytes()).is_err() {
                Err("holds a PEM block that cannot be read".to_owned())
            } else if pem.contains("-----BEGIN") && pem.contains(marker) {
                Ok(pem)
            } else {
                Err(format!("holds no PEM block of a {}", marker.to_lowercase()))
            }
        })
    }
}

/// A text that a sample left for the operator to replace.
fn placeholder(text: &str) -> bool {
    let bare: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    ["changeme", "replaceme", "yourapikey", "yourtoken"]
        .iter()
        .any(|known| bare.contains(known))
        || text.starts_with("${")
        || (text.starts_with('<') && text.ends_with('>'))
}
