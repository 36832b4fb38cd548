//! VirusTotal's objects as they arrive. Every attribute is optional: absent,
//! `null` and (after [`lenient`](File::lenient)) of an odd type are all `None`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A `file` object, or the error stub that stands in its place.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct File {
    /// The SHA-256, in hexadecimal.
    #[serde(default)]
    pub id: String,
    /// What it says it is.
    #[serde(default, rename = "type")]
    pub kind: Kind,
    /// What VirusTotal knows of the file.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attributes: FileAttributes,
    /// Relationships that were asked for with the page, by name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub relationships: BTreeMap<String, Relationship>,
    /// Set on a stub: the object could not be read.
    #[serde(default)]
    pub error: Option<ObjectError>,
}

/// The `type` of an object in a list of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file; also where it is not said.
    #[default]
    File,
    /// Something that does not belong there.
    #[serde(other)]
    Other,
}

/// Why an object in a list could not be read.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ObjectError {
    /// `NotFoundError`, ...
    #[serde(default)]
    pub code: String,
    /// For people.
    #[serde(default)]
    pub message: String,
}

/// The attributes of a `file` that we use. Times are Unix seconds, sizes bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FileAttributes {
    #[expect(missing_docs, reason = "named as VirusTotal names them")]
    pub sha256: Option<String>,
    #[expect(missing_docs, reason = "named as VirusTotal names them")]
    pub sha1: Option<String>,
    #[expect(missing_docs, reason = "named as VirusTotal names them")]
    pub md5: Option<String>,
    /// Fuzzy hash.
    pub ssdeep: Option<String>,
    /// Fuzzy hash, with its `T1` prefix.
    pub tlsh: Option<String>,
    /// Bytes; may be over 2 GiB.
    #[serde(deserialize_with = "flexible_int")]
    pub size: Option<i64>,
    /// All names ever seen, chosen by whoever submitted: untrusted.
    #[serde(deserialize_with = "texts")]
    pub names: Vec<Option<String>>,
    /// VirusTotal's pick among the names: untrusted.
    pub meaningful_name: Option<String>,
    /// "Win32 EXE".
    pub type_description: Option<String>,
    /// "peexe".
    pub type_tag: Option<String>,
    /// "exe".
    pub type_extension: Option<String>,
    /// VirusTotal's tags.
    #[serde(deserialize_with = "texts")]
    pub tags: Vec<Option<String>>,
    /// First submission anywhere.
    #[serde(deserialize_with = "flexible_int")]
    pub first_submission_date: Option<i64>,
    /// Latest submission.
    #[serde(deserialize_with = "flexible_int")]
    pub last_submission_date: Option<i64>,
    /// Latest analysis.
    #[serde(deserialize_with = "flexible_int")]
    pub last_analysis_date: Option<i64>,
    /// Submissions.
    #[serde(deserialize_with = "flexible_int")]
    pub times_submitted: Option<i64>,
    /// Different submitters.
    #[serde(deserialize_with = "flexible_int")]
    pub unique_sources: Option<i64>,
    /// Votes of the community, may be negative.
    #[serde(deserialize_with = "flexible_int")]
    pub reputation: Option<i64>,
    /// Verdicts of the engines, counted.
    pub last_analysis_stats: Option<AnalysisStats>,
    /// Verdicts of the engines, one by one; left out unless asked for.
    #[serde(deserialize_with = "null_is_default")]
    pub last_analysis_results: BTreeMap<String, Option<EngineResult>>,
    /// Category and family names the engines agree on.
    pub popular_threat_classification: Option<ThreatClassification>,
    /// Verdicts of the sandboxes by sandbox.
    #[serde(deserialize_with = "null_is_default")]
    pub sandbox_verdicts: BTreeMap<String, Option<SandboxVerdict>>,
    /// Sigma rules that matched, counted by level.
    #[serde(deserialize_with = "null_is_default")]
    pub sigma_analysis_stats: BTreeMap<String, Option<i64>>,
    /// Sigma rules that matched.
    #[serde(deserialize_with = "null_is_default")]
    pub sigma_analysis_results: Vec<SigmaResult>,
    /// YARA rules that matched.
    #[serde(deserialize_with = "null_is_default")]
    pub crowdsourced_yara_results: Vec<YaraResult>,
    /// VirusTotal's severity.
    pub threat_severity: Option<ThreatSeverity>,
    /// Google Threat Intelligence's assessment (licence and `x-tool` header).
    pub gti_assessment: Option<GtiAssessment>,
    /// Extracted configurations.
    pub malware_config: Option<MalwareConfig>,
    /// Metadata; only `MIMEType` is read.
    pub exiftool: Option<Exiftool>,
}

/// `last_analysis_stats`: engines by verdict.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct AnalysisStats {
    #[serde(deserialize_with = "flexible_int")]
    pub malicious: Option<i64>,
    #[serde(deserialize_with = "flexible_int")]
    pub suspicious: Option<i64>,
    #[serde(deserialize_with = "flexible_int")]
    pub undetected: Option<i64>,
    #[serde(deserialize_with = "flexible_int")]
    pub harmless: Option<i64>,
}

/// One engine's verdict.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EngineResult {
    /// `malicious`, `suspicious`, `undetected`, ...
    pub category: Option<String>,
    /// The engine's own label: untrusted.
    pub result: Option<String>,
}

/// `popular_threat_classification`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThreatClassification {
    /// "trojan.agenttesla/msil".
    pub suggested_threat_label: Option<String>,
    /// Categories with votes.
    #[serde(deserialize_with = "null_is_default")]
    pub popular_threat_category: Vec<Votes>,
    /// Family names with votes.
    #[serde(deserialize_with = "null_is_default")]
    pub popular_threat_name: Vec<Votes>,
}

/// A name and how many engines gave it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct Votes {
    pub value: Option<String>,
    #[serde(deserialize_with = "flexible_int")]
    pub count: Option<i64>,
}

/// One sandbox's verdict.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct SandboxVerdict {
    pub category: Option<String>,
    pub sandbox_name: Option<String>,
    #[serde(deserialize_with = "texts")]
    pub malware_classification: Vec<Option<String>>,
    #[serde(deserialize_with = "texts")]
    pub malware_names: Vec<Option<String>>,
    #[serde(deserialize_with = "flexible_int")]
    pub confidence: Option<i64>,
}

/// A Sigma rule that matched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct SigmaResult {
    pub rule_title: Option<String>,
    pub rule_level: Option<String>,
    pub rule_source: Option<String>,
}

/// A YARA rule that matched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct YaraResult {
    pub rule_name: Option<String>,
    pub ruleset_name: Option<String>,
    pub author: Option<String>,
    pub source: Option<String>,
}

/// `threat_severity`. Its `version` and `last_analysis_date` are numbers in
/// some objects and texts in others, and not used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThreatSeverity {
    /// `SEVERITY_HIGH`, ...
    pub threat_severity_level: Option<String>,
    /// Why, in a sentence.
    pub level_description: Option<String>,
}

/// `gti_assessment`, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GtiAssessment {
    /// 0 to 100.
    pub threat_score: Option<GtiValue>,
}

/// A value in a box of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct GtiValue {
    #[serde(deserialize_with = "flexible_int")]
    pub value: Option<i64>,
}

/// `malware_config`, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct MalwareConfig {
    #[serde(deserialize_with = "null_is_default")]
    pub families: Vec<ConfigFamily>,
}

/// A family whose configuration was extracted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct ConfigFamily {
    pub family: Option<String>,
}

/// `exiftool`, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Exiftool {
    /// "application/pdf".
    #[serde(rename = "MIMEType")]
    pub mime_type: Option<String>,
}

/// A relationship that came with its object: descriptors only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Relationship {
    /// At most 20, even where there are more.
    #[serde(deserialize_with = "one_or_many")]
    pub data: Vec<Descriptor>,
    /// `cursor` is there where there are more than came along.
    #[serde(deserialize_with = "null_is_default")]
    pub meta: Meta,
}

/// What names a related object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    /// `file`, `ip_address`, `domain`, `url`.
    #[serde(rename = "type")]
    pub kind: String,
    /// SHA-256, address, name; of a URL the SHA-256 of its canonical form.
    pub id: String,
    /// A URL's text stands in `url` here.
    pub context_attributes: Option<BTreeMap<String, Value>>,
    /// Set on a stub.
    pub error: Option<ObjectError>,
}

impl Descriptor {
    /// The readable URL of a `url` descriptor.
    pub fn url(&self) -> Option<&str> {
        self.context_attributes.as_ref()?.get("url")?.as_str()
    }
}

/// `meta` of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as VirusTotal names them")]
pub struct Meta {
    pub cursor: Option<String>,
    #[serde(deserialize_with = "flexible_int")]
    pub count: Option<i64>,
    #[serde(deserialize_with = "flexible_int")]
    pub total_hits: Option<i64>,
}

impl File {
    /// Reads an object whose attributes are of odd types: each attribute by
    /// itself, so that one odd attribute does not lose the object. Also returns
    /// the names of those that could not be read. `None`: not an object at all.
    pub fn lenient(value: &Value) -> Option<(Self, Vec<String>)> {
        Self::lenient_text(&value.to_string())
    }

    /// [`File::lenient`] of a JSON text, which may also hold numbers and
    /// escapes that a [`Value`] cannot.
    pub fn lenient_text(text: &str) -> Option<(Self, Vec<String>)> {
        let mut parts: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        let mut odd = Vec::new();
        let mut file = Self::default();
        for part in ["attributes", "relationships"] {
            let Some(raw) = parts.remove(part) else {
                continue;
            };
            let readable = readable(part, raw.get(), &mut odd);
            if let Ok(read) = serde_json::from_str::<Self>(&readable) {
                match part {
                    "attributes" => file.attributes = read.attributes,
                    _ => file.relationships = read.relationships,
                }
            }
        }
        for (part, raw) in parts {
            let read = || serde_json::from_str::<Self>(&format!(r#"{{"{part}":{raw}}}"#));
            match part.as_str() {
                "id" => file.id = read().map(|read| read.id).unwrap_or_default(),
                "type" => file.kind = read().map_or(Kind::Other, |read| read.kind),
                // A stub stays one, however odd its reason.
                "error" => {
                    file.error = read()
                        .map(|read| read.error)
                        .unwrap_or_else(|_| Some(ObjectError::default()));
                }
                _ => {}
            }
        }
        Some((file, odd))
    }

    /// The SHA-256: the attribute, else the id.
    pub fn sha256(&self) -> &str {
        self.attributes.sha256.as_deref().unwrap_or(&self.id)
    }
}

/// A file with nothing but those members of its `part` that can be read, as a text.
fn readable(part: &str, text: &str, odd: &mut Vec<String>) -> String {
    let members: BTreeMap<String, &RawValue> = match serde_json::from_str(text) {
        Ok(members) => members,
        Err(_) => {
            if text != "null" {
                odd.push(part.to_owned());
            }
            BTreeMap::new()
        }
    };
    let mut kept = String::new();
    for (name, raw) in members {
        let member = format!("{}:{raw}", Value::from(name.as_str()));
        let alone = format!(r#"{{"{part}":{{{member}}}}}"#);
        if serde_json::from_str::<File>(&alone).is_err() {
            odd.push(name);
            continue;
        }
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(&member);
    }
    format!(r#"{{"{part}":{{{kept}}}}}"#)
}

/// `null` where a list or map belongs is an empty one.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A number that some objects carry as a text of digits.
fn flexible_int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    struct Flexible;
    impl Visitor<'_> for Flexible {
        type Value = Option<i64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, a text of digits or null")
        }

        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number))
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(i64::try_from(number).ok())
        }

        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok((number.is_finite() && number.abs() < 9e15).then_some(number as i64))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(text.trim().parse().ok())
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Flexible)
}

/// A list of texts. What is no text in it is `None`, so that one odd name does
/// not lose the others; numbers are read as texts.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<String>>, D::Error> {
    let list: Option<Vec<Loose>> = Option::deserialize(deserializer)?;
    Ok(list
        .unwrap_or_default()
        .into_iter()
        .map(|Loose(text)| text)
        .collect())
}

/// A text, or whatever stands where a text belongs.
struct Loose(Option<String>);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Loose;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
                Ok(Loose(Some(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Loose, E> {
                Ok(Loose(Some(text)))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
                Ok(Loose(Some(number.to_string())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
                Ok(Loose(Some(number.to_string())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Loose, E> {
                Ok(Loose(Some(number.to_string())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Loose, E> {
                Ok(Loose(None))
            }

            fn visit_unit<E>(self) -> Result<Loose, E> {
                Ok(Loose(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Loose(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A list, or the one object that stands in its place, or `null`: lists of
/// objects, and relationships, which are one-to-one or one-to-many.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list, an object or null")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut many = Vec::new();
            while let Some(one) = seq.next_element()? {
                many.push(one);
            }
            Ok(many)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }
    }
    deserializer.deserialize_any(OneOrMany(PhantomData))
}
