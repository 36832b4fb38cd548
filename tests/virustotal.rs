//! The client against servers that misbehave, byte by byte.

mod scripted;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use proptest::prelude::*;
use scripted::{Reply, Scripted, json, refusal, with_headers};
use serde_json::Value;
use vtreporter::clock::Clock;
use vtreporter::http::HttpOptions;
use vtreporter::secret::Secret;
use vtreporter::virustotal::objects::{File, Kind};
use vtreporter::virustotal::search::{Submitter, heavy_attributes};
use vtreporter::virustotal::{Error, Odd, Page, Remedy, Search, Settings, VirusTotal};

const PAGE: &str = include_str!("data/virustotal/vt_page.json");
const QUOTAS: &str = include_str!("data/virustotal/vt_overall_quotas.json");
const USER: &str = r#"{"data":{"type":"user","id":"cti-bot","attributes":{"privileges":{"intelligence":{"granted":true}}}}}"#;
const EMPTY: &str = r#"{"data":[],"meta":{}}"#;
const KEY: &str = "0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de";
const SHA256: &str = "1f2e3d4c5b6a79880f1e2d3c4b5a69781f2e3d4c5b6a79880f1e2d3c4b5a6978";

/// A client of the server at `url`, whose waits end at once.
fn client(url: &str) -> VirusTotal {
    let (clock, hand) = Clock::manual("2026-11-20T10:20:30Z".parse().unwrap());
    // Ends with the test's runtime.
    tokio::spawn(async move {
        loop {
            hand.sleeping(Duration::from_millis(1)).await;
            hand.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    });
    let settings = Settings {
        api_url: url.parse().unwrap(),
        api_key: Secret::new(KEY),
        requests_per_minute: None,
        http: HttpOptions {
            timeout: Duration::from_millis(300),
            ..HttpOptions::default()
        },
    };
    VirusTotal::new(&settings, clock).unwrap()
}

fn search() -> Search {
    Search {
        country: "AU".to_owned(),
        submitter: Submitter::Any,
        from: DateTime::from_timestamp(1_795_132_800, 0).unwrap(),
        to: DateTime::from_timestamp(1_795_219_200, 0).unwrap(),
        min_detections: 1,
        extra: Some("type:peexe".to_owned()),
        relationships: vec!["contacted_ips".to_owned(), "dropped_files".to_owned()],
        exclude_attributes: heavy_attributes(&[]),
    }
}

/// A server that says the same to every request, and what the first page is then.
async fn answered(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Page, Error> {
    let server = Scripted::start(move |_, _| reply()).await;
    client(&server.url()).search(&search(), None).await
}

#[tokio::test]
async fn a_search_sends_the_query_the_key_and_the_tool_and_goes_on_by_the_cursor() {
    let server = Scripted::start(|_, _| json(200, PAGE)).await;
    let vt = client(&server.url());
    let page = vt.search(&search(), None).await.unwrap();
    assert_eq!(page.cursor.as_deref(), Some("bmV4dA=="));
    vt.search(&search(), page.cursor.as_deref()).await.unwrap();
    let asked = server.asked();
    let first = &asked[0];
    assert_eq!(first.path(), "/api/v3/intelligence/search");
    assert_eq!(
        first.parameter("query").unwrap(),
        "entity:file submitter:AU fs:2026-11-20T00:00:00+ fs:2026-11-21T00:00:00- p:1+ type:peexe"
    );
    assert!(
        first.target.contains("%2B") && !first.target.contains("1+%"),
        "{}",
        first.target
    );
    for (name, value) in [
        ("limit", "300"),
        ("order", "first_submission_date+"),
        ("relationships", "contacted_ips,dropped_files"),
    ] {
        assert_eq!(first.parameter(name).as_deref(), Some(value));
    }
    let excluded = first.parameter("exclude_attributes").unwrap();
    assert!(excluded.contains("last_analysis_results") && !excluded.contains("exiftool"));
    assert_eq!(first.parameter("cursor"), None);
    assert_eq!(asked[1].parameter("cursor").as_deref(), Some("bmV4dA=="));
    for (name, value) in [
        ("x-apikey", KEY),
        ("x-tool", "opencti.vtreporter.0.1"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
    ] {
        assert_eq!(first.header(name), value);
    }
    assert!(first.header("user-agent").contains("gzip"));
    assert_eq!((vt.sent(), asked.len()), (2, 2));
}

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
    assert_eq!(urls.data[0].url(), Some("http://cdn.example.net/a?b=c"));
    assert_eq!(urls.data[0].kind, Kind::Url);
    assert_eq!(urls.meta.cursor.as_deref(), Some("MjA"));
    assert_eq!(
        file.relationships["contacted_ips"].data[1].id,
        "2001:db8::9"
    );
    let bare = &page.files[1];
    assert_eq!(bare.attributes.size, Some(1024));
    assert_eq!(bare.attributes.unique_sources, Some(1));
    assert!(bare.attributes.threat_severity.is_none());
    assert_eq!(bare.sha256(), bare.id);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_other_host_never_sees_the_key() {
    let other = Scripted::start(|_, _| json(200, PAGE)).await;
    let port = other.port();
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: http://user:{KEY}@localhost:{port}/steal?k={KEY}\r\n");
        let error = answered(move || with_headers(status, &location, ""))
            .await
            .unwrap_err();
        assert_eq!(
            error,
            Error::Redirected {
                status,
                to: "localhost".to_owned()
            }
        );
        assert_eq!(error.remedy(), Remedy::Fix);
    }
    let error = answered(|| with_headers(302, "", "")).await.unwrap_err();
    assert!(
        error.to_string().contains("a place it does not name"),
        "{error}"
    );
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn an_html_502_is_tried_again_and_named_by_its_title_when_it_stays() {
    let html = "<!doctype html><html><head><title>502 Bad Gateway</title></head></html>";
    let bad = move || with_headers(502, "content-type: text/html\r\n", html);
    let server =
        Scripted::start(move |_, before| if before < 2 { bad() } else { json(200, PAGE) }).await;
    let vt = client(&server.url());
    assert_eq!(vt.search(&search(), None).await.unwrap().files.len(), 2);
    assert_eq!((vt.sent(), server.asked().len()), (3, 3));

    let server = Scripted::start(move |_, _| bad()).await;
    let vt = client(&server.url());
    let error = vt.search(&search(), None).await.unwrap_err();
    let expected = "HTTP 502: an HTML page, \"502 Bad Gateway\"";
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!((error.remedy(), vt.sent()), (Remedy::Retry, 4));
}

#[tokio::test]
async fn a_cut_body_is_tried_again() {
    let cut =
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":[".to_vec());
    let short = || json(200, &PAGE[..PAGE.len() / 2]);
    let nothing = || Reply::Bytes(Vec::new());
    let server = Scripted::start(move |_, before| match before {
        0 => cut(),
        1 => short(),
        2 => nothing(),
        _ => json(200, PAGE),
    })
    .await;
    let vt = client(&server.url());
    assert_eq!(vt.search(&search(), None).await.unwrap().files.len(), 2);
    assert_eq!(vt.sent(), 4);
    for error in [
        answered(cut).await,
        answered(short).await,
        answered(nothing).await,
    ] {
        assert!(matches!(error, Err(Error::CutShort { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_success_that_is_not_the_api_is_malformed_and_not_an_empty_page() {
    for body in [
        "[]",
        "{}",
        "\"data\"",
        r#"{"data":"x"}"#,
        r#"{"data":7,"meta":{"cursor":"x"}}"#,
        r#"{"error":{"code":"NotFoundError"}}"#,
        "<html><title>Please log in</title></html>",
        "oops",
    ] {
        let result = answered(move || json(200, body)).await;
        assert!(
            matches!(result, Err(Error::Malformed { status: 200, .. })),
            "{body}: {result:?}"
        );
    }
    let error = answered(|| json(200, "<html><title>Please log in</title>")).await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("an HTML page, \"Please log in\"")
    );
}

#[tokio::test]
async fn an_empty_page_is_the_end_in_every_shape_it_comes_in() {
    for body in [
        EMPTY,
        r#"{"data":null}"#,
        r#"{"data":[],"meta":null}"#,
        r#"{"data":[],"meta":{"cursor":"one-more"}}"#,
        r#"{"data":[],"meta":{"cursor":""}}"#,
    ] {
        let page = answered(move || json(200, body)).await.unwrap();
        assert!(
            page.files.is_empty() && page.odd.is_empty() && page.cursor.is_none(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_gzipped_page_is_read_and_a_plain_refusal_too() {
    let mut packed =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n".to_vec();
    packed.extend(gzip(PAGE.as_bytes()));
    let page = answered(move || Reply::Bytes(packed.clone()))
        .await
        .unwrap();
    assert_eq!(page.files.len(), 2);
    let error = answered(|| refusal(429, "QuotaExceededError", "Quota exceeded")).await;
    assert!(matches!(error, Err(Error::OverQuota { .. })), "{error:?}");
}

#[tokio::test]
async fn a_body_over_the_cap_is_not_read() {
    let told = || Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 70000000\r\n\r\n{".to_vec());
    let untold = || {
        let mut bytes = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"data\":[\"".to_vec();
        bytes.resize(66 * 1024 * 1024, b'x');
        Reply::Bytes(bytes)
    };
    assert_eq!(
        answered(told).await.unwrap_err(),
        Error::TooLarge { limit_mb: 64 }
    );
    // Slow machines may run into the short time-out instead; neither is read to the end.
    let error = answered(untold).await.unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { .. } | Error::TimedOut { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out_and_asked_once_more() {
    let server = Scripted::start(|_, _| Reply::Silence).await;
    let vt = client(&server.url());
    let error = vt.search(&search(), None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no answer from 127.0.0.1 within 0.3 s: see VTREPORTER_TIMEOUT"
    );
    assert_eq!(vt.sent(), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_nothing() {
    let gone = Scripted::start(|_, _| Reply::Silence).await.url();
    tokio::task::yield_now().await;
    let vt = client(&gone);
    let error = vt.search(&search(), None).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(vt.sent(), 0);
}

#[tokio::test]
async fn refusals_are_not_repeated_and_lead_to_their_decisions() {
    for (status, code, remedy) in [
        (401, "WrongCredentialsError", Remedy::Fix),
        (403, "ForbiddenError", Remedy::Disable),
        (404, "NotFoundError", Remedy::Fix),
        (409, "AlreadyExistsError", Remedy::Skip),
        (429, "QuotaExceededError", Remedy::Pause),
        (429, "TooManyRequestsError", Remedy::Wait(None)),
    ] {
        let server = Scripted::start(move |_, _| refusal(status, code, "because")).await;
        let error = client(&server.url())
            .search(&search(), None)
            .await
            .unwrap_err();
        assert_eq!(error.remedy(), remedy, "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("HTTP {status} {code}: because")),
            "{error}"
        );
        assert_eq!(server.asked().len(), 1, "{code}");
    }
    let after = || with_headers(429, "retry-after: 7\r\n", "slow down");
    let error = answered(after).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Wait(Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn a_refused_undocumented_parameter_is_dropped_once_and_remembered() {
    // Named in the message, or not.
    for message in ["Unknown parameter 'relationships'", "Bad request"] {
        let server = Scripted::start(move |asked, _| {
            if asked.parameter("relationships").is_some() {
                refusal(400, "BadRequestError", message)
            } else {
                json(200, PAGE)
            }
        })
        .await;
        let vt = client(&server.url());
        for _ in 0..3 {
            assert_eq!(vt.search(&search(), None).await.unwrap().files.len(), 2);
        }
        assert_eq!(vt.dropped_parameters(), ["relationships"]);
        let asked = server.asked();
        assert_eq!(asked.len(), 4, "{message}");
        assert!(
            asked[1..]
                .iter()
                .all(|asked| asked.parameter("exclude_attributes").is_some())
        );
    }
}

#[tokio::test]
async fn a_refused_query_is_not_blamed_on_the_parameters_and_probed_once_only() {
    let server =
        Scripted::start(|_, _| refusal(400, "InvalidArgumentError", "unknown modifier")).await;
    let vt = client(&server.url());
    let error = vt.search(&search(), None).await.unwrap_err();
    assert!(
        error.to_string().contains("VTREPORTER_EXTRA_QUERY"),
        "{error}"
    );
    assert_eq!(vt.dropped_parameters(), [""; 0]);
    let probes = server.asked().len();
    vt.search(&search(), None).await.unwrap_err();
    assert_eq!((probes, server.asked().len()), (4, 5));
}

#[tokio::test]
async fn a_refused_cursor_is_told_from_a_refused_query() {
    let server = Scripted::start(|_, _| refusal(400, "BadRequestError", "Invalid cursor")).await;
    let vt = client(&server.url());
    let error = vt.search(&search(), Some("old")).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Restart);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn related_files_are_asked_for_by_sha_256_and_at_most_40_a_page() {
    let server = Scripted::start(|_, _| json(200, PAGE)).await;
    let vt = client(&server.url());
    let page = vt
        .related_files(SHA256, "similar_files", 500, Some("c+/="))
        .await;
    assert_eq!(page.unwrap().files.len(), 2);
    let asked = &server.asked()[0];
    assert_eq!(
        asked.path(),
        format!("/api/v3/files/{SHA256}/similar_files")
    );
    assert_eq!(asked.parameter("limit").as_deref(), Some("40"));
    assert_eq!(asked.parameter("cursor").as_deref(), Some("c+/="));
    let odd = vt
        .related_files("../users/me", "similar_files", 10, None)
        .await;
    assert!(odd.is_err());
    vt.related_files(SHA256, "../../x?y#z", 10, None)
        .await
        .unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        asked[1].path(),
        format!("/api/v3/files/{SHA256}/..%2F..%2Fx%3Fy%23z")
    );
}

#[tokio::test]
async fn quotas_are_read_by_the_account_s_id_and_cost_nothing() {
    let server = Scripted::start(|asked, _| match asked.path() {
        "/api/v3/users/me" => json(200, USER),
        "/api/v3/users/cti-bot/overall_quotas" => json(200, QUOTAS),
        _ => refusal(404, "NotFoundError", "no"),
    })
    .await;
    let vt = client(&server.url());
    assert_eq!(vt.user().await.unwrap().intelligence, Some(true));
    let before = vt.sent();
    for _ in 0..3 {
        let quotas = vt.overall_quotas().await.unwrap();
        let daily = quotas.0["api_requests_daily"].group.clone().unwrap();
        assert_eq!((daily.allowed, daily.used), (Some(20_000), Some(4507)));
        assert_eq!(daily.inherited_from.as_deref(), Some("sharing-centre"));
        assert_eq!(quotas.0["private_scans_per_minute"].group, None);
    }
    assert_eq!(vt.sent(), before);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn where_me_is_not_answered_the_key_goes_into_the_path_over_a_private_way_only() {
    let script =
        |asked: &scripted::Asked, _| match asked.path().trim_start_matches("/api/v3/users/") {
            "me" => refusal(404, "NotFoundError", "User \"me\" not found"),
            KEY => json(200, USER),
            "cti-bot/overall_quotas" => json(200, QUOTAS),
            _ => refusal(404, "NotFoundError", "no"),
        };
    let server = Scripted::start(script).await;
    client(&server.url()).overall_quotas().await.unwrap();
    let paths: Vec<_> = server
        .asked()
        .into_iter()
        .map(|asked| asked.target)
        .collect();
    assert_eq!(paths[1], format!("/api/v3/users/{KEY}"));
    // The same machine, in a form that does not say so.
    let public = format!("http://[::ffff:127.0.0.1]:{}/api/v3", server.port());
    let error = client(&public).overall_quotas().await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn an_account_id_that_leads_elsewhere_or_is_the_key_is_refused() {
    for id in ["..", "", KEY] {
        let user = format!(r#"{{"data":{{"id":"{id}"}}}}"#);
        let server = Scripted::start(move |_, _| json(200, &user)).await;
        let error = client(&server.url()).overall_quotas().await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        assert!(!error.to_string().contains(KEY));
    }
}

#[tokio::test]
async fn the_key_is_in_no_log_line_no_error_and_no_debug_output() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut texts = String::new();
    for status in [200, 301, 400, 401, 403, 404, 409, 429, 500, 502] {
        let server = Scripted::start(move |asked, _| {
            // A server that repeats everything it was sent.
            let echo = format!("{asked:?} {KEY} {}", KEY.to_uppercase());
            let location = format!("location: http://{KEY}.example.net/{KEY}\r\n");
            match asked.path() {
                "/api/v3/users/me" => refusal(404, "NotFoundError", &echo),
                _ if status == 400 => refusal(400, KEY, &echo),
                _ => with_headers(status, &location, &echo),
            }
        })
        .await;
        let vt = client(&server.url());
        let page = vt.search(&search(), None).await.unwrap_err();
        let related = vt
            .related_files(SHA256, "similar_files", 10, None)
            .await
            .unwrap_err();
        let quotas = vt.overall_quotas().await.unwrap_err();
        for error in [page, related, quotas] {
            texts.push_str(&format!("{error} {error:?} {vt:?}\n"));
        }
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("vt.path"), "{log}");
    for text in [texts, log] {
        let text = text.to_lowercase();
        assert!(!text.contains(KEY), "{}", text.replace(KEY, "<<<KEY>>>"));
    }
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Packs into gzip's stored blocks: no compression, but its true form.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut crc = !0u32;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = data.chunks(0xffff);
    let last = blocks.len() - 1;
    for (at, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(at == last));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend((!crc).to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out
}

#[test]
fn one_odd_object_or_attribute_loses_nothing_else() {
    let body = r#"{"data":[
        {"type":"file","id":"A","attributes":{"sha256":"SHA","size":{"odd":1},"names":["ok",7,null,{"x":[1]},true,"\ud800half"],"tags":"not-a-list","md5":"ff","huge":1e999}},
        {"type":"file","id":"SHA","error":{"code":"NotFoundError","message":"gone"}},
        {"type":"file","id":"SHA","error":"odd"},
        null, 5, [], "text", {},
        {"type":"url","id":"SHA"},
        {"type":"file","id":"short","attributes":{"md5":"ff"}},
        {"type":"file","id":"SHA","attributes":null,"relationships":[]},
        {"type":"file","id":"SHA","attributes":{"sha256":"zz"}}
    ],"meta":{"cursor":42,"count":"many"}}"#;
    let page = Page::parse(body.replace("SHA", SHA256).as_bytes()).unwrap();
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
    let odd = |lost: bool| -> Vec<String> {
        let odd = page.odd.iter().filter(|odd| odd.lost == lost);
        odd.map(|odd| odd.what.clone()).collect()
    };
    assert_eq!(odd(false), ["size, tags", "relationships", "sha256"]);
    assert_eq!(
        odd(true),
        [
            "NotFoundError: gone",
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
        lost: true,
    };
    assert_eq!(page.odd[0], expected);
    assert!(page.odd[1].lost && page.odd[1].what.contains("cursor"));
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
        let lost = page.odd.iter().filter(|odd| odd.lost).count();
        prop_assert_eq!(page.files.len() + lost, all);
    }
}
