//! A VirusTotal file becomes a STIX `file`.

use std::borrow::Cow;
use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::filter::{Rated, Severity};
use super::labels::{Labels, Side};
use super::left_out::{LeftOut, Reasons};
use super::score::Score;
use crate::stix::id::{self, FileKey, Id};
use crate::stix::sco::{self, FileParts, Hashes, Provenance};
use crate::stix::{Object, time};
use crate::text::{clean, code_into, escape_into, says_nothing};
use crate::virustotal::gui::Page;
use crate::virustotal::objects::{AnalysisStats, File, FileAttributes, Votes};

/// Characters of a name.
pub const MAX_NAME: usize = 500;

/// Names beside the main one.
pub const MAX_NAMES: usize = 100;

/// Characters of a sentence or word of VirusTotal's in a description.
const MAX_SENTENCE: usize = 500;

/// What every file of a run has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    pub(crate) labels: &'a Side,
    pub(crate) score: Score,
}

/// A file, looked at once for everything that is made of it.
pub(crate) struct Seen<'a> {
    pub(crate) file: &'a File,
    pub(crate) rated: Rated,
    pub(crate) labels: Labels<'a>,
    pub(crate) score: Option<u8>,
    /// VirusTotal's page of it.
    pub(crate) link: String,
    /// Markdown.
    pub(crate) description: String,
    known: Known<'a>,
    names: Names<'a>,
}

impl<'a> Seen<'a> {
    /// `None`: it has no usable hash.
    pub(crate) fn of(
        file: &'a File,
        rated: Rated,
        common: Common<'a>,
        left_out: &mut Reasons<LeftOut>,
    ) -> Option<Self> {
        let attributes = &file.attributes;
        let known = Known::of(file, left_out)?;
        let names = Names::of(attributes, left_out);
        let name = names.main.as_deref().unwrap_or(known.best());
        Some(Self {
            description: describe(file, rated, name, names.untold),
            labels: Labels::of(attributes, rated, common.labels, left_out),
            score: common.score.of(file, rated),
            file,
            rated,
            link: Page::File.of(known.best()),
            known,
            names,
        })
    }

    pub(crate) fn id(&self) -> Id {
        self.known.id
    }

    pub(crate) fn sha256(&self) -> Option<&str> {
        self.known.sha256.as_deref()
    }

    /// The main name, else a hash.
    pub(crate) fn name(&self) -> &str {
        self.names.main.as_deref().unwrap_or(self.known.best())
    }

    pub(crate) fn first_submitted(&self) -> Option<DateTime<Utc>> {
        first_submitted(&self.file.attributes)
    }
}

/// When it was first submitted, where that is a time.
fn first_submitted(attributes: &FileAttributes) -> Option<DateTime<Utc>> {
    attributes.first_submission_date.and_then(time::from_unix)
}

/// Converts a file.
///
/// | STIX                         | VirusTotal                                                   | notes |
/// |------------------------------|--------------------------------------------------------------|-------|
/// | `id`                         | `md5`, else `sha1`, else `sha256`                            | the platform's own choice |
/// | `hashes`                     | `md5`, `sha1`, `sha256` (else the object's `id`) | lower case, never a fuzzy one: the platform merges files by any equal hash; a malformed one is left out and counted |
/// | `size`                       | `size`                                                       | bytes; left out above 2147483647 (a 32-bit number there) |
/// | `name`                       | `meaningful_name`, else the first usable of `names`, else the hash | never a constant: files without names must not merge |
/// | `mime_type`                  | `exiftool.MIMEType`                                          | only a plausible `type/subtype` |
/// | `labels`                     | the category with most votes, the severity's label, `tags`, YARA and Sigma rules, the operator's | see [`labels::Rules`](super::labels::Rules) |
/// | `external_references`        | the SHA-256                                                  | VirusTotal's page of the file |
/// | `x_opencti_additional_names` | `names`, `meaningful_name`                                   | cleaned, unique, at most 100 |
/// | `x_opencti_score`            | see [`Score`]                                                | 0 to 100; absent where not known |
/// | `x_opencti_description`      | all of these, `ssdeep`, `tlsh`                               | Markdown, one paragraph |
pub(crate) fn convert(
    seen: &Seen<'_>,
    tag: u8,
    provenance: Provenance,
    left_out: &mut Reasons<LeftOut>,
) -> Object {
    let attributes = &seen.file.attributes;
    Object::new(
        &sco::File::new(FileParts {
            id: seen.id(),
            provenance,
            hashes: seen.known.hashes(),
            size: size(attributes, left_out),
            name: seen.name(),
            mime_type: mime_type(attributes).as_deref(),
            labels: seen.labels.as_slice(),
            link: &seen.link,
            additional_names: &seen.names.others,
            description: &seen.description,
            score: seen.score,
        }),
        tag,
    )
}

/// A file's hashes as far as they are well-formed.
struct Known<'a> {
    id: Id,
    md5: Option<Cow<'a, str>>,
    sha1: Option<Cow<'a, str>>,
    sha256: Option<Cow<'a, str>>,
}

impl<'a> Known<'a> {
    fn of(file: &'a File, left_out: &mut Reasons<LeftOut>) -> Option<Self> {
        let attributes = &file.attributes;
        let mut judge = |ok: bool| {
            if !ok {
                left_out.add(LeftOut::BadHash);
            }
            ok
        };
        let md5 = checked(attributes.md5.as_deref(), 32, &mut judge);
        let sha1 = checked(attributes.sha1.as_deref(), 40, &mut judge);
        let sha256 = checked(attributes.sha256.as_deref(), 64, &mut judge)
            .or_else(|| hexadecimal(&file.id, 64));
        let given = [&attributes.ssdeep, &attributes.tlsh];
        for (given, known) in given.into_iter().zip(fuzzy(attributes)) {
            judge(given.is_none() || known.is_some());
        }
        let key = match (&md5, &sha1, &sha256) {
            (Some(md5), _, _) => FileKey::Md5(md5),
            (None, Some(sha1), _) => FileKey::Sha1(sha1),
            (None, None, Some(sha256)) => FileKey::Sha256(sha256),
            (None, None, None) => return None,
        };
        Some(Self {
            id: id::file(key),
            md5,
            sha1,
            sha256,
        })
    }

    /// The strongest there is: stands for a name, and in links.
    fn best(&self) -> &str {
        self.sha256
            .as_deref()
            .or(self.sha1.as_deref())
            .or(self.md5.as_deref())
            .unwrap_or_default()
    }

    fn hashes(&self) -> Hashes<'_> {
        Hashes {
            md5: self.md5.as_deref(),
            sha1: self.sha1.as_deref(),
            sha256: self.sha256.as_deref(),
        }
    }
}

/// Whether there is a hash to know the file by.
pub(crate) fn has_hash(file: &File) -> bool {
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
pub(crate) fn hashes(file: &File) -> [Option<Cow<'_, str>>; 3] {
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

fn checked<'a>(
    hash: Option<&'a str>,
    digits: usize,
    judge: &mut impl FnMut(bool) -> bool,
) -> Option<Cow<'a, str>> {
    let found = hexadecimal(hash?, digits);
    judge(found.is_some());
    found
}

/// So many hexadecimal digits, in lower case.
fn hexadecimal(hash: &str, digits: usize) -> Option<Cow<'_, str>> {
    if hash.len() != digits || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(if hash.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(hash.to_ascii_lowercase())
    } else {
        Cow::Borrowed(hash)
    })
}

/// ssdeep and TLSH as VirusTotal writes them, as far as they are well-formed.
/// For people: files that are alike have equal ones.
pub(crate) fn fuzzy(attributes: &FileAttributes) -> [Option<&str>; 2] {
    let ssdeep = attributes.ssdeep.as_deref();
    let tlsh = attributes.tlsh.as_deref();
    [
        ssdeep.filter(|hash| is_ssdeep(hash)),
        tlsh.filter(|hash| is_tlsh(hash)),
    ]
}

/// `12288:Qk1v:Qk1v`.
fn is_ssdeep(hash: &str) -> bool {
    let base64 = |part: &str| {
        part.len() <= 128
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    };
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
    digits.len() == 70 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn size(attributes: &FileAttributes, left_out: &mut Reasons<LeftOut>) -> Option<i32> {
    let size = attributes.size?;
    let fits = i32::try_from(size).ok().filter(|size| *size >= 0);
    if fits.is_none() {
        left_out.add(LeftOut::Size);
    }
    fits
}

/// A plausible `type/subtype`, in lower case.
fn mime_type(attributes: &FileAttributes) -> Option<String> {
    let mime = attributes.exiftool.as_ref()?.mime_type.as_deref()?.trim();
    let token = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (kind, subtype) = mime.split_once('/')?;
    (mime.len() <= 127 && token(kind) && token(subtype)).then(|| mime.to_ascii_lowercase())
}

/// How many engines call it malicious or suspicious, and how many gave a
/// verdict (these and `undetected` and `harmless`; never 0). `None` where none
/// did: unknown is not harmless.
pub fn detections(stats: Option<&AnalysisStats>) -> Option<(u64, u64)> {
    let stats = stats?;
    // No antivirus service has more engines than this; a larger number is odd.
    let count = |number: Option<i64>| number.unwrap_or(0).clamp(0, 1_000_000).unsigned_abs();
    let found = count(stats.malicious) + count(stats.suspicious);
    let asked = found + count(stats.undetected) + count(stats.harmless);
    (asked > 0).then_some((found, asked))
}

/// A file's names, cleaned and unique.
struct Names<'a> {
    main: Option<Cow<'a, str>>,
    others: Vec<Cow<'a, str>>,
    /// How many more VirusTotal gave than are kept.
    untold: usize,
}

impl<'a> Names<'a> {
    fn of(attributes: &'a FileAttributes, left_out: &mut Reasons<LeftOut>) -> Self {
        let mut names = Self {
            main: None,
            others: Vec::new(),
            untold: 0,
        };
        let given = attributes.names.iter().flatten();
        for name in attributes.meaningful_name.iter().chain(given) {
            if names.others.len() >= MAX_NAMES {
                names.untold += 1;
                continue;
            }
            let name = clean(name, MAX_NAME);
            // The platform refuses names of one character.
            if name.chars().nth(1).is_none() {
                continue;
            }
            if names.main.is_none() {
                names.main = Some(name);
            } else if names.main.as_ref() != Some(&name) && !names.others.contains(&name) {
                names.others.push(name);
            }
        }
        left_out.add_many(LeftOut::Names, names.untold);
        names
    }
}

/// The main name alone.
pub(crate) fn main_name(file: &File) -> Option<Cow<'_, str>> {
    let given = file.attributes.names.iter().flatten();
    file.attributes
        .meaningful_name
        .iter()
        .chain(given)
        .map(|name| clean(name, MAX_NAME))
        .find(|name| name.chars().nth(1).is_some())
}

/// The category that most engines agree on.
pub(crate) fn category(attributes: &FileAttributes) -> Option<&str> {
    let classification = attributes.popular_threat_classification.as_ref()?;
    most_votes(&classification.popular_threat_category)
}

/// The name with most votes, the first of several, among those that say
/// something.
fn most_votes(all: &[Votes]) -> Option<&str> {
    let mut best: Option<(&str, i64)> = None;
    for votes in all {
        let count = votes.count.unwrap_or_default();
        if let Some(value) = votes.value.as_deref()
            && best.is_none_or(|(_, most)| count > most)
            && !says_nothing(&clean(value, MAX_SENTENCE))
        {
            best = Some((value, count));
        }
    }
    best.map(|(value, _)| value)
}

/// One paragraph: what it is, since when, how bad, from how many, and by which
/// hashes its like are found.
fn describe(file: &File, rated: Rated, name: &str, untold: usize) -> String {
    let attributes = &file.attributes;
    let mut out = String::with_capacity(400 + name.len());
    code_into(&mut out, name);
    let kind = attributes.type_description.as_deref();
    let kind = kind.map(|kind| clean(kind, 100));
    if let Some(kind) = kind.filter(|kind| !says_nothing(kind)) {
        out.push_str(" (");
        escape_into(&mut out, &kind);
        out.push(')');
    }
    if let Some(time) = first_submitted(attributes) {
        out.push_str(", first submitted to VirusTotal on ");
        time::write_seconds(&mut out, time, ' ');
        out.push_str(" UTC");
    }
    out.push('.');
    if let Some(category) = category(attributes) {
        out.push_str(" Category: ");
        escape_into(&mut out, &clean(category, 100));
        out.push('.');
    }
    describe_verdict(&mut out, attributes, rated);
    match attributes.unique_sources {
        Some(sources) if sources >= 0 => {
            let _ = write!(out, " Different sources: {sources}.");
        }
        _ => out.push_str(" Different sources: unknown."),
    }
    if untold > 0 {
        let _ = write!(
            out,
            " VirusTotal lists {untold} more names than are kept here."
        );
    }
    let [ssdeep, tlsh] = fuzzy(attributes);
    for (kind, hash) in [("ssdeep", ssdeep), ("TLSH", tlsh)] {
        if let Some(hash) = hash {
            let _ = write!(out, " {kind}: `{hash}`.");
        }
    }
    out
}

fn describe_verdict(out: &mut String, attributes: &FileAttributes, rated: Rated) {
    match detections(attributes.last_analysis_stats.as_ref()) {
        Some((found, asked)) => {
            let _ = write!(out, " Detections: {found} of {asked} engines.");
        }
        None => out.push_str(" Detections: unknown."),
    }
    out.push_str(" Severity: ");
    out.push_str(rated.map_or("unknown", Severity::words));
    out.push('.');
    let why = attributes
        .threat_severity
        .as_ref()
        .and_then(|severity| severity.level_description.as_deref())
        .map(|why| clean(why, MAX_SENTENCE))
        .filter(|why| !why.is_empty());
    if let Some(why) = why {
        out.push_str(" VirusTotal's reason: ");
        escape_into(out, &why);
        if !why.ends_with(['.', '!', '?', '…']) {
            out.push('.');
        }
    }
}
