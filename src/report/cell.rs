//! Cells of a CSV: no text from outside becomes a formula.

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

/// Whether [`neutralise`] would leave a text as it is.
pub(crate) fn harmless(text: &str) -> bool {
    !text.starts_with([' ', '"']) && !text.starts_with(begins_formula) && !text.contains(';')
}

/// Adds a text so that no spreadsheet takes it for a formula: an apostrophe
/// stands before what would begin one, also behind a semicolon, at which half
/// of Europe's spreadsheets cut.
pub fn neutralise(out: &mut String, text: &str) {
    let mut fresh = true;
    for c in text.chars() {
        if fresh && begins_formula(c) {
            out.push('\'');
        }
        fresh = c == ';' || (fresh && matches!(c, ' ' | '"'));
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::neutralise;

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
            let mut out = String::new();
            neutralise(&mut out, text);
            assert_eq!(out, expected, "{text:?}");
        }
    }
}
