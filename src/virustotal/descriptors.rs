//! A page of descriptors, `/files/{id}/relationships/{name}`: each is read by
//! itself, so that one odd descriptor loses no other. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::objects::{Descriptor, Meta};
use super::page::{Loss, Odd, stub, why};
use super::relations::Listed;
use crate::base::text::quoted;

#[derive(Deserialize)]
struct Promised<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    meta: Option<Meta>,
}

/// Reads an answer's body. The error says what is wrong with it.
pub(super) fn parse(body: &[u8]) -> Result<Listed<Descriptor>, String> {
    let promised: Promised<'_> = serde_json::from_slice(body).map_err(|error| why(&error))?;
    let mut listed = Listed {
        found: Vec::with_capacity(promised.data.len()),
        odd: Vec::new(),
        cursor: promised.meta.and_then(|meta| meta.cursor),
    };
    for raw in promised.data {
        match serde_json::from_str::<Descriptor>(raw.get()) {
            Ok(one) => match &one.error {
                Some(error) => listed.odd.push(stub(&one.id, error)),
                None => listed.found.push(one),
            },
            Err(_) => listed.odd.push(Odd {
                id: None,
                what: format!("not a descriptor: {}", quoted(raw.get())),
                loss: Loss::Object,
            }),
        }
    }
    // As with files: nothing on a page is the end, whatever its cursor says.
    let empty = listed.found.is_empty() && listed.odd.is_empty();
    listed.cursor = listed.cursor.filter(|cursor| !empty && !cursor.is_empty());
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_descriptor_loses_no_other_and_a_stub_is_no_loss() {
        let body = br#"{"data":[
            {"type":"url","id":"aa","context_attributes":{"url":"http://a.example/"}},
            7,
            {"type":"domain","id":"gone.example","error":{"code":"NotFoundError","message":"m"}},
            {"type":"ip_address","id":"203.0.113.9"}],"meta":{"count":9,"cursor":"next"}}"#;
        let listed = parse(body).unwrap();
        let ids: Vec<_> = listed.found.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["aa", "203.0.113.9"]);
        assert_eq!(listed.found[0].url(), Some("http://a.example/"));
        let odd: Vec<_> = listed.odd.iter().map(|odd| odd.loss).collect();
        assert_eq!(odd, [Loss::Object, Loss::NotThere]);
        assert_eq!(listed.cursor.as_deref(), Some("next"));
    }

    #[test]
    fn what_is_no_list_is_no_answer() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"data":null}"#,
            r#"{"data":{}}"#,
            "<html>",
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(
            parse(br#"{"data":[],"meta":{"cursor":"x"}}"#)
                .unwrap()
                .cursor
                .is_none()
        );
    }
}
