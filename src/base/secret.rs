//! A text that prints as `***`: keys, tokens and passwords.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::base::text::quoted;

/// A secret text. `Debug` and `Display` print `***`, and there is no
/// `Serialize`: the only way to its value is [`Secret::expose`], which is easy
/// to find in a review. Memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A foreign text without the secret, which a server or a proxy may echo,
    /// as it is or encoded for an address. First of all: a cut through the
    /// secret would leave half of it.
    pub fn redact(&self, text: &str) -> String {
        let secret = self.expose();
        if secret.is_empty() {
            return text.to_owned();
        }
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut text = text.to_owned();
        for form in [secret, &encoded] {
            // ASCII lower case keeps byte positions.
            let (lower, form) = (text.to_ascii_lowercase(), form.to_ascii_lowercase());
            let mut out = String::with_capacity(text.len());
            let mut kept = 0;
            for (at, _) in lower.match_indices(&form) {
                out.push_str(&text[kept..at]);
                out.push_str("***");
                kept = at + form.len();
            }
            out.push_str(&text[kept..]);
            text = out;
        }
        text
    }

    /// What somebody else said, for a message of ours: without the secret,
    /// short, and on one line.
    pub fn quoted(&self, text: &str) -> String {
        quoted(&self.redact(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_its_value() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn the_secret_is_taken_out_of_whatever_a_server_says() {
        let key = Secret::new("abc+/DEF=");
        let text = key.redact("x abc+/DEF= ABC+/def= abc%2B%2FDEF%3D y");
        assert_eq!(text, "x *** *** *** y");
        assert_eq!(Secret::new("").redact("same"), "same");
    }

    #[test]
    fn a_secret_at_the_edge_of_a_cut_is_not_shown_in_part() {
        let token = Secret::new("s3cret-token");
        for before in ["x".repeat(195), " ".repeat(801), "\n".repeat(5_000)] {
            let said = token.quoted(&format!("{before}s3cret-token"));
            assert!(!said.contains("s3c"), "{said}");
        }
        let said = token.quoted("<html>\r\n  <b>Bearer s3cret-token</b>\u{0}\u{202E} no</html>");
        assert_eq!(said, "<html> <b>Bearer ***</b> no</html>");
    }
}
