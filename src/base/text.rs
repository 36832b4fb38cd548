//! Text from outside: cleaned before it goes anywhere, escaped before it goes
//! into Markdown.

use std::borrow::Cow;

/// Removes what cannot be seen or breaks what comes after it (NUL, control,
/// bidirectional, zero-width and other format characters), turns line breaks
/// and tabs into single spaces, trims, and cuts to `max` characters with `…`.
pub fn clean(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text.trim_matches(' '));
    }
    let mut out = String::with_capacity(text.len().min(max * 4));
    let mut count = 0;
    let mut spaces = 0;
    let mut broken = false;
    for c in text.chars() {
        match kind(c) {
            Kind::Gone => {}
            Kind::Seen if c == ' ' => spaces += 1,
            Kind::Space => broken = true,
            Kind::Seen => {
                let before = match (count, broken) {
                    (0, _) => 0,
                    (_, true) => 1,
                    (_, false) => spaces,
                };
                if count + before + 1 > max {
                    cut(&mut out, max);
                    return Cow::Owned(out);
                }
                out.extend(std::iter::repeat_n(' ', before));
                out.push(c);
                count += before + 1;
                (spaces, broken) = (0, false);
            }
        }
    }
    Cow::Owned(out)
}

/// Shortens to `max` characters, the last of which says so.
fn cut(out: &mut String, max: usize) {
    if let Some((at, _)) = out.char_indices().nth(max.saturating_sub(1)) {
        out.truncate(at);
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('…');
}

/// Whether there is nothing but hexadecimal digits. It looks at all of them even
/// if the first is none, since many are looked at together.
pub fn is_hexadecimal(text: &str) -> bool {
    let all = |all: bool, byte: u8| all & byte.is_ascii_hexdigit();
    text.bytes().fold(true, all)
}

/// Whether a cleaned word is none, or only a program's way of writing that
/// there is none: it must not be taken for VirusTotal's word on a file.
pub fn says_nothing(word: &str) -> bool {
    ["", "none", "null", "nan", "n/a", "undefined"]
        .iter()
        .any(|nothing| word.eq_ignore_ascii_case(nothing))
}

enum Kind {
    Seen,
    Space,
    Gone,
}

fn kind(c: char) -> Kind {
    match c {
        ' '..='~' => Kind::Seen,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Kind::Space,
        c if c.is_control() => Kind::Gone,
        '\u{ad}'                       // soft hyphen
        | '\u{34f}'                    // combining grapheme joiner
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'   // letters without a shape
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'      // zero width, direction marks
        | '\u{202a}'..='\u{202e}'      // direction overrides
        | '\u{2060}'..='\u{206f}'      // word joiner, isolates
        | '\u{fdd0}'..='\u{fdef}'      // never characters
        | '\u{fe00}'..='\u{fe0f}'      // variation selectors
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Kind::Gone,
        c if u32::from(c) & 0xfffe == 0xfffe => Kind::Gone,
        c if c.is_whitespace() => Kind::Space,
        _ => Kind::Seen,
    }
}

/// Adds text that stays text in Markdown: no emphasis, link, image, HTML,
/// heading, list, table or code comes out of it. Only what would act where it
/// stands is escaped, so that a sentence reads the same raw: a parenthesis does
/// nothing behind an escaped bracket, nor an underscore inside a word. Viewers
/// that look for bare web addresses may still make links of them: text that an
/// attacker chooses goes through [`code_into`] instead.
pub fn escape_into(out: &mut String, text: &str) {
    let mut before = None;
    // `1.` and `1)` begin lists.
    let mut number = true;
    let mut all = text.chars().peekable();
    while let Some(c) = all.next() {
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '_' if inside(before) && inside(all.peek().copied()) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // Where a line begins: headings, lists, rules.
            '#' | '+' | '-' | '=' if before.is_none() => {
                out.push('\\');
                out.push(c);
            }
            '.' | ')' if number && before.is_some() => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        before = Some(c);
        number &= c.is_ascii_digit();
    }
}

/// Adds text as a code span: nothing in it is looked at, whatever it holds. The
/// fence is longer than any run of backticks inside.
pub fn code_into(out: &mut String, text: &str) {
    let mut longest = 0;
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    // A pipe would end a table's cell even inside code.
    let pad = text.starts_with('`') || text.ends_with('`');
    for _ in 0..=longest {
        out.push('`');
    }
    if pad {
        out.push(' ');
    }
    for c in text.chars() {
        out.push(if c == '|' { '¦' } else { c });
    }
    if pad {
        out.push(' ');
    }
    for _ in 0..=longest {
        out.push('`');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape_into(&mut out, text);
        out
    }

    fn code(text: &str) -> String {
        let mut out = String::new();
        code_into(&mut out, text);
        out
    }

    #[test]
    fn what_cannot_be_seen_is_removed_and_breaks_become_one_space() {
        let table = [
            ("invoice.exe", "invoice.exe"),
            ("  spaced  ", "spaced"),
            (" \u{200b} ", ""),
            (" \u{e9}  \u{e8} ", "\u{e9}  \u{e8}"),
            ("a \n b", "a b"),
            ("nul\0in\u{1}side", "nulinside"),
            ("two\r\n\tlines", "two lines"),
            ("exe.\u{202e}fdp.scr", "exe.fdp.scr"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("\u{3164}", ""),
            ("\u{fff9}note\u{fffb}", "note"),
            ("tag\u{e0041}\u{e007f}", "tag"),
            ("d\u{e9}j\u{e0} vu", "déjà vu"),
            ("nb\u{a0}sp", "nb sp"),
            ("del\u{7f}", "del"),
        ];
        for (dirty, expected) in table {
            assert_eq!(clean(dirty, 100), expected, "{dirty:?}");
        }
    }

    #[test]
    fn a_programs_way_of_writing_nothing_says_nothing() {
        for word in ["", "None", "none", "NULL", "NaN", "undefined", "N/A"] {
            assert!(says_nothing(word), "{word:?}");
        }
        for word in ["nonentity", "nullsoft", "trojan", "unknown", "0"] {
            assert!(!says_nothing(word), "{word:?}");
        }
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(clean("abcdefghij", 10), "abcdefghij");
        assert_eq!(clean("abcdefghijk", 10), "abcdefghi…");
        assert_eq!(clean("ééééé", 4), "ééé…");
        assert_eq!(clean("ab cd", 4), "ab…");
        assert!(clean(&"x".repeat(1_000_000), 500).chars().count() <= 500);
    }

    #[test]
    fn nothing_in_a_text_becomes_markdown() {
        assert_eq!(escaped("**b** _i_ [a](b)"), r"\*\*b\*\* \_i\_ \[a\](b)");
        assert_eq!(escaped("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(escaped("a|b`c`"), r"a\|b\`c\`");
        assert_eq!(escaped("# a"), r"\# a");
        assert_eq!(escaped("12. a"), r"12\. a");
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_text_holds_a_markdown_reader_finds_only_text(
            text in "[-#+=*_~`|!<>&\\\\\\[\\]()$:.0-9a-c ]{1,40}",
        ) {
            use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

            let text = clean(&text, 100);
            for place in ["", "* ", "| "] {
                let line = format!("{place}{}", escaped(&text));
                let dialect = Options::ENABLE_TABLES
                    | Options::ENABLE_STRIKETHROUGH
                    | Options::ENABLE_FOOTNOTES
                    | Options::ENABLE_TASKLISTS
                    | Options::ENABLE_MATH;
                let mut read = String::new();
                for event in Parser::new_ext(&line, dialect) {
                    match event {
                        Event::Text(piece) => read.push_str(&piece),
                        Event::Start(Tag::Paragraph | Tag::List(None) | Tag::Item)
                        | Event::End(TagEnd::Paragraph | TagEnd::List(false) | TagEnd::Item) => {}
                        other => panic!("{other:?} in {line:?}"),
                    }
                }
                let own = if place == "| " { place } else { "" };
                // A reader drops blanks at the end of a line, as behind an empty text.
                let expected = format!("{own}{text}");
                proptest::prop_assert_eq!(read, expected.trim_end(), "{}", line);
            }
        }
    }

    #[test]
    fn a_sentence_reads_the_same_raw() {
        for sentence in [
            "21 of 99 files kept (21 %); nothing else happened!",
            "cut at VTREPORTER_MAX_FILES (5) at 2026-11-20 04:16:00 UTC: the next run begins there",
            "C# + x86 {1}",
        ] {
            assert_eq!(escaped(sentence), sentence);
        }
    }

    #[test]
    fn a_code_span_cannot_be_left_from_inside() {
        assert_eq!(code("a.exe"), "`a.exe`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code("a|b"), "`a¦b`");
    }
}
