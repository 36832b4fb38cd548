//! `quota history`: what was used, hour by hour.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::Quota;
use crate::base::number::grouped;
use crate::commands::Exit;
use crate::store::ledger::Hour;

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row a day, with a line of what each hour used.
    Table,
    /// One JSON object.
    Json,
    /// A row an hour.
    Csv,
}

/// An hour of an allowance as scripts read it.
#[derive(Serialize)]
struct Row<'a> {
    hour: DateTime<Utc>,
    key: &'a str,
    quota: &'a str,
    scope: &'a str,
    used: u64,
    limit: Option<u64>,
    own: u64,
}

#[derive(Serialize)]
struct Rows<'a> {
    rows: Vec<Row<'a>>,
}

/// Prints the last `days`.
pub fn history(quota: &Quota, days: u16, form: Form) -> Result<(), Exit> {
    let store = quota
        .store
        .as_ref()
        .map_err(|why| Exit::NotEverything(format!("there is no history: {why}")))?;
    let now = quota.clock.now();
    let hours = store
        .hours(now - TimeDelta::days(days.into()), now)
        .map_err(|error| Exit::NotEverything(error.to_string()))?;
    match form {
        Form::Table => table(&hours, days),
        Form::Json => {
            let rows = hours.iter().map(row).collect();
            let text = serde_json::to_string(&Rows { rows }).unwrap_or_default();
            say!("{text}");
        }
        Form::Csv => csv(&hours)?,
    }
    Ok(())
}

fn row(hour: &Hour) -> Row<'_> {
    Row {
        hour: hour.hour,
        key: &hour.key,
        quota: &hour.quota,
        scope: &hour.scope,
        used: hour.used,
        limit: hour.limit,
        own: hour.own,
    }
}

fn csv(hours: &[Hour]) -> Result<(), Exit> {
    let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
    let written = hours
        .iter()
        .try_for_each(|hour| writer.serialize(row(hour)));
    let flushed = written.and_then(|()| Ok(writer.flush()?));
    match flushed {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other.map_err(|error| {
            Exit::NotEverything(format!("the list could not be written: {error}"))
        }),
    }
}

/// A reader that went away has what it wanted.
fn is_broken_pipe(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A day of an allowance.
#[derive(Default)]
struct Day {
    /// At each hour's last reading.
    used: BTreeMap<u32, u64>,
    limit: Option<u64>,
    own: u64,
}

fn table(hours: &[Hour], days: u16) {
    if hours.is_empty() {
        say!("nothing is remembered of the last {days} days");
        return;
    }
    let mut all: BTreeMap<(&str, &str, &str), BTreeMap<NaiveDate, Day>> = BTreeMap::new();
    for hour in hours {
        let place = (hour.key.as_str(), hour.quota.as_str(), hour.scope.as_str());
        let day = all
            .entry(place)
            .or_default()
            .entry(hour.hour.date_naive())
            .or_default();
        day.used
            .insert(chrono::Timelike::hour(&hour.hour), hour.used);
        day.limit = hour.limit;
        day.own += hour.own;
    }
    for ((key, quota, scope), days) in all {
        say!("{key}  {quota} ({scope})");
        for (date, day) in days {
            let used = day.used.values().next_back().copied().unwrap_or(0);
            let limit = day.limit.map_or("no limit".to_owned(), grouped);
            say!(
                "  {date}  {:>12} of {limit:>12}  {:>10} ours  {}",
                grouped(used),
                grouped(day.own),
                sparkline(&day.used)
            );
        }
    }
}

/// A mark an hour, as high as what it used; a dot where nothing is known.
fn sparkline(used: &BTreeMap<u32, u64>) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut before = None;
    let in_hour: Vec<Option<u64>> = (0..24)
        .map(|hour| {
            let now = used.get(&hour).copied();
            // What the first hour that is known has used is not.
            let amount = now.map(|now| now.saturating_sub(before.unwrap_or(now)));
            before = now.or(before);
            amount
        })
        .collect();
    let most = in_hour.iter().flatten().max().copied().unwrap_or(0);
    in_hour
        .iter()
        .map(|amount| match amount {
            None => '·',
            Some(amount) => {
                let height = (amount * 7).checked_div(most).unwrap_or(0);
                HEIGHTS[usize::try_from(height).unwrap_or(0).min(7)]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn a_mark_an_hour_and_a_dot_where_nothing_is_known() {
        let used = [(0, 10), (1, 10), (2, 80), (4, 150)].into_iter().collect();
        let line = sparkline(&used);
        assert_eq!(line.chars().count(), 24);
        assert!(line.starts_with("▁▁█·█···"), "{line}");
    }
}
