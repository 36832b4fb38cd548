//! Moments as the platform writes them.

use chrono::{DateTime, SecondsFormat, Utc};

pub(crate) fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
