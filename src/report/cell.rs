//! Cells of a CSV: no text from outside becomes a formula.

use std::borrow::Cow;

/// What a CSV begins with, so that spreadsheets read it as UTF-8.
pub(crate) const BOM: &str = "\u{feff}";

/// Rows that end as RFC 4180 wants it.
pub(crate) fn rows_into<W: std::io::Write>(to: W) -> csv::Writer<W> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(to)
}

/// Characters with which a cell becomes a formula; the wide ones do so in East
/// Asian settings.
fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

/// A text that no spreadsheet takes for a formula: an apostrophe stands before
/// what would begin one, also behind a semicolon, at which half of Europe's
/// spreadsheets cut.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if !text.starts_with([' ', '"']) && !text.starts_with(begins_formula) && !text.contains(';') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut fresh = true;
    for c in text.chars() {
        if fresh && begins_formula(c) {
            out.push('\'');
        }
        fresh = c == ';' || (fresh && matches!(c, ' ' | '"'));
        out.push(c);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_text_begins_a_formula() {
        let table = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("＝1", "'＝1"),
            (" =1", " '=1"),
            ("a;=1", "a;'=1"),
            ("a; \"=1", "a; \"'=1"),
            ("a=1-1+b@c", "a=1-1+b@c"),
            ("invoice.exe", "invoice.exe"),
        ];
        for (text, expected) in table {
            assert_eq!(safe(text), expected, "{text:?}");
        }
    }
}
