//! The other commands, through the program.

use std::process::Stdio;

use serde_json::Value;
use vtreporter::standin::opencti::{OpenCtiWorld, Release, StandIn as OpenCti, User};
use vtreporter::standin::virustotal::{Answer, Fault, Licence, On, Quota, World};

use crate::program::{COMMANDS, command, ended, terminate, wait};
use crate::rig::{Rig, file_at, with_related};

async fn live(count: u32) -> Rig {
    let rig = Rig::live(World::empty()).await;
    let world = (0..count).fold(World::empty(), |world, n| {
        let first = rig.clock.now() - chrono::TimeDelta::seconds(i64::from(1 + count - n));
        world.with(with_related(
            file_at(n, "HIGH", first),
            "dropped_files",
            vec![file_at(900, "HIGH", first)],
        ))
    });
    rig.vt.set_world(world);
    rig
}

#[tokio::test]
async fn check_finds_nothing_wrong_where_nothing_is() {
    let fine = live(0).await.run(&["check"]).await;
    assert_eq!(fine.code, Some(0), "{}{}", fine.stdout, fine.stderr);
}

#[tokio::test]
async fn check_says_in_plain_words_what_is_wrong_on_either_side() {
    for (case, code, words) in [
        ("key", 2, "VTREPORTER_API_KEY"),
        ("licence", 2, "Intelligence"),
        ("token", 2, "OPENCTI_TOKEN"),
        ("rights", 2, "Connector role"),
        ("vt down", 3, "cannot be reached"),
        ("platform down", 3, "cannot be reached"),
        ("too old", 2, "too old"),
        ("html", 3, "proxy"),
    ] {
        let mut rig = live(0).await;
        let mut other = OpenCtiWorld::new(Release::V7, "analyst");
        other.users = vec![User::analyst("analyst")];
        let other = OpenCti::start(other).await.unwrap();
        match case {
            "key" => rig = rig.set("VTREPORTER_API_KEY", &"1".repeat(64)),
            "licence" => rig.vt.set_licence(Licence::Free),
            "token" => rig = rig.set("OPENCTI_TOKEN", "wrong"),
            "rights" => {
                let url = other.url();
                rig = rig.set("OPENCTI_URL", &url).set("OPENCTI_TOKEN", "analyst");
            }
            "vt down" => rig.vt.stop().await,
            "platform down" => rig.opencti.go_down().await,
            "too old" => {
                let old = r#"{"data":{"about":{"version":"6.4.9"}}}"#;
                rig.opencti.fail(
                    vtreporter::standin::opencti::Failure::answer(200, "application/json", old)
                        .on("about"),
                );
            }
            _ => rig
                .vt
                .fail(Fault::new(On::User, Answer::html(200)).always()),
        }
        let ended = rig.run(&["check"]).await;
        assert_eq!(
            ended.code,
            Some(code),
            "{case}: {}{}",
            ended.stdout,
            ended.stderr
        );
        assert!(ended.stdout.contains(words), "{case}: {}", ended.stdout);
        assert!(ended.stdout.contains("WRONG"), "{case}");
        assert_eq!(rig.vt.searches().len(), 0, "{case}: no search is spent");
    }
}

#[tokio::test]
async fn check_is_unsure_where_nobody_tells_whether_the_key_may_search() {
    let rig = live(0).await;
    let without = |user: &mut Value| {
        user["data"]["attributes"]
            .as_object_mut()
            .unwrap()
            .remove("privileges");
    };
    rig.vt
        .fail(Fault::new(On::User, Answer::rewrite(without)).always());
    let check = rig.run(&["check"]).await;
    assert_eq!(check.code, Some(3), "{}", check.stdout);
    assert!(
        check.stdout.contains("VirusTotal  UNSURE: "),
        "{}",
        check.stdout
    );
    assert!(
        check.stdout.contains("OpenCTI     fine: "),
        "{}",
        check.stdout
    );
    assert!(check.stderr.contains("not everything could be checked"));
    assert_eq!(rig.vt.searches().len(), 0);
}

#[tokio::test]
async fn check_says_of_a_wrong_path_what_preview_says() {
    let rig = live(0).await;
    let url = rig.vt.url().replace("/api/v3", "/api/v2");
    let rig = rig.set("VTREPORTER_API_URL", &url);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let (check, preview) = (
        rig.run(&["check"]).await,
        rig.run(&["preview", "--out", out]).await,
    );
    for (code, text) in [(check.code, check.stdout), (preview.code, preview.stderr)] {
        assert_eq!(code, Some(2), "{text}");
        for part in [
            "nothing answers to ",
            " at this address (",
            "VTREPORTER_API_URL",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[tokio::test]
async fn plan_says_when_the_next_run_is_due() {
    let rig = live(1).await;
    let plan = rig.run(&["plan"]).await;
    assert!(plan.stdout.contains("due       at once"), "{}", plan.stdout);
    let child = rig.program(&["run"]).spawn().unwrap();
    rig.idle(1).await;
    terminate(&child);
    wait(child).await;
    let last = rig.state()["countries"]["AU"]["last_start"].clone();
    let due = crate::rig::at(last.as_str().unwrap()) + chrono::TimeDelta::days(1);
    let plan = rig.run(&["plan"]).await;
    let told = format!(
        "due       {}, in 23 hours",
        due.format("%Y-%m-%d %H:%M:%S UTC")
    );
    assert!(plan.stdout.contains(&told), "{told}: {}", plan.stdout);
    let window = format!("to {} UTC", due.format("%Y-%m-%d %H:%M:%S"));
    assert!(plan.stdout.contains(&window), "{window}: {}", plan.stdout);
    let rig = rig.set("CONNECTOR_RUN_AND_TERMINATE", "true");
    let plan = rig.run(&["plan"]).await;
    assert!(
        plan.stdout.contains("due       whenever"),
        "{}",
        plan.stdout
    );
}

#[tokio::test]
async fn check_offline_opens_no_connection() {
    let rig = live(0).await;
    let ended = rig.run(&["check", "--offline"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(rig.vt.requests().is_empty() && rig.opencti.requests().is_empty());
}

#[tokio::test]
async fn plan_shows_window_query_quota_and_cost_and_spends_no_search() {
    let rig = live(3).await;
    let plan = rig.run(&["plan"]).await;
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    for part in [
        "window",
        "entity:file submitter:AU fs:",
        "p:1+",
        "may be sent",
        "first run",
        "requests for each file",
    ] {
        assert!(plan.stdout.contains(part), "{part}: {}", plan.stdout);
    }
    assert!(rig.vt.searches().is_empty());
}

#[tokio::test]
async fn plan_goes_on_where_the_last_run_ended_and_tells_what_that_one_cost() {
    let rig = live(3).await.set("CONNECTOR_RUN_AND_TERMINATE", "true");
    assert_eq!(rig.run(&["run"]).await.code, Some(0));
    let searches = rig.vt.searches().len();
    let plan = rig.run(&["plan"]).await;
    assert!(
        plan.stdout.contains("the state that OpenCTI keeps"),
        "{}",
        plan.stdout
    );
    assert!(
        plan.stdout.contains("for 3 files, 3 of them kept"),
        "{}",
        plan.stdout
    );
    let end = rig.state()["countries"]["AU"]["last_end"]
        .as_str()
        .unwrap()
        .to_owned();
    let from = crate::rig::at(&end) - chrono::TimeDelta::minutes(10);
    assert!(
        plan.stdout
            .contains(&format!("fs:{}+", from.format("%Y-%m-%dT%H:%M:%S"))),
        "{}",
        plan.stdout
    );
    assert_eq!(rig.vt.searches().len(), searches);
}

#[tokio::test]
async fn plan_says_when_the_next_run_would_pause_at_once() {
    let rig = live(3).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 950));
    assert!(
        rig.run(&["plan"])
            .await
            .stdout
            .contains("would pause before its first page")
    );
}

#[tokio::test]
async fn plan_needs_no_platform_but_a_wrong_one_is_told() {
    let mut rig = live(3).await;
    rig.unset("OPENCTI_URL");
    rig.unset("OPENCTI_TOKEN");
    rig.unset("CONNECTOR_ID");
    let plan = rig.run(&["plan"]).await;
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let rig = rig
        .set("OPENCTI_URL", "ftp://platform.example.net")
        .set("OPENCTI_TOKEN", "t");
    let plan = rig.run(&["plan"]).await;
    assert_eq!(plan.code, Some(2), "{}", plan.stdout);
    assert!(plan.stderr.contains("OPENCTI_URL"), "{}", plan.stderr);
}

#[tokio::test]
async fn preview_needs_no_platform_and_writes_a_report_that_names_everything() {
    let mut rig = live(5).await;
    for name in [
        "OPENCTI_URL",
        "OPENCTI_TOKEN",
        "CONNECTOR_ID",
        "CONNECTOR_QUEUE_PROTOCOL",
    ] {
        rig.unset(name);
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new").join("folder");
    let preview = rig.run(&["preview", "--out", out.to_str().unwrap()]).await;
    assert_eq!(preview.code, Some(0), "{}", preview.stderr);
    let files: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let bundle = files
        .iter()
        .find(|path| path.to_str().unwrap().ends_with(".bundle.json"))
        .unwrap();
    let bundle: Value = serde_json::from_slice(&std::fs::read(bundle).unwrap()).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    let report = objects
        .iter()
        .find(|object| object["type"] == "report")
        .unwrap();
    assert_eq!(files_that_are_named(report, objects), 5 + 1);
    assert!(
        report["description"]
            .as_str()
            .unwrap()
            .contains("**Complete.**")
    );
    assert!(rig.opencti.requests().is_empty());
    // What the report carries is beside the bundle.
    let carried = report["x_opencti_files"].as_array().map_or(0, Vec::len);
    assert_eq!(files.len(), 1 + carried);
    assert_eq!(preview.stdout.lines().count(), 2 + carried);
}

/// The report names every object that it can name; how many of them are files.
fn files_that_are_named(report: &Value, objects: &[Value]) -> usize {
    let refs = report["object_refs"].as_array().unwrap();
    let named = objects
        .iter()
        // The report cannot name what names it.
        .filter(|one| one["source_ref"] != report["id"])
        .filter(|one| {
            !["report", "identity", "marking-definition"].contains(&one["type"].as_str().unwrap())
        });
    let mut files = 0;
    for object in named {
        files += usize::from(object["type"] == "file");
        assert!(refs.contains(&object["id"]), "{object}");
    }
    files
}

#[tokio::test]
async fn preview_ends_with_2_for_a_wrong_key_and_3_for_a_spent_quota() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap().to_owned();
    let rig = live(5).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 950));
    let preview = rig.run(&["preview", "--out", &out]).await;
    assert_eq!(preview.code, Some(3), "{}", preview.stderr);
    assert!(
        preview.stderr.contains("950 of 1,000"),
        "{}",
        preview.stderr
    );
    let rig = rig.set("VTREPORTER_API_KEY", &"1".repeat(64));
    assert_eq!(rig.run(&["preview", "--out", &out]).await.code, Some(2));
    let rig = live(1).await;
    assert_eq!(
        rig.run(&["preview", "--out", "/proc/nowhere"]).await.code,
        Some(2)
    );
}

#[tokio::test]
async fn the_healthcheck_knows_a_service_that_runs_and_one_that_does_not() {
    let rig = live(0).await;
    let absent = rig.run(&["healthcheck"]).await;
    assert_eq!(absent.code, Some(3), "{}", absent.stderr);
    let child = rig.program(&["run"]).spawn().unwrap();
    rig.closed(1).await;
    // Only what the image's HEALTHCHECK has.
    let well = rig.run(&["healthcheck"]).await;
    assert_eq!(well.code, Some(0), "{}", well.stderr);
    // A platform that hangs is no reason to restart the connector.
    rig.opencti
        .fail(vtreporter::standin::opencti::Failure::silence().always());
    assert_eq!(rig.run(&["healthcheck"]).await.code, Some(0));
    terminate(&child);
    wait(child).await;
}

#[tokio::test]
async fn a_platform_that_is_slow_to_start_is_no_reason_to_restart_the_connector() {
    let rig = live(0).await;
    rig.opencti.go_down().await;
    let child = rig.program(&["run"]).spawn().unwrap();
    // The process itself takes a moment; the platform stays down all the time.
    let mut answers = Vec::new();
    while answers.last() != Some(&Some(0)) && answers.len() < 200 {
        answers.push(rig.run(&["healthcheck"]).await.code);
    }
    assert_eq!(answers.last(), Some(&Some(0)), "{answers:?}");
    rig.opencti.come_up().await.unwrap();
    rig.closed(1).await;
    terminate(&child);
    assert_eq!(wait(child).await.code, Some(0));
}

#[tokio::test]
async fn a_second_connector_with_the_same_id_on_this_machine_is_told_and_ends_with_2() {
    let rig = live(0).await;
    let child = rig.program(&["run"]).spawn().unwrap();
    rig.closed(1).await;
    let asked = (rig.opencti.requests().len(), rig.vt.requests().len());
    let second = rig.run(&["run"]).await;
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(
        second.stderr.contains("CONNECTOR_ID") && second.stderr.contains(&rig.id),
        "{}",
        second.stderr
    );
    assert_eq!(rig.opencti.connector(&rig.id).unwrap().registrations, 1);
    assert_eq!(rig.vt.requests().len(), asked.1);
    assert_eq!(rig.run(&["healthcheck"]).await.code, Some(0));
    terminate(&child);
    assert_eq!(wait(child).await.code, Some(0));
    // The place is free again, also after a power cut.
    let child = rig.program(&["run"]).spawn().unwrap();
    let pings = rig.opencti.pings().len();
    rig.until(|opencti| opencti.pings().len() > pings).await;
    drop(child);
    let last = rig.set("CONNECTOR_RUN_AND_TERMINATE", "true");
    let ended = last.run(&["run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn the_demo_needs_nothing_and_its_numbers_are_those_of_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let demo = ended(&mut command(&["demo", "--files", "400", "--out", out])).await;
    assert_eq!(demo.code, Some(0), "{}{}", demo.stdout, demo.stderr);
    let bundle = std::fs::read(folder.path().join("bundle.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let all = bundle["objects"].as_array().unwrap();
    let files = all.iter().filter(|one| one["type"] == "file").count();
    assert!(
        demo.stdout.contains(&format!("objects ({files} files, ")),
        "{}",
        demo.stdout
    );
    for kind in ["file", "relationship", "report"] {
        let count = bundle["objects"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["type"] == kind)
            .count();
        assert!(
            demo.stdout.contains(&format!("{count:6} {kind}")),
            "{kind}: {count}\n{}",
            demo.stdout
        );
    }
    for part in [
        "files matched",
        "dropped (",
        "VirusTotal requests spent",
        "Done",
    ] {
        assert!(demo.stdout.contains(part), "{part}: {}", demo.stdout);
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_every_help_has_an_example() {
    for arguments in [
        &["frobnicate"][..],
        &["run", "--fast"],
        &["preview", "--out"],
        &["demo", "--files", "0"],
        &["--config"],
    ] {
        assert_eq!(
            ended(&mut command(arguments)).await.code,
            Some(2),
            "{arguments:?}"
        );
    }
    assert_eq!(
        ended(&mut command(&["demo", "--country", "XX"])).await.code,
        Some(2)
    );
    for name in COMMANDS {
        let help = ended(&mut command(&[name, "--help"])).await;
        assert_eq!(help.code, Some(0));
        assert!(help.stdout.contains("Example: "), "{name}: {}", help.stdout);
    }
    assert!(
        ended(&mut command(&["--help"]))
            .await
            .stdout
            .contains("Exit codes")
    );
    let version = ended(&mut command(&["--version"])).await;
    assert!(version.code == Some(0) && version.stdout.starts_with("vtreporter "));
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_panic() {
    let rig = live(3).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap().to_owned();
    for arguments in [
        &["check", "--offline"][..],
        &["check"],
        &["plan"],
        &["preview", "--out", &out],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut program = rig.program(arguments);
        let child = program.stdout(Stdio::from(writer)).spawn().unwrap();
        drop(program);
        let ended = wait(child).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert!(
            !ended.stderr.contains("panicked"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}
