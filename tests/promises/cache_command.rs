//! `cache`: what was learned is asked for once, kept with honest counts, and
//! taken over from files of the original.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use vtreporter::standin::virustotal::{Made, Route, StandIn, World, object};

fn program(vt: &StandIn, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtreporter"));
    command
        .env_clear()
        .env("VTREPORTER_API_URL", vt.url())
        .env("VTREPORTER_API_KEY", vt.key())
        .env("VTREPORTER_DATA_DIR", data)
        .env("VTREPORTER_REQUESTS_PER_MINUTE", "600000")
        .arg("cache")
        .args(arguments);
    command
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn stats(vt: &StandIn, data: &Path) -> Value {
    let told = output(program(vt, data, &["stats", "--json"])).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    serde_json::from_slice(&told.stdout).unwrap()
}

/// All that is kept.
async fn exported(vt: &StandIn, data: &Path) -> Vec<Value> {
    let file = data.join("all.ndjson");
    let done = output(program(vt, data, &["export", file.to_str().unwrap()])).await;
    assert_eq!(done.status.code(), Some(0));
    let text = fs::read_to_string(&file).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn file_calls(vt: &StandIn) -> usize {
    let calls = vt.requests();
    calls
        .iter()
        .filter(|one| matches!(one.route, Route::File(_)))
        .count()
}

#[tokio::test]
async fn a_list_is_warmed_once_and_by_any_hash_of_a_file() {
    let known = object(1);
    let sha256 = known["id"].as_str().unwrap().to_owned();
    let md5 = known["attributes"]["md5"].as_str().unwrap().to_owned();
    let vt = StandIn::start(World::empty().with(Made::new(known)))
        .await
        .unwrap();
    let data = tempfile::tempdir().unwrap();
    let list = data.path().join("hashes.txt");
    let unknown = "0".repeat(64);
    let text = format!(
        "\u{feff}# files\r\n{}\r\n{md5}\n\nno hash\n{unknown}",
        sha256.to_uppercase()
    );
    fs::write(&list, text).unwrap();
    let warm = || program(&vt, data.path(), &["warm", list.to_str().unwrap()]);
    let first = output(warm()).await;
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let said = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(
        said.starts_with("2 asked for (1 of them not known to VirusTotal), 1 fresh already, 1 not"),
        "{said}"
    );
    assert_eq!(file_calls(&vt), 2);
    output(warm()).await;
    assert_eq!(file_calls(&vt), 2, "what is fresh is not asked for");
    let told = stats(&vt, data.path()).await;
    let number = |name: &str| told[name].as_u64().unwrap();
    assert_eq!(
        (number("entries"), number("misses"), number("stores")),
        (2, 2, 2)
    );
    for name in ["bytes", "hits", "evicted", "expired"] {
        assert!(told[name].is_u64(), "{name}");
    }
    let lines = exported(&vt, data.path()).await;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["report"], Value::Null);
    assert_eq!(lines[1]["report"]["id"], sha256);
}

#[tokio::test]
async fn files_of_the_original_are_taken_over_mended_or_left_out() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let old = tempfile::tempdir().unwrap();
    let hash = |n: u32| format!("{n:064x}");
    let write = |n: u32, content: &Value| {
        let path = old.path().join(format!("vt_{}.json", hash(n)));
        fs::write(path, content.to_string()).unwrap();
    };
    let stats_of = |malicious| json!({ "malicious": malicious, "undetected": 60 });
    write(
        1,
        &json!({ "sha256": hash(1), "last_analysis_stats": stats_of(3) }),
    );
    let wrapped = json!({ "_on_change_callback": null, "data": stats_of(7) });
    write(
        2,
        &json!({ "sha256": hash(2), "last_analysis_stats": wrapped }),
    );
    write(
        3,
        &json!({ "sha256": hash(9), "last_analysis_stats": stats_of(1) }),
    );
    fs::write(old.path().join(format!("vt_{}.json", hash(4))), "{").unwrap();
    fs::write(old.path().join("vt_..%2fx.json"), "{}").unwrap();
    let done = output(program(
        &vt,
        data.path(),
        &["import", old.path().to_str().unwrap()],
    ))
    .await;
    assert_eq!(done.status.code(), Some(3), "two were left out: {done:?}");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(
        said.trim(),
        "2 reports taken over, 1 of them mended; 2 left out"
    );
    assert_eq!(stats(&vt, data.path()).await["entries"], 2);
    let mended = exported(&vt, data.path()).await.remove(1);
    let found = &mended["report"]["attributes"]["last_analysis_stats"]["malicious"];
    assert_eq!(found, 7, "{mended}");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_wrong_settings_for_the_cache() {
    let vt = StandIn::start(World::empty()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let done = output(program(&vt, &file.join("below"), &["stats"])).await;
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("VTREPORTER_DATA_DIR"), "{said}");
}
