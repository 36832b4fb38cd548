//! A VirusTotal file becomes a STIX `file`.

use std::borrow::Cow;
use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::labels::{Labels, Side};
use super::left_out::{LeftOut, Reasons};
use super::score::Score;
use crate::base::text::{clean, code_into, escape_into, says_nothing};
use crate::stix::id::{self, FileKey, Id};
use crate::stix::sco::{self, FileParts, Hashes, Provenance};
use crate::stix::{Object, time};
use crate::virustotal::facts::names::Names;
use crate::virustotal::facts::{self, Rated, hashes, severity};
use crate::virustotal::gui::GuiPage;
use crate::virustotal::objects::{File, FileAttributes};

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
        let names = Names::of(attributes);
        left_out.add_many(LeftOut::Names, names.untold);
        let name = names.main.as_deref().unwrap_or(known.best());
        Some(Self {
            description: describe(file, rated, name, names.untold),
            labels: Labels::of(attributes, rated, common.labels, left_out),
            score: common.score.of(file, rated),
            file,
            rated,
            link: GuiPage::File.of(known.best()),
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
            mime_type: facts::mime_type(attributes).as_deref(),
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
            .or_else(|| hashes::hexadecimal(&file.id, 64));
        let given = [&attributes.ssdeep, &attributes.tlsh];
        for (given, known) in given.into_iter().zip(hashes::fuzzy(attributes)) {
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

fn checked<'a>(
    hash: Option<&'a str>,
    digits: usize,
    judge: &mut impl FnMut(bool) -> bool,
) -> Option<Cow<'a, str>> {
    let found = hashes::hexadecimal(hash?, digits);
    judge(found.is_some());
    found
}

fn size(attributes: &FileAttributes, left_out: &mut Reasons<LeftOut>) -> Option<i32> {
    let size = attributes.size?;
    let fits = i32::try_from(size).ok().filter(|size| *size >= 0);
    if fits.is_none() {
        left_out.add(LeftOut::Size);
    }
    fits
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
    if let Some(category) = facts::category(attributes) {
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
    let [ssdeep, tlsh] = hashes::fuzzy(attributes);
    for (kind, hash) in [("ssdeep", ssdeep), ("TLSH", tlsh)] {
        if let Some(hash) = hash {
            let _ = write!(out, " {kind}: `{hash}`.");
        }
    }
    out
}

fn describe_verdict(out: &mut String, attributes: &FileAttributes, rated: Rated) {
    match facts::detections(attributes.last_analysis_stats.as_ref()) {
        Some((found, asked)) => {
            let _ = write!(out, " Detections: {found} of {asked} engines.");
        }
        None => out.push_str(" Detections: unknown."),
    }
    out.push_str(" Severity: ");
    out.push_str(severity::words(rated));
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
