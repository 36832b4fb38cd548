//! VirusTotal, the run and the report.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::Parser;
use crate::base::http::HttpOptions;
use crate::base::period::{Period, PeriodError};
use crate::config::rows::Values;
use crate::config::table::Value;
use crate::config::{Connector, Import, Memory, Start};
use crate::convert;
use crate::convert::filter::Filter;
use crate::lookup::Keeping;
use crate::quota::{OnUnknown, Policy};
use crate::store::lookups::{Lifetimes, Room};
use crate::virustotal;
use crate::virustotal::facts::Severity;
use crate::virustotal::search::{Submitter, unbalanced};

const DAY: Duration = Duration::from_secs(86_400);

impl Parser<'_> {
    pub(super) fn virustotal(
        &mut self,
        values: &Values<'_>,
        http: HttpOptions,
    ) -> Option<virustotal::Settings> {
        let api_url = self.api_address(values.vtreporter_api_url);
        let api_key = self.key(values.vtreporter_api_key);
        let requests_per_minute =
            NonZeroU32::new(self.whole(values.vtreporter_requests_per_minute));
        Some(virustotal::Settings {
            api_url: api_url?,
            api_key: api_key?,
            requests_per_minute,
            http,
        })
    }

    pub(super) fn quota(&mut self, values: &Values<'_>) -> Policy {
        let warn_percent = self.whole(values.vtreporter_quota_warn_percent);
        let stop_percent = self.whole(values.vtreporter_quota_stop_percent);
        // Zero stands for a value that was refused already.
        if stop_percent > 0 && warn_percent > stop_percent {
            let problem = "is more than VTREPORTER_QUOTA_STOP_PERCENT: it would never warn";
            self.fault(values.vtreporter_quota_warn_percent, problem);
        }
        let on_unknown = self.choice(
            values.vtreporter_quota_on_unknown,
            [OnUnknown::Continue, OnUnknown::Pause],
        );
        let critical_percent = self.whole(values.vtreporter_quota_critical_percent);
        if critical_percent > 0 && warn_percent > critical_percent {
            let problem = "is more than VTREPORTER_QUOTA_CRITICAL_PERCENT: a warning comes before";
            self.fault(values.vtreporter_quota_warn_percent, problem);
        }
        Policy {
            warn_percent,
            critical_percent,
            stop_percent,
            on_unknown: on_unknown.unwrap_or(OnUnknown::Pause),
        }
    }

    pub(super) fn memory(&mut self, values: &Values<'_>) -> Memory {
        let directory = self.text(values.vtreporter_data_dir);
        Memory {
            directory: directory.map(PathBuf::from),
            days: self.whole(values.vtreporter_quota_history_days),
            keeping: self.keeping(values),
        }
    }

    fn keeping(&mut self, values: &Values<'_>) -> Keeping {
        let megabytes: u64 = self.whole(values.vtreporter_cache_max_mb);
        Keeping {
            lifetimes: Lifetimes {
                known: self.lifetime(values.vtreporter_cache_known),
                unknown: self.lifetime(values.vtreporter_cache_unknown),
            },
            room: Room {
                entries: self.whole(values.vtreporter_cache_max_entries),
                bytes: megabytes * 1_000_000,
            },
        }
    }

    fn lifetime(&mut self, value: Value<'_>) -> Duration {
        let Some(period) = self.period(value) else {
            return Duration::ZERO;
        };
        if period.is_zero() {
            self.fault(value, "is zero: nothing would be good for any time");
        }
        period.roughly()
    }

    pub(super) fn import(&mut self, values: &Values<'_>, connector: &Connector) -> Import {
        let submitter = self.choice(
            values.vtreporter_submitter,
            [Submitter::Any, Submitter::First],
        );
        Import {
            countries: self.countries(values.vtreporter_country),
            start: self.start(values.vtreporter_start),
            overlap: self.overlap(values.vtreporter_overlap, connector),
            min_detections: self.whole(values.vtreporter_min_detections),
            extra_query: self.conditions(values.vtreporter_extra_query),
            submitter: submitter.unwrap_or(Submitter::Any),
            relationships: self.relationships(values.vtreporter_relationships),
            related_min_severity: self.severity(values.vtreporter_related_min_severity),
            max_related_per_file: self.whole(values.vtreporter_max_related_per_file),
            max_files: self.whole(values.vtreporter_max_files),
            filter: Filter {
                min_severity: self.severity(values.vtreporter_min_severity),
                low_min_sources: self.whole(values.vtreporter_low_min_sources),
                keep_unknown: self.boolean(values.vtreporter_keep_unknown_severity),
            },
            empty_report: self.boolean(values.vtreporter_empty_report),
            max_bundle_mb: self.number(values.vtreporter_max_bundle_mb),
            max_bundle_objects: self.whole(values.vtreporter_max_bundle_objects),
        }
    }

    pub(super) fn convert(&mut self, values: &Values<'_>) -> convert::Options {
        convert::Options {
            author_name: self.name(values.vtreporter_author_name),
            // OpenCTI's vocabulary is in lower case.
            report_types: self
                .some(values.vtreporter_threat_types)
                .iter()
                .map(|kind| kind.to_lowercase())
                .collect(),
            report_labels: self.list(values.vtreporter_report_labels),
            file_labels: self.list(values.vtreporter_file_labels),
            confidence: self.whole(values.vtreporter_confidence),
            reliability: self.reliability(values.vtreporter_reliability),
            report_marking: self.marking(values.vtreporter_report_markings),
            file_marking: self.marking(values.vtreporter_file_markings),
            attachments: self.boolean(values.vtreporter_attachments),
            max_refs: self.whole(values.vtreporter_max_refs_per_report),
            objects: self.objects(values),
        }
    }

    /// Conditions that stand by themselves, so that ours hold beside them.
    fn conditions(&mut self, value: Value<'_>) -> Option<String> {
        let text = self.text(value)?;
        if let Some(problem) = unbalanced(&text) {
            self.fault(value, problem);
        }
        Some(text)
    }

    /// Time for a request: an ISO 8601 duration or seconds.
    pub(super) fn timeout(&mut self, value: Value<'_>) -> Duration {
        let timeout = self.read_as(value, |text| {
            let duration = match text.parse::<u64>() {
                Ok(seconds) => Some(Duration::from_secs(seconds)),
                Err(_) => Period::parse(text)
                    .map_err(|error| error.to_string())?
                    .fixed(),
            };
            duration
                .filter(|time| (1..=3600).contains(&time.as_secs()))
                .ok_or_else(|| "is not within 1 second and 1 hour".to_owned())
        });
        timeout.unwrap_or_default()
    }

    pub(super) fn severity(&mut self, value: Value<'_>) -> Severity {
        use Severity::{High, Low, Medium, None};
        self.choice(value, [None, Low, Medium, High])
            .unwrap_or(High)
    }

    fn start(&mut self, value: Value<'_>) -> Option<Start> {
        let now = self.now;
        self.read_as(value, |text| {
            if let Some(moment) = moment(text) {
                return if moment > now {
                    Err("lies in the future (in UTC): there would be no window".into())
                } else {
                    Ok(Start::At(moment))
                };
            }
            match Period::parse(text) {
                Ok(period) if period.is_zero() => Err("is zero: there would be no window".into()),
                Ok(period) => Ok(Start::Ago(period)),
                Err(PeriodError::Form) => Err("is neither a duration nor a date".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn overlap(&mut self, value: Value<'_>, connector: &Connector) -> Period {
        let overlap = self.period(value).unwrap_or_default();
        if overlap.roughly() > 31 * DAY {
            self.fault(value, "is longer than 31 days");
        } else if !connector.period.is_zero() && overlap.roughly() >= connector.period.roughly() {
            let warning = "is as long as CONNECTOR_DURATION_PERIOD: every run asks for \
                           all of the one before again";
            self.warn(value, warning);
        }
        overlap
    }
}

/// A date, at its midnight, or a date-time.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.with_timezone(&Utc));
    }
    let date = text.parse::<NaiveDate>().ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}
