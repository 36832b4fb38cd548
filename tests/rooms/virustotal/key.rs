//! Where the key goes, and where it does not.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

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
