//! What the report's tables say of one file, taken while the file is at hand.

use chrono::{DateTime, Utc};

use crate::base::text::{clean, says_nothing};
use crate::stix::id::IdMap;
use crate::stix::{Id, time};
use crate::virustotal::facts::novelty::Novelty;
use crate::virustotal::facts::signs::Sign;
use crate::virustotal::facts::{self, Rated, hashes, names};
use crate::virustotal::objects::File;

/// Characters of a word of VirusTotal's.
const MAX_WORD: usize = 100;

/// A file as the report's tables and its CSV show it: cleaned, not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// The id of its STIX object.
    pub(crate) id: Id,
    pub rated: Rated,
    /// Engines that detect it, and that gave a verdict.
    pub detections: Option<(u64, u64)>,
    /// Unix seconds of the first submission.
    pub first: Option<i64>,
    /// Unix seconds of the latest submission.
    pub last: Option<i64>,
    /// In bytes.
    pub size: Option<i64>,
    pub submissions: Option<i64>,
    /// How many different submitters there were.
    pub sources: Option<i64>,
    pub(crate) novelty: Novelty,
    /// By what it can be told again; of files that the search found only.
    pub(crate) signs: Vec<(Sign, Box<str>)>,
    /// All texts in one, for one allocation a file.
    texts: String,
    ends: [u32; TEXTS],
}

/// Files on their way out, by the ids of their objects.
pub type FileRows = IdMap<FileRow>;

const TEXTS: usize = 9;

/// Which text of a [`FileRow`]; a text is empty where VirusTotal does not tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    Sha256,
    Md5,
    Sha1,
    /// Its name, else its strongest hash.
    Name,
    /// VirusTotal's word for its type, "Win32 EXE".
    Kind,
    /// The category that most engines agree on.
    Category,
    /// The first of its families.
    Family,
    Ssdeep,
    Tlsh,
}

impl FileRow {
    /// Reads a file of this family, whose object has this id.
    pub fn of(file: &File, rated: Rated, family: Option<&str>, id: Id) -> Self {
        let attributes = &file.attributes;
        let mut row = Self {
            id,
            rated,
            detections: facts::detections(attributes.last_analysis_stats.as_ref()),
            first: attributes.first_submission_date,
            last: attributes.last_submission_date,
            size: attributes.size.filter(|size| *size >= 0),
            submissions: attributes.times_submitted.filter(|count| *count >= 0),
            sources: attributes.unique_sources.filter(|count| *count >= 0),
            novelty: Novelty::Unknown,
            signs: Vec::new(),
            texts: String::with_capacity(512),
            ends: [0; TEXTS],
        };
        let [sha256, md5, sha1] = hashes::of(file);
        let best = [&sha256, &sha1, &md5];
        let best = best.into_iter().find_map(Option::as_deref);
        row.put(Text::Sha256, sha256.as_deref().unwrap_or_default());
        row.put(Text::Md5, md5.as_deref().unwrap_or_default());
        row.put(Text::Sha1, sha1.as_deref().unwrap_or_default());
        match names::main(file) {
            Some(name) => row.put(Text::Name, &name),
            None => row.put(Text::Name, best.unwrap_or_default()),
        }
        row.put_word(Text::Kind, attributes.type_description.as_deref());
        row.put_word(Text::Category, facts::category(attributes));
        row.put_word(Text::Family, family);
        let [ssdeep, tlsh] = hashes::fuzzy(attributes);
        row.put(Text::Ssdeep, ssdeep.unwrap_or_default());
        row.put(Text::Tlsh, tlsh.unwrap_or_default());
        row
    }

    /// Texts are put in the order of [`Text`].
    fn put(&mut self, which: Text, text: &str) {
        self.texts.push_str(text);
        // A name has 500 characters at most, the others fewer.
        self.ends[which as usize] = self.texts.len() as u32;
    }

    fn put_word(&mut self, which: Text, text: Option<&str>) {
        let word = clean(text.unwrap_or_default(), MAX_WORD);
        self.put(which, if says_nothing(&word) { "" } else { &word });
    }

    pub fn text(&self, which: Text) -> &str {
        let at = which as usize;
        let begin = match at {
            0 => 0,
            at => self.ends[at - 1] as usize,
        };
        &self.texts[begin..self.ends[at] as usize]
    }

    /// The strongest hash there is; empty for none.
    pub(crate) fn best_hash(&self) -> &str {
        let all = [Text::Sha256, Text::Sha1, Text::Md5].into_iter();
        let mut all = all.map(|hash| self.text(hash));
        all.find(|hash| !hash.is_empty()).unwrap_or_default()
    }

    pub fn first_submitted(&self) -> Option<DateTime<Utc>> {
        self.first.and_then(time::from_unix)
    }
}
