//! Numbers as people read them.

/// `18003` as "18,003".
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What stands before a number that may be higher.
pub fn at_least(least: bool) -> &'static str {
    if least { "at least " } else { "" }
}

/// "1 file", "2 files", "1,203 files".
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// `12 %`; `<1 %` and `>99 %` rather than a 0 or 100 that is none.
pub fn share(part: u64, whole: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0, 12, 999, 1000, 1_234_567];
        assert_eq!(
            numbers.map(grouped),
            ["0", "12", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_share_is_0_or_100_percent_only_where_it_is() {
        assert_eq!(
            [(1, 3), (0, 3), (3, 3), (1, 1000), (999, 1000), (0, 0)].map(|(a, b)| share(a, b)),
            ["33 %", "0 %", "100 %", "<1 %", ">99 %", "–"]
        );
    }

    #[test]
    fn one_alone_is_singular() {
        let counted = |number| counted(number, "file", "files");
        assert_eq!(
            [0, 1, 2, 1203].map(counted),
            ["0 files", "1 file", "2 files", "1,203 files"]
        );
    }
}
