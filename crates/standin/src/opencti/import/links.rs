//! Which relationships the platform takes, of those that a connector for files
//! could send.

/// Source type, relationship, the target types it goes to.
const ALLOWED: &[(&str, &str, &[&str])] = &[
    ("file", "drops", &["file"]),
    ("file", "downloads", &["file"]),
    ("file", "derived-from", &["file"]),
    (
        "file",
        "communicates-with",
        &["ipv4-addr", "ipv6-addr", "domain-name"],
    ),
    ("file", "uses", &["attack-pattern"]),
    (
        "indicator",
        "based-on",
        &["file", "ipv4-addr", "ipv6-addr", "domain-name", "url"],
    ),
    ("indicator", "indicates", &["malware"]),
    ("malware", "targets", &["location"]),
    ("malware", "originates-from", &["location"]),
];

/// Whether `source -link-> target` is one that the platform takes.
pub(crate) fn allowed(source: &str, link: &str, target: &str) -> bool {
    link == "related-to"
        || ALLOWED
            .iter()
            .any(|&(from, name, to)| from == source && name == link && to.contains(&target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_only_related_to_a_url() {
        assert!(allowed("file", "related-to", "url"));
        assert!(!allowed("file", "communicates-with", "url"));
        assert!(allowed("file", "communicates-with", "domain-name"));
        assert!(!allowed("url", "based-on", "indicator"));
    }
}
