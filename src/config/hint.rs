//! What to say of names that are no settings: which one was meant, and when
//! it is better to say nothing, since the name may be another program's.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;

use super::rows::{RETIRED, SETTINGS};
use crate::base::text::clean;

/// What the connector's own variables begin with. All but the last are shared
/// with other connectors and with the platform.
const PREFIXES: [&str; 5] = ["OPENCTI_", "CONNECTOR_", "MQ_", "S3_", OWN];

/// What nobody else's variables begin with.
const OWN: &str = "VTREPORTER_";

/// The test suite's own switches.
const TESTS: &str = "VTREPORTER_TEST_";

/// Whether a variable is one that could be meant for a connector.
pub fn is_ours(name: &OsStr) -> bool {
    let name = name.to_str().unwrap_or_default();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !name.starts_with(TESTS)
}

/// What to say of a variable that is no setting; those of others are no matter.
pub(super) fn odd_variable(name: &str) -> Option<String> {
    if RETIRED.iter().any(|(retired, _)| *retired == name) {
        return Some(format!("{name} has no effect any more"));
    }
    let variables = SETTINGS.iter().map(|setting| setting.env);
    if name.starts_with(TESTS) {
        None
    } else if name.starts_with(OWN) {
        let hint = nearest(name, variables);
        Some(format!("{} is no setting{hint}", shown(name)))
    } else {
        let meant = slip(&name.to_ascii_uppercase(), variables)?;
        Some(format!(
            "{} is no setting; did you mean {meant}?",
            shown(name)
        ))
    }
}

/// What to say of a place in `config.yml` that is no setting's.
pub(super) fn odd_path(path: &str, section: bool) -> Option<String> {
    if RETIRED.iter().any(|(_, retired)| *retired == path) {
        return Some(format!("{path} has no effect any more"));
    }
    let paths = SETTINGS.iter().filter_map(|setting| setting.yaml);
    let sections: BTreeSet<&str> = paths
        .clone()
        .filter_map(|path| path.split('.').next())
        .collect();
    let known = sections.contains(path.split('.').next().unwrap_or_default());
    if section {
        let hint = nearest(path, sections.iter().copied());
        return (!known).then(|| format!("`{}:` is no section{hint}", shown(path)));
    }
    if path.starts_with("vtreporter.") {
        let hint = nearest(path, paths);
        return Some(format!("{} is no setting{hint}", shown(path)));
    }
    if !known {
        // Told with the section already.
        return None;
    }
    // Other connectors' keys in the common sections are tolerated.
    let meant = slip(path, paths)?;
    Some(format!(
        "{} is no setting; did you mean {meant}?",
        shown(path)
    ))
}

/// A name of the operator's, fit for a log line.
fn shown(name: &str) -> Cow<'_, str> {
    clean(name, 80)
}

/// The setting that a name differs from by a slip of the pen: a letter, or the
/// underscores. Other programs' names are further away than that.
fn slip<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if !(6..=100).contains(&name.len()) {
        return None;
    }
    let bare = |name: &str| name.replace(['_', '-'], "");
    let meant = bare(name);
    among
        .map(|known| (strsim::damerau_levenshtein(&meant, &bare(known)), known))
        .min()
        .filter(|(distance, _)| *distance <= 1)
        .map(|(_, known)| known)
}

/// `; did you mean X?`, where something is near enough.
pub(super) fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> String {
    // Longer than any setting, and comparing takes the square of the length.
    if name.len() > 100 {
        return String::new();
    }
    among
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 2.max(name.chars().count() / 5))
        .map(|(_, known)| format!("; did you mean {known}?"))
        .unwrap_or_default()
}
