//! Writes JSON straight into one text: a page is megabytes, and building a tree
//! of it first would cost more than everything else the stand-in does.

use std::fmt::{Display, Write as _};

/// Writes a text with its quotes.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            byte => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes 16 digits. What formatting would do, at a tenth of its cost: hashes
/// are much of what a page is made of.
pub(crate) fn push_hex(out: &mut String, word: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for place in (0..16).rev() {
        out.push(char::from(DIGITS[(word >> (place * 4)) as usize & 15]));
    }
}

/// Writes a list, one item by one.
pub(crate) fn push_list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (nth, one) in items.into_iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        item(out, one);
    }
    out.push(']');
}

/// An object that is being written.
pub(crate) struct Members<'a> {
    out: &'a mut String,
    exclude: &'a [String],
    empty: bool,
}

impl<'a> Members<'a> {
    /// Starts an object.
    pub(crate) fn open(out: &'a mut String) -> Self {
        Self::without(out, &[])
    }

    /// Starts an object that leaves these members out.
    pub(crate) fn without(out: &'a mut String, exclude: &'a [String]) -> Self {
        out.push('{');
        Self {
            out,
            exclude,
            empty: true,
        }
    }

    /// A member whose value `write` writes.
    pub(crate) fn with(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        if self.exclude.iter().any(|excluded| excluded == name) {
            return;
        }
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        push_text(self.out, name);
        self.out.push(':');
        write(self.out);
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.with(name, |out| push_text(out, text));
    }

    /// Something that is JSON already when displayed: a number, a bool, a
    /// constant piece.
    pub(crate) fn raw(&mut self, name: &str, value: impl Display) {
        self.with(name, |out| {
            let _ = write!(out, "{value}");
        });
    }

    /// A list of texts.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, name: &str, texts: &[T]) {
        self.with(name, |out| {
            push_list(out, texts, |out, text| push_text(out, text.as_ref()));
        });
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Members)) {
        self.with(name, |out| {
            let mut members = Members::open(out);
            fill(&mut members);
            members.close();
        });
    }

    /// Ends the object.
    pub(crate) fn close(self) {
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hexadecimal_is_as_formatted(word in any::<u64>()) {
            let mut out = String::new();
            push_hex(&mut out, word);
            prop_assert_eq!(out, format!("{word:016x}"));
        }

        #[test]
        fn a_written_text_is_read_back_as_it_was(text in any::<String>()) {
            let mut out = String::new();
            push_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
