//! VirusTotal's objects as they arrive. Every attribute is optional: absent,
//! `null` and (after [`File::lenient`]) of an odd type are all `None`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::loose::{flexible_int, null_is_default, one_or_many, text, texts};

/// A `file` object, or the error stub that stands in its place.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct File {
    /// The SHA-256, in hexadecimal.
    #[serde(default)]
    pub id: String,
    /// What it says it is; a file where it does not say.
    #[serde(default = "file", rename = "type")]
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

/// The `type` of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    File,
    IpAddress,
    Domain,
    Url,
    /// Not told, or none of ours.
    #[default]
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
    pub sha256: Option<String>,
    pub sha1: Option<String>,
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
    /// First sighting in the wild; rarely told for files, and 1 occurs.
    #[serde(deserialize_with = "flexible_int")]
    pub first_seen_itw_date: Option<i64>,
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
    /// Rules for network traffic that matched.
    #[serde(deserialize_with = "null_is_default")]
    pub crowdsourced_ids_results: Vec<IdsResult>,
    /// Who signed it.
    pub signature_info: Option<SignatureInfo>,
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
pub struct Votes {
    pub value: Option<String>,
    #[serde(deserialize_with = "flexible_int")]
    pub count: Option<i64>,
}

/// One sandbox's verdict.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
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
pub struct SigmaResult {
    pub rule_title: Option<String>,
    pub rule_level: Option<String>,
    pub rule_source: Option<String>,
}

/// A YARA rule that matched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct YaraResult {
    pub rule_name: Option<String>,
    pub ruleset_name: Option<String>,
    pub author: Option<String>,
    pub source: Option<String>,
}

/// A rule for network traffic that matched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct IdsResult {
    pub rule_msg: Option<String>,
}

/// `signature_info`, as far as it is used; what a file is signed with decides
/// what else is in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignatureInfo {
    /// "Signed" where the signature is good; else a sentence.
    #[serde(deserialize_with = "text")]
    pub verified: Option<String>,
    /// The signer, then those who vouch for it, with semicolons between.
    #[serde(deserialize_with = "text")]
    pub signers: Option<String>,
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
pub struct GtiValue {
    #[serde(deserialize_with = "flexible_int")]
    pub value: Option<i64>,
}

/// `malware_config`, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MalwareConfig {
    #[serde(deserialize_with = "null_is_default")]
    pub families: Vec<ConfigFamily>,
}

/// A family whose configuration was extracted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConfigFamily {
    pub family: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub configs: Vec<ExtractedConfig>,
}

/// One configuration, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExtractedConfig {
    pub net_info: Option<NetInfo>,
}

/// Where a configuration leads, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NetInfo {
    #[serde(deserialize_with = "null_is_default")]
    pub connections: Vec<Connection>,
}

/// An address in a configuration: untrusted, control characters occur.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Connection {
    #[serde(deserialize_with = "text")]
    pub host: Option<String>,
    #[serde(deserialize_with = "text")]
    pub url: Option<String>,
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
    /// At most 20, even where there are more. `None`: it does not say whether
    /// there are any.
    #[serde(deserialize_with = "one_or_many")]
    pub data: Option<Vec<Descriptor>>,
    /// `cursor` is there where there are more than came along.
    #[serde(deserialize_with = "null_is_default")]
    pub meta: Meta,
}

/// What names a related object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    /// What it names.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// SHA-256, address, name; of a URL the SHA-256 of its canonical form.
    pub id: String,
    /// A URL's text stands in here.
    pub context_attributes: Option<Context>,
    /// Set on a stub.
    pub error: Option<ObjectError>,
}

/// What a descriptor says beside the id, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The URL whose SHA-256 is the id.
    #[serde(deserialize_with = "text")]
    pub url: Option<String>,
}

impl Descriptor {
    /// The readable URL of a `url` descriptor.
    pub fn url(&self) -> Option<&str> {
        self.context_attributes.as_ref()?.url.as_deref()
    }
}

/// What an object in a list of files is unless it says otherwise.
fn file() -> Kind {
    Kind::File
}

/// `meta` of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Meta {
    pub cursor: Option<String>,
    #[serde(deserialize_with = "flexible_int")]
    pub count: Option<i64>,
    #[serde(deserialize_with = "flexible_int")]
    pub total_hits: Option<i64>,
}

impl File {
    /// The SHA-256: the attribute, else the id.
    pub fn sha256(&self) -> &str {
        self.attributes.sha256.as_deref().unwrap_or(&self.id)
    }
}
