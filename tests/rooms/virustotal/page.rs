//! Pages, whatever is in them.

use proptest::prelude::*;
use serde_json::Value;
use vtreporter::virustotal::objects::{File, Kind};
use vtreporter::virustotal::{Loss, Odd};

use super::*;

#[tokio::test]
async fn every_attribute_of_a_real_shape_is_read() {
    let page = answered(|| json(200, PAGE)).await.unwrap();
    assert_eq!(page.odd, []);
    let file = &page.files[0];
    let attributes = &file.attributes;
    assert_eq!(file.kind, Kind::File);
    assert_eq!(attributes.size, Some(5_368_709_120));
    assert_eq!(attributes.names.len(), 2);
    assert_eq!(attributes.last_analysis_stats.unwrap().malicious, Some(38));
    assert_eq!(attributes.sandbox_verdicts.len(), 2);
    assert_eq!(attributes.sigma_analysis_stats["high"], Some(1));
    assert_eq!(
        attributes.sigma_analysis_results[0].rule_title.as_deref(),
        Some("Odd Parent Process")
    );
    assert_eq!(
        attributes.crowdsourced_yara_results[0].rule_name.as_deref(),
        Some("demo_rule")
    );
    let severity = attributes.threat_severity.as_ref().unwrap();
    assert_eq!(
        severity.threat_severity_level.as_deref(),
        Some("SEVERITY_HIGH")
    );
    let score = attributes
        .gti_assessment
        .as_ref()
        .unwrap()
        .threat_score
        .as_ref();
    assert_eq!(score.unwrap().value, Some(82));
    let families = &attributes.malware_config.as_ref().unwrap().families;
    assert_eq!(families[0].family.as_deref(), Some("sample"));
    let mime = &attributes.exiftool.as_ref().unwrap().mime_type;
    assert_eq!(mime.as_deref(), Some("application/octet-stream"));
    let urls = &file.relationships["contacted_urls"];
    let told = urls.data.as_ref().unwrap();
    assert_eq!(told[0].url(), Some("http://cdn.example.net/a?b=c"));
    assert_eq!(told[0].kind, Kind::Url);
    assert_eq!(urls.meta.cursor.as_deref(), Some("MjA"));
    assert_eq!(
        file.relationships["contacted_ips"].data.as_ref().unwrap()[1].id,
        "2001:db8::9"
    );
    let bare = &page.files[1];
    assert_eq!(bare.attributes.size, Some(1024));
    assert_eq!(bare.attributes.unique_sources, Some(1));
    assert!(bare.attributes.threat_severity.is_none());
    assert_eq!(bare.sha256(), bare.id);
}

fn page_of_oddities() -> Page {
    let body = r#"{"data":[
        {"type":"file","id":"A","attributes":{"sha256":"SHA","size":{"odd":1},"names":["ok",7,null,{"x":[1]},true,"\ud800half"],"tags":"not-a-list","md5":"ff","huge":1e999}},
        {"type":"file","id":"SHA","error":{"code":"NotFoundError","message":"gone"}},
        {"type":"file","id":"SHA","error":{"code":"TransientError","message":"File \"SHA\" failed"}},
        {"type":"file","id":"SHA","error":"odd"},
        null, 5, [], "text", {},
        {"type":"url","id":"SHA"},
        {"type":"file","id":"short","attributes":{"md5":"ff"}},
        {"type":"file","id":"SHA","attributes":null,"relationships":[]},
        {"type":"file","id":"SHA","attributes":{"sha256":"zz"}}
    ],"meta":{"cursor":42,"count":"many"}}"#;
    Page::parse(body.replace("SHA", SHA256).as_bytes()).unwrap()
}

#[test]
fn one_odd_object_or_attribute_loses_nothing_else() {
    let page = page_of_oddities();
    assert_eq!(page.files.len(), 3);
    let attributes = &page.files[0].attributes;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        attributes.names,
        [
            text("ok"),
            text("7"),
            None,
            None,
            None,
            text("\u{fffd}half")
        ]
    );
    assert_eq!(
        (attributes.size, attributes.md5.as_deref()),
        (None, Some("ff"))
    );
    assert_eq!(page.cursor.as_deref(), Some("42"));
}

#[test]
fn what_was_odd_is_told_by_what_it_loses() {
    let page = page_of_oddities();
    let odd = |loss: Loss| -> Vec<String> {
        let odd = page.odd.iter().filter(|odd| odd.loss == loss);
        odd.map(|odd| odd.what.clone()).collect()
    };
    assert_eq!(
        odd(Loss::Attributes),
        ["size, tags", "relationships", "sha256"]
    );
    assert_eq!(odd(Loss::NotThere), ["NotFoundError: gone"]);
    assert_eq!(
        odd(Loss::Object),
        [
            "TransientError: File \"…\" failed",
            "an error that says nothing",
            "not an object: null",
            "not an object: 5",
            "it has no SHA-256",
            "not an object: \"text\"",
            "it has no SHA-256",
            "not a file",
            "it has no SHA-256",
        ]
    );
}

#[test]
fn a_stub_in_a_sound_page_is_odd_and_a_cursor_that_cannot_be_read_is_a_gap() {
    let stub = format!(
        r#"{{"data":{{"type":"file","id":"{SHA256}","error":{{"code":"NotFoundError","message":"m"}}}},"meta":{{"cursor":["x"]}}}}"#
    );
    let page = Page::parse(stub.as_bytes()).unwrap();
    assert!(page.files.is_empty());
    let expected = Odd {
        id: Some(SHA256.to_owned()),
        what: "NotFoundError: m".to_owned(),
        loss: Loss::NotThere,
    };
    assert_eq!(page.odd[0], expected);
    assert!(page.odd[1].loss == Loss::Object && page.odd[1].what.contains("cursor"));
    assert_eq!(page.cursor, None);
}

#[test]
fn ten_thousand_names_and_bytes_that_are_no_text_are_read() {
    let names = vec![Value::from("n"); 10_000];
    let page = serde_json::json!({ "data": [{ "id": SHA256, "attributes": { "names": names, "meaningful_name": "XX" } }] });
    let mut body = page.to_string().into_bytes();
    let at = body.windows(2).position(|pair| pair == b"XX").unwrap();
    body[at] = 0xff;
    let page = Page::parse(&body).unwrap();
    assert_eq!(page.files[0].attributes.names.len(), 10_000);
    assert_eq!(
        page.files[0].attributes.meaningful_name.as_deref(),
        Some("\u{fffd}X")
    );
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "data",
            "meta",
            "cursor",
            "id",
            "type",
            "attributes",
            "relationships",
            "error",
            "size",
            "names",
            "tags",
            "threat_severity",
            "last_analysis_stats",
            "sandbox_verdicts",
            "code",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200), json in any_json()) {
        let _ = Page::parse(&body);
        let _ = Page::parse(json.to_string().as_bytes());
        let _ = File::lenient(&json);
    }

    #[test]
    fn a_page_keeps_its_good_objects_whatever_stands_among_them(garbage in prop::collection::vec(any_json(), 0..8), good in 1..6usize) {
        let mut data = garbage;
        for n in 0..good {
            let at = n * data.len() / good;
            let id = format!("{:064x}", 0xabc_0000 + n);
            data.insert(at, serde_json::json!({ "type": "file", "id": id, "attributes": { "size": n, "names": ["x"] } }));
        }
        let all = data.len();
        let page = Page::parse(serde_json::json!({ "data": data }).to_string().as_bytes()).unwrap();
        let kept = page.files.iter().filter(|file| file.id.contains("abc00") && file.attributes.names.len() == 1);
        prop_assert_eq!(kept.count(), good);
        let lost = page.odd.iter().filter(|odd| odd.loss != Loss::Attributes).count();
        prop_assert_eq!(page.files.len() + lost, all);
    }
}
