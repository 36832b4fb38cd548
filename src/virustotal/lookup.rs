//! One file's report, by any of its hashes.

use std::fmt;

use serde_json::Value;

use super::calls::{data, subject};
use super::client::{Call, VirusTotal};
use super::error::Error;
use super::search::HEAVY;

/// The attribute that holds each engine's result: heavy in a page of a search,
/// and what a look-up is for.
const ENGINES: &str = "last_analysis_results";

/// An MD5, SHA-1 or SHA-256, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHash(String);

impl FileHash {
    /// The hash that a text is, in any case and with spaces around it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_hash =
            [32, 40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// VirusTotal's object of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Its SHA-256.
    pub id: String,
    /// Its other hashes, in lower case.
    pub aliases: Vec<String>,
    /// The object as JSON.
    pub json: String,
    /// It holds each engine's result.
    pub engines: bool,
}

impl FileReport {
    /// Reads a file's object. `None`: no SHA-256 names it.
    pub fn of(object: &Value) -> Option<Self> {
        let attributes = &object["attributes"];
        let hash = |value: &Value| value.as_str().and_then(FileHash::parse);
        let id = hash(&object["id"]).or_else(|| hash(&attributes["sha256"]))?;
        if id.as_str().len() != 64 || !attributes.is_object() {
            return None;
        }
        let aliases = ["sha1", "md5"]
            .into_iter()
            .filter_map(|name| hash(&attributes[name]));
        Some(Self {
            aliases: aliases.map(|alias| alias.0).collect(),
            json: object.to_string(),
            engines: attributes[ENGINES].is_object(),
            id: id.0,
        })
    }
}

impl VirusTotal {
    /// The report of a file, with each engine's result; `None`: VirusTotal does
    /// not know the file. One request either way.
    pub async fn file(&self, hash: &FileHash) -> Result<Option<FileReport>, Error> {
        let mut url = self.url(&["files", hash.as_str()]);
        let heavy = HEAVY.iter().filter(|name| **name != ENGINES);
        let heavy: Vec<&str> = heavy.copied().collect();
        url.query_pairs_mut()
            .append_pair("exclude_attributes", &heavy.join(","));
        let call = Call {
            url,
            path: format!("/files/{hash}"),
            subject: subject(&format!("the file {hash}")),
            endpoint: "file_info",
            charged: true,
        };
        let answer = self.get(&call, |body| {
            let object = data(body)?;
            FileReport::of(&object).ok_or_else(|| "it is no file's report".to_owned())
        });
        match answer.await {
            Ok(report) => Ok(Some(report)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hash_is_one_whatever_its_case_and_a_path_is_none() {
        let sha256 = "AB".repeat(32);
        for (text, expected) in [
            (sha256.as_str(), Some("ab".repeat(32))),
            (
                " d41d8cd98f00b204e9800998ecf8427e\r",
                Some("d41d8cd98f00b204e9800998ecf8427e".into()),
            ),
            ("../x", None),
            ("", None),
            ("d41d8cd98f00b204e9800998ecf8427", None),
            ("zz1d8cd98f00b204e9800998ecf8427e", None),
        ] {
            assert_eq!(FileHash::parse(text).map(|hash| hash.0), expected, "{text}");
        }
    }

    #[test]
    fn a_report_has_its_other_hashes_and_says_whether_engines_are_in_it() {
        let sha256 = "ab".repeat(32);
        let object =
            |attributes: Value| json!({ "type": "file", "id": sha256, "attributes": attributes });
        let short = FileReport::of(&object(
            json!({ "md5": "D41D8CD98F00B204E9800998ECF8427E" }),
        ))
        .unwrap();
        assert_eq!(short.aliases, ["d41d8cd98f00b204e9800998ecf8427e"]);
        assert!(!short.engines);
        let whole = FileReport::of(&object(json!({ "last_analysis_results": {} }))).unwrap();
        assert!(whole.engines);
        for odd in [
            json!(null),
            json!({ "id": "x", "attributes": {} }),
            json!({ "id": sha256 }),
        ] {
            assert_eq!(FileReport::of(&odd), None, "{odd}");
        }
    }
}
