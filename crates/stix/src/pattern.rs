//! STIX patterns: what an indicator looks for.

/// `[file:hashes.'SHA-256' = '...']`.
pub fn file_sha256(hash: &str) -> String {
    equals("file:hashes.'SHA-256'", hash)
}

/// `[ipv4-addr:value = '...']`: of an observable that is one text, by its type.
pub fn value(kind: &str, value: &str) -> String {
    let mut path = String::with_capacity(kind.len() + 6);
    path.push_str(kind);
    path.push_str(":value");
    equals(&path, value)
}

/// One comparison. In a pattern's text a backslash and a quote are escaped.
fn equals(path: &str, value: &str) -> String {
    let mut pattern = String::with_capacity(path.len() + value.len() + 12);
    pattern.push('[');
    pattern.push_str(path);
    pattern.push_str(" = '");
    for c in value.chars() {
        if matches!(c, '\\' | '\'') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push_str("']");
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(
            file_sha256("ab"),
            "[file:hashes.'SHA-256' = 'ab']",
            "the form that the platform's own ids are made of"
        );
        assert_eq!(
            value("ipv4-addr", "203.0.113.7"),
            "[ipv4-addr:value = '203.0.113.7']"
        );
        assert_eq!(
            value("url", r"http://a.example.net/'] OR [url:value = '\"),
            r"[url:value = 'http://a.example.net/\'] OR [url:value = \'\\']"
        );
    }
}
