//! Text from outside: cleaned before it goes anywhere, escaped before it goes
//! into Markdown. Pure.
//!
//! One rule for all of it, whoever wrote it and wherever it goes:
//!
//! | what | becomes |
//! |---|---|
//! | line breaks, tabs, and blanks of other scripts | one space, together with those around it |
//! | control characters, NUL among them | nothing |
//! | what turns the direction of writing | nothing |
//! | what has no width or no shape: joiners, selectors, fillers, tags | nothing |
//! | code points that are no characters | nothing |
//! | blanks at both ends | nothing |
//! | what is more than there is room for | `…` |

use std::borrow::Cow;

mod markdown;

pub use markdown::{code_into, escape_into};

/// So much of a foreign text gets into a message of ours, in characters.
const QUOTED: usize = 200;

/// A foreign text for a message of ours: short, and on one line.
pub fn quoted(text: &str) -> String {
    clean(text, QUOTED).into_owned()
}

/// A foreign text by the one rule, cut to `max` characters.
pub fn clean(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text.trim_matches(' '));
    }
    let mut out = String::with_capacity(text.len().min(max.saturating_mul(4)));
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_message_quotes_no_more_than_200_characters_and_not_half_of_one() {
        let said = quoted(&"ä\n".repeat(500));
        assert_eq!((said.chars().count(), said.ends_with('…')), (200, true));
        assert_eq!(quoted(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(quoted("  a\r\n\tb\u{1b}[31m\u{202e}c "), "a b[31mc");
    }

    #[test]
    fn whatever_is_to_be_cleaned_may_be_as_long_as_it_is() {
        assert_eq!(clean("é\u{7}", usize::MAX), "é");
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
}
