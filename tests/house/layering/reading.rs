//! Rust, read as far as the rules need it: comments and texts taken out, `use`
//! items and functions whole.

use std::path::Path;

/// A name that a `use` item brings in, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    pub(super) name: String,
}

/// The code without comments, texts and characters; every line stays where it is.
pub(super) fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => comment_end(&chars, at),
            '"' => text_end(&chars, at),
            'r' if !code.ends_with(is_word) => raw_end(&chars, at).unwrap_or(at),
            '\'' => character_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            let lines = chars[at..end].iter().filter(|c| **c == '\n');
            code.extend(lines);
            code.push(' ');
            at = end;
        }
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_end(chars: &[char], from: usize) -> usize {
    let rest = chars[from..].iter().position(|c| *c == '\n');
    rest.map_or(chars.len(), |length| from + length)
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn text_end(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    let begin = from + 1 + hashes;
    (chars.get(begin) == Some(&'"')).then_some(())?;
    let closes = |at: &usize| {
        chars[*at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (begin + 1..chars.len())
        .find(closes)
        .map(|at| at + 1 + hashes)
}

/// Where a character ends; a lifetime is none.
fn character_end(chars: &[char], from: usize) -> Option<usize> {
    match chars.get(from + 1)? {
        '\\' => {
            let rest = chars[from + 3..].iter().position(|c| *c == '\'')?;
            Some(from + 3 + rest + 1)
        }
        _ => (chars.get(from + 2) == Some(&'\'')).then_some(from + 3),
    }
}

/// Bare code without what is compiled for tests alone.
pub(super) fn product(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = code;
    let mut kept = String::with_capacity(code.len());
    while let Some((before, after)) = rest.split_once(MARK) {
        kept.push_str(before);
        let begin = after.find(['{', ';']).unwrap_or(after.len());
        let end = match after.as_bytes().get(begin) {
            Some(b'{') => begin + block(&after[begin..]),
            _ => begin,
        };
        rest = &after[end..];
    }
    kept + rest
}

/// The length of a text up to the end of the block that it begins with.
fn block(text: &str) -> usize {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Words and signs; `::` is one.
pub(super) fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match rest.find(|c| !is_word(c)) {
            Some(0) if rest.starts_with("::") => 2,
            Some(0) => first.len_utf8(),
            Some(length) => length,
            None => rest.len(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

/// What the `use` items bring in, and the paths that stand in the code.
pub(super) fn paths(tokens: &[&str]) -> (Vec<Import>, Vec<Vec<String>>) {
    let (mut imports, mut inline) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        // `impl Trait + use<'a>` brings nothing in.
        if tokens[at] == "use" && tokens.get(at + 1) != Some(&"<") {
            at += 1;
            tree(tokens, &mut at, &[], &mut imports);
            continue;
        }
        let mut path = Vec::new();
        while tokens[at].starts_with(is_word) && tokens.get(at + 1) == Some(&"::") {
            path.push(tokens[at].to_owned());
            at += 2;
        }
        if path.is_empty() {
            at += 1;
        } else {
            let last = tokens.get(at).filter(|token| token.starts_with(is_word));
            path.extend(last.map(|&token| token.to_owned()));
            inline.push(path);
        }
    }
    (imports, inline)
}

/// One branch of a `use` item, up to its `,`, `}` or `;`.
fn tree(tokens: &[&str], at: &mut usize, before: &[String], into: &mut Vec<Import>) {
    let mut path = before.to_vec();
    while let Some(&token) = tokens.get(*at) {
        match token {
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| *token != "}") {
                    tree(tokens, at, &path, into);
                    *at += usize::from(tokens.get(*at) == Some(&","));
                }
                *at += 1;
                return;
            }
            "," | "}" | ";" => break,
            "::" => {}
            "as" => {
                let name = tokens[*at + 1].to_owned();
                into.push(Import { path, name });
                *at += 2;
                return;
            }
            segment => path.push(segment.to_owned()),
        }
        *at += 1;
    }
    // `use room::{self}` brings the room itself in.
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(name) = path.last().cloned() {
        into.push(Import { path, name });
    }
}

/// Name and number of lines of every function in bare code.
pub(super) fn functions(code: &str) -> Vec<(String, usize)> {
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| !code[..*at].ends_with(is_word) && code[at + 3..].starts_with(is_word));
    starts
        .filter_map(|(at, _)| {
            let rest = &code[at..];
            let begin = rest.find(['{', ';'])?;
            if rest.as_bytes()[begin] == b';' {
                return None;
            }
            let end = begin + block(&rest[begin..]);
            let name = rest[3..].chars().take_while(|c| is_word(*c)).collect();
            Some((name, rest[..end].lines().count()))
        })
        .collect()
}

/// The doc comment at the top of a file.
pub(super) fn front(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.collect::<Vec<_>>().join(" ")
}

/// Whether a file is compiled for tests alone.
pub(super) fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    stem == "tests" || stem.ends_with("_tests")
}

#[test]
fn a_use_item_is_read_whole_over_lines_and_braces() {
    let code = bare(
        "use super::super::tally::{\n  self, // {\n  Tally as Count,\n  deep::{One, \
         Two},\n};\npub use crate::stix;\nfn f() -> impl Fn() + use<'_> { other::g('{', \"use x::y;\") }",
    );
    let (imports, inline) = paths(&tokens(&code));
    let imports: Vec<(String, &str)> = imports
        .iter()
        .map(|import| (import.path.join("::"), import.name.as_str()))
        .collect();
    assert_eq!(
        imports,
        [
            ("super::super::tally".to_owned(), "tally"),
            ("super::super::tally::Tally".to_owned(), "Count"),
            ("super::super::tally::deep::One".to_owned(), "One"),
            ("super::super::tally::deep::Two".to_owned(), "Two"),
            ("crate::stix".to_owned(), "stix"),
        ]
    );
    assert_eq!(inline, [["other", "g"]]);
}

#[test]
fn comments_texts_and_tests_are_no_code_and_a_function_is_measured_to_its_brace() {
    let text = "fn a() {\n  \"}\"; '}'; r#\"}\"#; /* } */ // }\n  let b: &'static str = c;\n}\n\
                #[cfg(test)]\nmod tests {\n  fn d() {}\n}\nfn e();\nfn f() {}\n";
    let code = bare(text);
    assert_eq!(code.lines().count(), text.lines().count());
    let lengths = [
        ("a".to_owned(), 4),
        ("d".to_owned(), 1),
        ("f".to_owned(), 1),
    ];
    assert_eq!(functions(&code), lengths);
    assert!(!product(&code).contains('d') && product(&code).contains("fn f"));
}
