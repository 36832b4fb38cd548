//! `quota`: shown, remembered, foreseen, without OpenCTI and without cost.

use std::path::Path;
use std::process::{Command, Output};

use chrono::{DateTime, Timelike, Utc};
use serde_json::Value;
use vtreporter::standin::virustotal::{Answer, Fault, On, StandIn, World};

/// The program with just enough settings, and a data directory.
fn program(vt: &StandIn, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtreporter"));
    command
        .env_clear()
        .env("VTREPORTER_API_URL", vt.url())
        .env("VTREPORTER_API_KEY", vt.key())
        .env("VTREPORTER_DATA_DIR", data)
        .arg("quota");
    command
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

#[tokio::test]
async fn quota_tells_each_window_of_the_key_and_spends_nothing() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut command = program(&vt, data.path());
    command.arg("--json");
    let output = output(command).await;
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told = json(&output);
    let keys = told["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    assert_eq!(
        (&key["status"], &key["can_send"]),
        (&"healthy".into(), &true.into())
    );
    for name in ["wait_seconds", "why", "forecast", "next_run", "windows"] {
        assert!(key.get(name).is_some(), "{name}");
    }
    assert_eq!(key["forecast"]["state"], "not_enough_data");
    let daily = key["windows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|window| window["quota"] == "api_requests_daily" && window["applies"] == true);
    let daily = daily.expect("the day's requests");
    let number = |name: &str| daily[name].as_u64().unwrap();
    assert_eq!(number("used") + number("left"), number("limit"));
    let reset: DateTime<Utc> = daily["resets_at"].as_str().unwrap().parse().unwrap();
    assert_eq!((reset.hour(), reset.minute()), (0, 0));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let secret = vt.key();
    for at in 0..secret.len() - 12 {
        assert!(
            !shown.contains(&secret[at..at + 12]),
            "a part of the key is shown"
        );
    }
    assert!(vt.requests().iter().all(|one| !one.is_search()));
}

#[tokio::test]
async fn what_quota_reads_is_in_the_history_of_the_next_one() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let first = output(program(&vt, data.path())).await;
    assert_eq!(first.status.code(), Some(0));
    let text = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(
        text.contains("api_requests_daily") && text.contains('['),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    let mut command = program(&vt, data.path());
    command.args(["history", "--days", "1", "--json"]);
    let history = output(command).await;
    assert_eq!(history.status.code(), Some(0));
    let rows = json(&history)["rows"].as_array().unwrap().clone();
    assert!(!rows.is_empty());
    for name in ["hour", "key", "quota", "used", "limit", "own"] {
        assert!(rows[0].get(name).is_some(), "{name}: {rows:?}");
    }
    let mut command = program(&vt, data.path());
    command.args(["history", "--csv"]);
    let csv = String::from_utf8(output(command).await.stdout).unwrap();
    assert_eq!(
        csv.lines().next(),
        Some("hour,key,quota,scope,used,limit,own")
    );
    assert_eq!(csv.lines().count(), rows.len() + 1);
}

#[tokio::test]
async fn a_batch_is_told_whether_it_fits() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    for (need, fits, code) in [("1", "now", 0), ("4000000000", "no", 3)] {
        let mut command = program(&vt, data.path());
        command.args(["check", "--need", need, "--json"]);
        let output = output(command).await;
        assert_eq!(output.status.code(), Some(code), "{need}");
        let told = json(&output);
        assert_eq!(told["fits"], fits, "{told}");
        assert_eq!(told["need"].to_string(), need);
    }
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_2_and_one_that_is_not_told_is_3() {
    let wrong = Answer::Error(401, "WrongCredentialsError", "Wrong API key");
    for (on, answer, code, status) in [
        (On::User, wrong, 2, "rejected"),
        (On::OverallQuotas, Answer::forbidden(), 3, "unknown"),
    ] {
        let vt = StandIn::start(World::empty()).await.unwrap();
        vt.fail(Fault::new(on, answer).always());
        let data = tempfile::tempdir().unwrap();
        let mut command = program(&vt, data.path());
        command.arg("--json");
        let output = output(command).await;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(json(&output)["keys"][0]["status"], status);
        assert!(vt.requests().len() <= 2, "{:?}", vt.requests());
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_costs_the_memory_and_not_the_command() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    let shown = output(program(&vt, &file.join("below"))).await;
    assert_eq!(shown.status.code(), Some(0));
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("nothing is remembered"), "{text}");
    let mut command = program(&vt, &file.join("below"));
    command.arg("history");
    assert_eq!(output(command).await.status.code(), Some(3));
}

#[tokio::test]
async fn a_damaged_file_is_told_by_whichever_command_finds_it() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    for arguments in [["quota", "history"], ["cache", "stats"]] {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("vtreporter.db");
        std::fs::write(&file, "no database, whatever it once was").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vtreporter"));
        command
            .env_clear()
            .env("VTREPORTER_API_URL", vt.url())
            .env("VTREPORTER_API_KEY", vt.key())
            .env("VTREPORTER_DATA_DIR", data.path())
            .args(arguments);
        let done = output(command).await;
        assert_eq!(done.status.code(), Some(0), "{arguments:?}");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(said.contains("was damaged: it is now"), "{said}");
    }
}
