//! How every form of the report writes numbers, times and links.

use chrono::{DateTime, Utc};

use crate::number::counted;
use crate::stix::time;

/// Where VirusTotal's web page shows a search.
const SEARCH: &str = "https://www.virustotal.com/gui/search/";

/// `12 %`; `<1 %` and `>99 %` rather than a 0 or 100 that is none.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    match (part * 100 + whole / 2) / whole {
        0 if part > 0 => "<1 %".to_owned(),
        100 if part < whole => ">99 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// Thousandths of the largest, for a bar's length; never 0 for something.
pub(crate) fn length(part: u64, largest: u64) -> u64 {
    let part = u128::from(part) * 1000;
    let length = part.checked_div(u128::from(largest)).unwrap_or(0);
    let least = u64::from(part > 0) * 4;
    u64::try_from(length).unwrap_or(1000).clamp(least, 1000)
}

/// `2026-11-19 13:00:00`, UTC.
pub(crate) fn seconds(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(20);
    time::write_seconds(&mut text, at, ' ');
    text
}

/// `24 hours`, `7 days`.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let minutes = (to - from).num_minutes();
    let many = |number: i64, unit: &str| counted(number.unsigned_abs(), unit, &format!("{unit}s"));
    match minutes {
        minutes if minutes >= 2880 && minutes % 1440 == 0 => many(minutes / 1440, "day"),
        minutes if minutes >= 60 && minutes % 60 == 0 => many(minutes / 60, "hour"),
        minutes if minutes >= 2880 => {
            let days = many(minutes / 1440, "day");
            format!("{days} {} h", minutes % 1440 / 60)
        }
        minutes if minutes >= 60 => format!("{} h {} min", minutes / 60, minutes % 60),
        minutes => many(minutes, "minute"),
    }
}

/// The address at which VirusTotal's web page shows a search.
pub(crate) fn search_link(query: &str) -> String {
    let mut link = String::with_capacity(SEARCH.len() + query.len() * 2);
    link.push_str(SEARCH);
    percent_into(&mut link, query);
    link
}

/// The address at which VirusTotal's web page shows an address, domain or URL.
pub(crate) fn network_link(page: &str, value: &str) -> String {
    let mut link = format!("https://www.virustotal.com/gui/{page}/");
    percent_into(&mut link, value);
    link
}

/// All but letters, digits and `-._~` as `%XX`.
pub(crate) fn percent_into(out: &mut String, text: &str) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(
            [(1, 3), (0, 3), (3, 3), (1, 1000), (999, 1000), (0, 0)].map(|(a, b)| share(a, b)),
            ["33 %", "0 %", "100 %", "<1 %", ">99 %", "–"]
        );
        assert_eq!(
            [(0, 9), (1, 9999), (9, 9)].map(|(a, b)| length(a, b)),
            [0, 4, 1000]
        );
    }

    #[test]
    fn a_link_holds_the_query_to_the_letter() {
        assert_eq!(
            search_link("p:1+ (a OR \"b\") é"),
            "https://www.virustotal.com/gui/search/p%3A1%2B%20%28a%20OR%20%22b%22%29%20%C3%A9"
        );
    }

    #[test]
    fn a_window_is_told_in_its_own_unit() {
        let from: DateTime<Utc> = "2026-11-19T13:00:00Z".parse().unwrap();
        let told = |minutes| span(from, from + TimeDelta::minutes(minutes));
        assert_eq!(
            [10, 60, 90, 1440, 2880, 4380, 10_080].map(told),
            [
                "10 minutes",
                "1 hour",
                "1 h 30 min",
                "24 hours",
                "2 days",
                "73 hours",
                "7 days"
            ]
        );
    }
}
