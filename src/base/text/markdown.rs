//! Text that stays text in Markdown. Pure.

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
    use crate::base::text::clean;

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
