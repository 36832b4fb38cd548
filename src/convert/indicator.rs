//! A file that is bad enough, or what it contacts, becomes an `indicator`.

use std::borrow::Cow;

use super::Objects;
use super::file::Seen;
use super::labels::Labels;
use super::left_out::{LeftOut, Reasons};
use super::relationship::{Links, Way};
use super::role::Role;
use super::score;
use crate::base::text::clean;
use crate::stix::pattern;
use crate::stix::threat::{Indicator, IndicatorParts};
use crate::stix::time::Timestamp;
use crate::stix::{Id, Object};
use crate::virustotal::facts::{Severity, at_least};

/// Characters of an indicator's name.
const MAX_NAME: usize = 500;

/// Adds the indicator of a file and its relationships, if indicators are wanted
/// and the file's severity is known and bad enough. `families` are the file's,
/// already told.
///
/// | STIX                             | VirusTotal                | notes |
/// |----------------------------------|---------------------------|-------|
/// | `pattern`                        | `sha256`                  | identifies it; a file without one has no indicator, which is counted |
/// | `name`                           | `sha256`                  | names are chosen by whoever submits |
/// | `valid_from`, `created`, `modified` | `first_submission_date` | else the window's start, and the description says so; never now |
/// | `indicator_types`                | `threat_severity`         | HIGH and MEDIUM `malicious-activity`, others `anomalous-activity` |
/// | `x_opencti_score`                | as the file's             | but at least the least of indicators |
/// | `labels`, `description`, `external_references` |             | as the file's |
/// | `x_opencti_main_observable_type` | -                         | `StixFile` |
/// | `based-on`                       | the file                  | |
/// | `indicates`                      | its families              | |
pub(crate) fn of_file(
    seen: &Seen<'_>,
    wanted: &Objects,
    families: &[Id],
    links: &Links<'_>,
    into: &mut Vec<Object>,
    left_out: &mut Reasons<LeftOut>,
) {
    let bad = |min| at_least(seen.rated, min);
    if !wanted.indicators.is_some_and(bad) {
        return;
    }
    let Some(sha256) = seen.sha256() else {
        left_out.add(LeftOut::IndicatorHash);
        return;
    };
    let indicator = looks_for(sha256, seen, wanted.indicator_min_score, links);
    let id = indicator.id();
    into.push(indicator);
    into.push(links.link(Way::BasedOn, id, seen.id()));
    for &family in families {
        into.push(links.link(Way::Indicates, id, family));
    }
}

fn looks_for(sha256: &str, seen: &Seen<'_>, min_score: u8, links: &Links<'_>) -> Object {
    let known = seen.first_submitted().map(Timestamp::new);
    let mut description = Cow::Borrowed(seen.description.as_str());
    if known.is_none() {
        description.to_mut().push_str(
            " First submission is not known: valid from the start of the searched window.",
        );
    }
    let indicator_type = match at_least(seen.rated, Severity::Medium) {
        true => "malicious-activity",
        false => "anomalous-activity",
    };
    Object::new(
        &Indicator::new(IndicatorParts {
            provenance: links.provenance,
            pattern: &pattern::file_sha256(sha256),
            name: sha256,
            description: &description,
            indicator_type,
            valid_from: known.as_ref().unwrap_or(links.from),
            labels: seen.labels.as_slice(),
            confidence: links.confidence,
            link: Some(&seen.link),
            main_observable_type: "StixFile",
            score: score::of_indicator(seen.score, min_score),
        }),
        links.tag(Role::Indicator),
    )
}

/// What the indicators of contacted places have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForNetwork<'a> {
    /// The operator's.
    pub(crate) labels: &'a [String],
    pub(crate) min_score: u8,
}

/// Adds the indicator of an address, a domain name or a URL that a file
/// contacts. The file's families are not what it indicates: files contact
/// harmless places, too.
///
/// | STIX                             | VirusTotal                | notes |
/// |----------------------------------|---------------------------|-------|
/// | `pattern`, `name`                | the descriptor            | |
/// | `valid_from`, `created`, `modified` | -                      | the window's start: a descriptor has no date |
/// | `indicator_types`                | -                         | `anomalous-activity` |
/// | `x_opencti_score`                | -                         | absent: a descriptor has no verdict; the platform takes 50, and where that is too low it is the least of indicators |
/// | `labels`                         | -                         | the operator's, without those that name the country |
/// | `x_opencti_main_observable_type` | the descriptor's type     | `IPv4-Addr`, `IPv6-Addr`, `Domain-Name`, `Url` |
/// | `based-on`                       | the observable            | |
pub(crate) fn of_network(
    observable: Id,
    value: &str,
    wanted: ForNetwork<'_>,
    links: &Links<'_>,
    into: &mut Vec<Object>,
) {
    let main_observable_type = match observable.kind() {
        "ipv4-addr" => "IPv4-Addr",
        "ipv6-addr" => "IPv6-Addr",
        "domain-name" => "Domain-Name",
        _ => "Url",
    };
    let indicator = Object::new(
        &Indicator::new(IndicatorParts {
            provenance: links.provenance,
            pattern: &pattern::value(observable.kind(), value),
            name: &clean(value, MAX_NAME),
            description: "According to VirusTotal a file that indicators are made of contacts it \
                          when it runs; that alone does not make it malicious. VirusTotal does not \
                          say since when: valid from the start of the searched window.",
            indicator_type: "anomalous-activity",
            valid_from: links.from,
            labels: Labels::own(wanted.labels).as_slice(),
            confidence: links.confidence,
            link: None,
            main_observable_type,
            score: score::of_indicator(None, wanted.min_score),
        }),
        links.tag(Role::Indicator),
    );
    let id = indicator.id();
    into.push(indicator);
    into.push(links.link(Way::BasedOn, id, observable));
}
