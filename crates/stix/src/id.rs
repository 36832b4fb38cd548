//! Deterministic ids: UUIDv5 in OpenCTI's namespace over the canonical JSON
//! (RFC 8785) of an object's identifying properties. The same id as the
//! platform computes means that it never has to keep ours as a second one.
//!
//! The canonical text is written by hand, keys in order: a `serde_json::Map`
//! may or may not keep the order of insertion, depending on what else is in
//! the build.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid, uuid};

/// OpenCTI's namespace.
const NAMESPACE: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

/// A STIX id, `file--d80da9ec-...`: small, copied, compared and hashed without
/// looking at text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    kind: &'static str,
    uuid: Uuid,
}

impl Id {
    /// The longest type we know is `marking-definition`.
    const MAX: usize = 64;

    /// An id that was made elsewhere. `kind` has at most 26 characters.
    pub const fn new(kind: &'static str, uuid: Uuid) -> Self {
        assert!(kind.len() + 2 + 36 <= Self::MAX, "no STIX type is so long");
        Self { kind, uuid }
    }

    /// Of these bytes, which the caller has made canonical.
    pub(crate) fn of(kind: &'static str, canonical: &[u8]) -> Self {
        // `Uuid::new_v5`, by a SHA-1 that uses the processor's own where it has one.
        let digest = Sha1::new()
            .chain_update(NAMESPACE)
            .chain_update(canonical)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::new(kind, Builder::from_sha1_bytes(bytes).into_uuid())
    }

    /// The type: what stands before the `--`.
    pub fn kind(self) -> &'static str {
        self.kind
    }

    /// Sixty-four of its bits, for counting without keeping ids.
    pub fn fingerprint(self) -> u64 {
        self.uuid.as_u64_pair().0 ^ self.uuid.as_u64_pair().1
    }

    /// Characters of the written id.
    pub fn len(self) -> usize {
        self.kind.len() + 2 + 36
    }

    /// Never: an id is never empty.
    pub fn is_empty(self) -> bool {
        false
    }

    /// Calls with the written id, made on the stack.
    pub fn with_str<T>(self, f: impl FnOnce(&str) -> T) -> T {
        let mut buffer = [0_u8; Self::MAX];
        let kind = self.kind.len();
        buffer[..kind].copy_from_slice(self.kind.as_bytes());
        buffer[kind..kind + 2].copy_from_slice(b"--");
        self.uuid.hyphenated().encode_lower(&mut buffer[kind + 2..]);
        f(std::str::from_utf8(&buffer[..kind + 38]).unwrap_or_default())
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // They are a hash already, and equal ids have equal ones.
        state.write_u64(self.fingerprint());
    }
}

/// Hashes ids, and fingerprints of ids, by their own bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnBits(u64);

impl Hasher for OwnBits {
    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What belongs to ids.
pub type IdMap<T> = HashMap<Id, T, BuildHasherDefault<OwnBits>>;

/// Different ids.
pub type IdSet = HashSet<Id, BuildHasherDefault<OwnBits>>;

/// What belongs to the [fingerprints](Id::fingerprint) of ids.
pub type FingerprintMap<T> = HashMap<u64, T, BuildHasherDefault<OwnBits>>;

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_str(|text| f.write_str(text))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_str(|text| serializer.serialize_str(text))
    }
}

/// The canonical JSON of an object of texts. Keys must be given in the order of
/// their UTF-16 units, which for ASCII keys is that of their bytes.
pub(crate) struct Canonical(String);

impl Canonical {
    pub(crate) fn new() -> Self {
        let mut text = String::with_capacity(160);
        text.push('{');
        Self(text)
    }

    pub(crate) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        write_string(&mut self.0, value);
        self
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        write_string(&mut self.0, key);
        self.0.push(':');
    }

    pub(crate) fn id(mut self, kind: &'static str) -> Id {
        self.0.push('}');
        Id::of(kind, self.0.as_bytes())
    }
}

/// A JSON string as RFC 8785 wants it: the two-character escapes where there is
/// one, `\u00xx` in lower case for other control characters, all else as it is.
pub fn write_string(out: &mut String, value: &str) {
    out.push('"');
    let mut rest = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x09 => "\\t",
            0x0a => "\\n",
            0x0c => "\\f",
            0x0d => "\\r",
            0x00..=0x1f => "",
            _ => continue,
        };
        out.push_str(&value[rest..at]);
        rest = at + 1;
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&value[rest..]);
    out.push('"');
}

/// As the platform compares names: lower case, nothing around it.
fn normal(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Of an identity: name and class.
pub fn identity(name: &str, class: &str) -> Id {
    Canonical::new()
        .text("identity_class", &class.to_lowercase())
        .text("name", &normal(name))
        .id("identity")
}

/// Of a location: name and kind (`Country`, `Region`, ...).
pub fn location(name: &str, location_type: &str) -> Id {
    Canonical::new()
        .text("name", &normal(name))
        .text("x_opencti_location_type", location_type)
        .id("location")
}

/// Of a report: name and `published` as it is written in the object.
pub fn report(name: &str, published: &str) -> Id {
    Canonical::new()
        .text("name", &normal(name))
        .text("published", published)
        .id("report")
}

/// Of an indicator: its pattern.
pub fn indicator(pattern: &str) -> Id {
    Canonical::new()
        .text("pattern", pattern.trim())
        .id("indicator")
}

/// Of a malware: its name.
pub fn malware(name: &str) -> Id {
    Canonical::new().text("name", &normal(name)).id("malware")
}

/// Of an attack pattern: its ATT&CK id where it has one, else its name.
pub fn attack_pattern(name: &str, mitre_id: Option<&str>) -> Id {
    match mitre_id {
        Some(id) => Canonical::new().text("x_mitre_id", &normal(id)),
        None => Canonical::new().text("name", &normal(name)),
    }
    .id("attack-pattern")
}

/// Which hash a file is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKey<'a> {
    /// In lower case.
    Md5(&'a str),
    /// In lower case.
    Sha1(&'a str),
    /// In lower case.
    Sha256(&'a str),
    /// In lower case.
    Sha512(&'a str),
    /// Only where there is no hash.
    Name(&'a str),
}

/// Of a file: exactly one hash (MD5, else SHA-1, SHA-256, SHA-512), or its name.
pub fn file(key: FileKey<'_>) -> Id {
    let (hash, value) = match key {
        FileKey::Md5(value) => ("MD5", value),
        FileKey::Sha1(value) => ("SHA-1", value),
        FileKey::Sha256(value) => ("SHA-256", value),
        FileKey::Sha512(value) => ("SHA-512", value),
        FileKey::Name(name) => return Canonical::new().text("name", name).id("file"),
    };
    let mut canonical = Canonical::new();
    canonical.key("hashes");
    canonical.0.push('{');
    write_string(&mut canonical.0, hash);
    canonical.0.push(':');
    write_string(&mut canonical.0, value);
    canonical.0.push('}');
    canonical.id("file")
}

/// Of an IPv4 address.
pub fn ipv4(value: &str) -> Id {
    Canonical::new().text("value", value).id("ipv4-addr")
}

/// Of an IPv6 address.
pub fn ipv6(value: &str) -> Id {
    Canonical::new().text("value", value).id("ipv6-addr")
}

/// Of a domain name.
pub fn domain(value: &str) -> Id {
    Canonical::new().text("value", value).id("domain-name")
}

/// Of a URL.
pub fn url(value: &str) -> Id {
    Canonical::new().text("value", value).id("url")
}

/// Of a relationship: its type and both ends, never a time.
pub fn relationship(kind: &str, source: Id, target: Id) -> Id {
    source.with_str(|source| {
        target.with_str(|target| {
            Canonical::new()
                .text("relationship_type", kind)
                .text("source_ref", source)
                .text("target_ref", target)
                .id("relationship")
        })
    })
}

/// Of a note: its content, and its creation where that is fixed. Blanks around
/// the content do not count.
pub fn note(content: &str, created: Option<&str>) -> Id {
    let canonical = Canonical::new().text("content", content.trim());
    match created {
        Some(created) => canonical.text("created", created),
        None => canonical,
    }
    .id("note")
}
