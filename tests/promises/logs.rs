//! What an operator reads in the log.

use std::time::Duration;

use serde_json::Value;
use vtreporter::standin::virustotal::{Answer, Fault, On, Quota};

use crate::program::Ended;
use crate::rig::{Rig, TOKEN, many};

const SECOND: Duration = Duration::from_secs(1);

/// The JSON lines of a program's standard error; its very last line is plain.
fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stderr.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn fields(line: &Value, names: &[&str]) -> Vec<Value> {
    let fields = names.iter().map(|name| line["attributes"][name].clone());
    fields.collect()
}

#[tokio::test]
async fn a_failed_run_is_an_error_a_paused_one_a_warning_and_their_numbers_are_fields() {
    let numbers = ["run.ended", "vt.files_matched", "stix.objects", "run.gaps"];
    let rig = Rig::new(many(3)).await;
    let connector = rig.connector();
    let done = connector.logged(": done").await;
    assert_eq!(done["level"], "INFO");
    assert_eq!(
        fields(&done, &numbers[..2]),
        [Value::from("done"), 3.into()]
    );
    let message = done["message"].as_str().unwrap();
    assert!(message.contains("3 files matched, 3 kept. Sent: "));
    for zero in [" 0 ", "dropped", "technique", "indicator"] {
        assert!(!message.contains(zero), "{zero:?} in {message}");
    }

    let rig = Rig::new(many(3)).await.set("CONNECTOR_LOG_LEVEL", "error");
    rig.vt
        .fail(Fault::new(On::Search, Answer::html(502)).always());
    let connector = rig.connector();
    let failed = rig.pass(SECOND, connector.logged(": failed")).await;
    assert_eq!(failed["level"], "ERROR");
    assert_eq!(fields(&failed, &numbers[..1]), [Value::from("failed")]);
    assert!(failed["attributes"]["run.next"].is_string());

    let rig = Rig::new(many(3)).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 950));
    let connector = rig.connector();
    let paused = connector.logged(": paused").await;
    assert_eq!(paused["level"], "WARNING");
    assert_eq!(
        fields(&paused, &numbers[..3]),
        [Value::from("paused"), 0.into(), 0.into()]
    );
}

#[tokio::test]
async fn a_run_that_is_cut_off_by_a_stop_is_a_warning() {
    let rig = Rig::new(many(301)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::Slow(900 * SECOND)).nth(2));
    let connector = rig.connector();
    rig.until(|it| it.bundles().len() == 1).await;
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    let logs = connector.stop_and_logs().await;
    let line = logs
        .iter()
        .find(|line| line["attributes"]["run.ended"] == "stopped");
    assert_eq!(line.unwrap()["level"], "WARNING", "{logs:#?}");
}

#[tokio::test]
async fn a_long_run_tells_every_minute_how_far_it_is_and_what_is_left() {
    let rig = Rig::new(many(700)).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 500));
    rig.vt
        .fail(Fault::new(On::Search, Answer::Slow(600 * SECOND)).nth(2));
    let connector = rig.connector();
    // The next page is asked for early: only the saved state says that the first
    // one is delivered.
    rig.until(|_| rig.state()["countries"]["AU"]["run"]["numbers"]["matched"] == 300)
        .await;
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    rig.hand.sleeping(59 * SECOND).await;
    rig.hand.advance(61 * SECOND);
    let first = connector.logged("page 1, 300 files so far").await;
    let message = first["message"].as_str().unwrap();
    assert!(message.starts_with("Australia: "), "{message}");
    assert!(message.contains(" % of the window; "), "{message}");
    assert!(
        message.contains(" objects sent; 1 VirusTotal request spent; "),
        "{message}"
    );
    assert!(
        message.ends_with(" of the user's daily API requests left"),
        "{message}"
    );
    let names = ["vt.pages", "vt.files_matched", "vt.requests", "country"];
    assert_eq!(
        fields(&first, &names),
        [1.into(), 300.into(), 1.into(), Value::from("AU")]
    );
    assert!(first["attributes"]["quota.left"].as_u64().unwrap() < 1000);
    assert_eq!(first["level"], "INFO");
    // Another minute, another line; and none once the run is over.
    rig.pass(5 * SECOND, connector.logged_times(" so far; ", 3))
        .await;
    rig.pass(5 * SECOND, connector.logged(": done")).await;
    let told = || {
        let lines = connector.logs().into_iter();
        lines
            .filter(|line| !line["attributes"]["vt.pages"].is_null())
            .count()
    };
    let until_the_end = told();
    rig.beats(8).await;
    assert_eq!(told(), until_the_end, "{:#?}", connector.logs());
}

#[tokio::test]
async fn the_first_line_says_what_this_is_and_what_the_settings_come_to() {
    let rig = Rig::live(many(1))
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true")
        .set("VTREPORTER_COUNTRY", "AU,NZ")
        .set("VTREPORTER_CREATE_NOTES", "true");
    let ended = rig.run(&["run"]).await;
    let all = lines(&ended);
    let message = all[0]["message"].as_str().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let url = rig.opencti.url();
    let url = url.trim_end_matches('/');
    for part in [
        &format!("vtreporter {version} starts: AU, NZ once"),
        url,
        "by the platform's API",
        "settings from the environment (",
        "config.yml is not there",
        "on: similar_files, ",
        "notes",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for name in ["version", "opencti.url", "road", "period", "settings", "on"] {
        assert!(all[0]["attributes"][name].is_string(), "{name}");
    }
    for secret in [TOKEN, &rig.vt.key()] {
        assert!(!ended.stderr.contains(secret), "{secret}");
    }
    let banners = all
        .iter()
        .filter(|line| line["attributes"]["version"].is_string());
    assert_eq!(banners.count(), 1);
}

#[tokio::test]
async fn a_platform_that_stays_away_is_an_error_once() {
    let rig = Rig::new(many(1)).await.set("CONNECTOR_LOG_LEVEL", "error");
    rig.opencti.go_down().await;
    let connector = rig.connector();
    let line = rig
        .pass(
            SECOND,
            connector.logged("OpenCTI still cannot be asked to register"),
        )
        .await;
    assert_eq!(line["level"], "ERROR");
    // Some tries later it has been said already.
    let later = rig.clock.now() + chrono::TimeDelta::minutes(5);
    rig.pass(5 * SECOND, rig.clock.sleep_until(later)).await;
    assert_eq!(connector.logs().len(), 1, "{:#?}", connector.logs());
}
