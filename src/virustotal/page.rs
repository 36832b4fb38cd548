//! A page of files: read fast where it is as promised, and object by object
//! where it is not, so that one odd object loses nothing else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::loose::one_or_many;
use super::objects::{File, Kind, Meta, ObjectError};
use crate::base::text::{is_hexadecimal, quoted};

/// A page of a search, or of a relationship whose objects are files.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The files that could be read.
    pub files: Vec<File>,
    /// What could not.
    pub odd: Vec<Odd>,
    /// Where the next page begins; `None` on the last one.
    pub cursor: Option<String>,
}

/// Something in a page that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// The object's id, where it has one: cleaned, but foreign.
    pub id: Option<String>,
    /// What is wrong: attributes by name, or the reason of a stub.
    pub what: String,
    /// What is missing for it.
    pub loss: Loss,
}

/// What is missing where something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing of ours: VirusTotal lists an object that it does not have, which
    /// is an everyday state of it.
    NotThere,
    /// The whole object.
    Object,
    /// Attributes only.
    Attributes,
}

/// The page as promised.
#[derive(Deserialize)]
struct Promised {
    #[serde(deserialize_with = "one_or_many")]
    data: Option<Vec<File>>,
    #[serde(default)]
    meta: Option<Meta>,
}

impl Page {
    /// Reads an answer's body. The error says what is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        // Once for all of it, and not again for each text in it. Many times faster
        // than the lossy way, where it is UTF-8.
        let body = match str::from_utf8(body) {
            Ok(body) => Cow::Borrowed(body),
            Err(_) => String::from_utf8_lossy(body),
        };
        let mut page = match serde_json::from_str::<Promised>(&body) {
            Ok(promised) => {
                // Taken for the end it would lose every page behind it.
                let data = promised.data.ok_or("its `data` is null")?;
                let mut page = Self {
                    files: Vec::with_capacity(data.len()),
                    odd: Vec::new(),
                    cursor: promised.meta.and_then(|meta| meta.cursor),
                };
                for file in data {
                    page.add(file, Vec::new());
                }
                page
            }
            Err(_) => Self::parse_piecewise(&body)?,
        };
        // An empty page is the end, whatever its cursor says.
        let empty = page.files.is_empty() && page.odd.is_empty();
        page.cursor = page.cursor.filter(|cursor| !empty && !cursor.is_empty());
        Ok(page)
    }

    /// Each object by itself. Slow, and rarely needed.
    fn parse_piecewise(body: &str) -> Result<Self, String> {
        let body = mend_surrogates(body);
        let parts: BTreeMap<String, &RawValue> =
            serde_json::from_str(&body).map_err(|error| why(&error))?;
        let Some(data) = parts.get("data").map(|raw| raw.get()) else {
            return Err("it has no `data`".to_owned());
        };
        let objects: Vec<&str> = match data.as_bytes().first() {
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(data)
                .map_err(|error| why(&error))?
                .into_iter()
                .map(RawValue::get)
                .collect(),
            Some(b'{') => vec![data],
            Some(b'n') => return Err("its `data` is null".to_owned()),
            _ => return Err("its `data` is not a list".to_owned()),
        };
        let mut page = Self::default();
        for object in objects {
            page.add_text(object);
        }
        page.cursor = page.read_cursor(parts.get("meta").map(|raw| raw.get()));
        Ok(page)
    }

    fn add_text(&mut self, object: &str) {
        if let Ok(file) = serde_json::from_str(object) {
            return self.add(file, Vec::new());
        }
        match File::lenient_text(object) {
            Some((file, odd)) => self.add(file, odd),
            None => self.odd.push(Odd {
                id: None,
                what: format!("not an object: {}", quoted(object)),
                loss: Loss::Object,
            }),
        }
    }

    /// Puts a file where it belongs. `unread` are the attributes that could not be read.
    fn add(&mut self, mut file: File, mut unread: Vec<String>) {
        let lost = |what: String, file: &File| Odd {
            id: Some(quoted(&file.id)).filter(|id| !id.is_empty()),
            what,
            loss: Loss::Object,
        };
        if let Some(error) = &file.error {
            return self.odd.push(stub(&file.id, error));
        }
        if file.kind != Kind::File {
            return self.odd.push(lost("not a file".to_owned(), &file));
        }
        if file
            .attributes
            .sha256
            .as_deref()
            .is_some_and(|hash| !is_sha256(hash))
        {
            file.attributes.sha256 = None;
            unread.push("sha256".to_owned());
        }
        if !is_sha256(file.sha256()) {
            return self.odd.push(lost("it has no SHA-256".to_owned(), &file));
        }
        if !unread.is_empty() {
            self.odd.push(Odd {
                id: Some(file.sha256().to_owned()),
                what: quoted(&unread.join(", ")),
                loss: Loss::Attributes,
            });
        }
        self.files.push(file);
    }

    /// The cursor in a `meta` of an odd shape. One that cannot be read is a gap:
    /// without it the pages behind this one are missing.
    fn read_cursor(&mut self, meta: Option<&str>) -> Option<String> {
        let meta = meta.and_then(|meta| serde_json::from_str::<Value>(meta).ok())?;
        match meta.get("cursor")? {
            Value::Null => None,
            Value::String(cursor) => Some(cursor.clone()),
            Value::Number(cursor) => Some(cursor.to_string()),
            _ => {
                self.odd.push(Odd {
                    id: None,
                    what: "the cursor of the next page cannot be read".to_owned(),
                    loss: Loss::Object,
                });
                None
            }
        }
    }
}

/// What the error that stands in an object's place means.
pub(super) fn stub(id: &str, error: &ObjectError) -> Odd {
    // Without the id, which the message may repeat: told apart by it, the same
    // error of many objects would be as many errors.
    let message = if id.is_empty() {
        quoted(&error.message)
    } else {
        quoted(&error.message.replace(id, "…"))
    };
    let what = match (quoted(&error.code), message) {
        (code, message) if code.is_empty() && message.is_empty() => {
            "an error that says nothing".to_owned()
        }
        (code, message) => format!("{code}: {message}"),
    };
    let loss = match error.code.as_str() {
        "NotFoundError" => Loss::NotThere,
        _ => Loss::Object,
    };
    Odd {
        id: Some(quoted(id)).filter(|id| !id.is_empty()),
        what,
        loss,
    }
}

/// 64 hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_hexadecimal(text)
}

/// What is wrong with a text that ends in the middle.
pub(crate) const CUT: &str = "its JSON ends too early";

/// What is wrong with a JSON text, without any of it.
pub(crate) fn why(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return CUT.to_owned();
    }
    format!(
        "it is not JSON as promised, line {} column {}",
        error.line(),
        error.column()
    )
}

/// Replaces `\uD800`-like halves without their other half, which JSON allows
/// and a text cannot hold, by the replacement character.
fn mend_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            at += 1;
            continue;
        }
        at += match (half(bytes, at), half(bytes, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(_), _) => {
                out.push_str(&text[kept..at]);
                out.push_str("\\ufffd");
                kept = at + 6;
                6
            }
            (None, _) => 2,
        };
    }
    if kept == 0 {
        return text.into();
    }
    out.push_str(&text[kept..]);
    out.into()
}

/// The surrogate half that is escaped at this place.
fn half(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..=0xdfff).contains(&code).then_some(code)
}
