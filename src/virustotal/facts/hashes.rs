//! By which hashes a file is known, as far as they are well-formed.

use std::borrow::Cow;

use crate::base::text::is_hexadecimal;
use crate::virustotal::objects::{File, FileAttributes};

/// Whether there is a hash to know the file by.
pub fn has_one(file: &File) -> bool {
    let attributes = &file.attributes;
    sha256(file).is_some()
        || [(&attributes.md5, 32), (&attributes.sha1, 40)]
            .iter()
            .any(|(hash, digits)| {
                hash.as_deref()
                    .is_some_and(|hash| hexadecimal(hash, *digits).is_some())
            })
}

/// SHA-256, MD5 and SHA-1 as far as they are well-formed.
pub fn of(file: &File) -> [Option<Cow<'_, str>>; 3] {
    let attributes = &file.attributes;
    [
        sha256(file),
        attributes
            .md5
            .as_deref()
            .and_then(|hash| hexadecimal(hash, 32)),
        attributes
            .sha1
            .as_deref()
            .and_then(|hash| hexadecimal(hash, 40)),
    ]
}

/// The SHA-256 in lower case, from the attribute or else the object's id.
pub fn sha256(file: &File) -> Option<Cow<'_, str>> {
    file.attributes
        .sha256
        .as_deref()
        .and_then(|hash| hexadecimal(hash, 64))
        .or_else(|| hexadecimal(&file.id, 64))
}

/// So many hexadecimal digits, in lower case.
pub fn hexadecimal(hash: &str, digits: usize) -> Option<Cow<'_, str>> {
    if hash.len() != digits || !is_hexadecimal(hash) {
        return None;
    }
    let upper = |any: bool, byte: u8| any | byte.is_ascii_uppercase();
    Some(if hash.bytes().fold(false, upper) {
        Cow::Owned(hash.to_ascii_lowercase())
    } else {
        Cow::Borrowed(hash)
    })
}

/// ssdeep and TLSH as VirusTotal writes them, as far as they are well-formed.
/// For people: files that are alike have equal ones.
pub fn fuzzy(attributes: &FileAttributes) -> [Option<&str>; 2] {
    let ssdeep = attributes.ssdeep.as_deref();
    let tlsh = attributes.tlsh.as_deref();
    [
        ssdeep.filter(|hash| is_ssdeep(hash)),
        tlsh.filter(|hash| is_tlsh(hash)),
    ]
}

/// `12288:Qk1v:Qk1v`.
fn is_ssdeep(hash: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/');
    let base64 =
        |part: &str| part.len() <= 128 && part.bytes().fold(true, |all, byte| all & digit(byte));
    let mut parts = hash.splitn(3, ':');
    let size = parts.next().unwrap_or_default();
    !size.is_empty()
        && size.len() <= 20
        && size.bytes().all(|byte| byte.is_ascii_digit())
        && parts.next().is_some_and(base64)
        && parts.next().is_some_and(base64)
}

/// 70 digits, since its version 4 with that version before them.
fn is_tlsh(hash: &str) -> bool {
    let digits = hash.strip_prefix("T1").unwrap_or(hash);
    digits.len() == 70 && is_hexadecimal(digits)
}
