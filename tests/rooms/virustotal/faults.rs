//! Servers that misbehave, byte by byte.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

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
        r#"{"data":null}"#,
        r#"{"data":null,"meta":{}}"#,
        r#"{"data":null,"meta":{"cursor":"x"}}"#,
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

/// A proxy's login page, a front end's apology with status 200, JSON that broke
/// on the way.
#[tokio::test]
async fn a_success_that_is_not_the_api_is_tried_again_like_a_502() {
    for body in [
        "<html><title>Please log in</title></html>",
        "{\"data\": [{\"type\": oops",
        r#"{"data":null}"#,
        "[]",
    ] {
        let server =
            Scripted::start(move |_, before| json(200, if before < 2 { body } else { PAGE })).await;
        let vt = client(&server.url());
        assert_eq!(vt.search(&search(), None).await.unwrap().files.len(), 2);
        assert_eq!((vt.sent(), server.asked().len()), (3, 3), "{body}");

        let server = Scripted::start(move |_, _| json(200, body)).await;
        let vt = client(&server.url());
        let error = vt.search(&search(), None).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        assert_eq!((error.remedy(), vt.sent()), (Remedy::Retry, 4), "{body}");
    }
}

#[tokio::test]
async fn an_empty_page_is_the_end_in_every_shape_it_comes_in() {
    for body in [
        EMPTY,
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
        // A 403 may be for what the search asks to send along.
        let tries = if status == 403 { 2 } else { 1 };
        assert_eq!(server.asked().len(), tries, "{code}");
    }
    let after = || with_headers(429, "retry-after: 7\r\n", "slow down");
    let error = answered(after).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Wait(Some(Duration::from_secs(7))));
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(data).unwrap();
    packed.finish().unwrap()
}
