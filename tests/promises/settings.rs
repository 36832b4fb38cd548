//! Settings as an operator meets them: through the program.

use std::collections::BTreeMap;

use vtreporter::standin::virustotal::World;

use crate::encrypted::encrypted;
use crate::program::{command, ended};
use crate::rig::{Rig, TOKEN, file};

fn settings() -> BTreeMap<&'static str, &'static str> {
    [
        ("OPENCTI_URL", "http://127.0.0.1:9"),
        ("OPENCTI_TOKEN", TOKEN),
        ("CONNECTOR_ID", "0a4b1c52-1f37-4f57-8b2d-6a5f2d9b3c11"),
        ("QUEUE_PROTOCOL", "api"),
        (
            "VTREPORTER_API_KEY",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ),
    ]
    .into()
}

async fn one_new_file() -> Rig {
    let rig = Rig::live(World::empty()).await;
    let first = rig.clock.now() - chrono::TimeDelta::minutes(5);
    rig.vt
        .set_world(World::empty().with_file(crate::rig::file_at(1, "HIGH", first)));
    rig
}

/// CR-2: what is wrong stops the start with 2 and names the variable, all at once.
#[tokio::test]
async fn wrong_settings_stop_the_start_with_2_and_a_line_that_names_each() {
    let fine = ended(command(&["check", "--offline"]).envs(settings())).await;
    assert_eq!(fine.code, Some(0), "{}", fine.stderr);
    for (name, value) in [
        ("VTREPORTER_API_KEY", ""),
        ("OPENCTI_TOKEN", ""),
        ("OPENCTI_URL", "platform"),
        ("VTREPORTER_COUNTRY", "XX"),
        ("VTREPORTER_CONFIDENCE", "101"),
        ("VTREPORTER_API_URL", "not a url"),
        ("CONNECTOR_DURATION_PERIOD", "daily"),
        ("VTREPORTER_RELIABILITY", "Z"),
    ] {
        for arguments in [&["check", "--offline"][..], &["run"], &[]] {
            let mut with = settings();
            with.insert(name, value);
            let ended = ended(command(arguments).envs(with)).await;
            assert_eq!(ended.code, Some(2), "{name}: {}", ended.stderr);
            assert!(ended.stderr.contains(name), "{name}: {}", ended.stderr);
        }
    }
    let all = [
        ("VTREPORTER_COUNTRY", "XX"),
        ("VTREPORTER_CONFIDENCE", "101"),
        ("OPENCTI_URL", "x"),
    ];
    let ended = ended(command(&["run"]).envs(settings()).envs(all)).await;
    assert!(
        all.iter().all(|(name, _)| ended.stderr.contains(name)),
        "{}",
        ended.stderr
    );
}

/// CR-2: an encrypted key of the broker's client certificate is opened before
/// anybody is asked anything.
#[tokio::test]
async fn a_passphrase_that_opens_nothing_stops_the_start_with_2() {
    let made = rcgen::generate_simple_self_signed(["mq.example.net".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let closed = encrypted(&key, "open it");
    for (key, passphrase, says) in [
        (&*closed, "", "it is missing"),
        (&*closed, "SEEN", "it does not open"),
        (&*key, "SEEN", "the key in MQ_USE_SSL_KEY is not encrypted"),
    ] {
        let with = [
            ("QUEUE_PROTOCOL", "amqp"),
            ("MQ_USE_SSL_CERT", &*made.cert.pem()),
            ("MQ_USE_SSL_KEY", key),
            ("MQ_USE_SSL_PASSPHRASE", passphrase),
        ];
        for arguments in [&["run"][..], &["check"]] {
            let ended = ended(command(arguments).envs(settings()).envs(with)).await;
            let told = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(2), "{told}");
            let told_of = format!("MQ_USE_SSL_PASSPHRASE: {says}");
            assert!(told.contains(&told_of), "{told}");
            assert!(!told.contains("SEEN"), "{told}");
        }
    }
}

/// CR-2: config.yml holds the same, the environment wins, defaults apply.
#[tokio::test]
async fn config_yml_works_and_the_environment_wins() {
    let rig = one_new_file().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yml");
    let text = format!(
        "opencti:\n  url: {}\n  token: {TOKEN}\nconnector:\n  id: {}\n  name: From YAML\n  scope: vtreporter\n  run_and_terminate: true\n  queue_protocol: api\n  duration_period: P2D\nvtreporter:\n  api_url: {}\n  api_key: {}\n  country: NZ\n  confidence: 11\n  threat_types: a, b\n  report_labels: one\n  file_labels: two\n  reliability: C\n  report_markings: TLP_GREEN\n  file_markings: TLP_RED\n",
        rig.opencti.url(),
        rig.id,
        rig.vt.url(),
        rig.vt.key()
    );
    std::fs::write(&path, text).unwrap();
    let mut program = command(&["--config", path.to_str().unwrap(), "run"]);
    let ended = ended(
        program
            .env("VTREPORTER_COUNTRY", "AU")
            .env("VTREPORTER_CONFIDENCE", "12"),
    )
    .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let query = &rig.queries()[0];
    assert!(query.contains("submitter:AU"), "{query}");
    let (from, to) = crate::rig::window(query);
    assert_eq!((to - from).num_days(), 2);
    let report = rig.report();
    assert_eq!(report["confidence"], 12);
    assert_eq!(report["report_types"], serde_json::json!(["a", "b"]));
    assert_eq!(report["labels"], serde_json::json!(["one"]));
    assert_eq!(rig.opencti.connectors()[0].name, "From YAML");
    let file = rig.opencti.objects_of("file")[0].clone();
    assert_ne!(file["object_marking_refs"], report["object_marking_refs"]);
}

/// Given is nothing but what has no default.
#[tokio::test]
async fn the_defaults_are_real() {
    let mut bare = one_new_file().await;
    bare.unset("CONNECTOR_DURATION_PERIOD");
    let bare = bare.set("CONNECTOR_RUN_AND_TERMINATE", "true");
    let ended = bare.run(&["run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let query = bare.queries().pop().unwrap();
    assert!(query.contains("submitter:AU") && query.contains("p:1+"));
    let (from, to) = crate::rig::window(&query);
    assert_eq!((to - from).num_days(), 1);
    let reports = bare.reports();
    let report = reports.iter().find(|one| one["confidence"] == 75).unwrap();
    assert_eq!(
        report["labels"],
        serde_json::json!(["ci-isac-vt-feed", "Australia"])
    );
}

/// CR-11: every TLP in every form is exact on the platform.
#[tokio::test]
async fn every_marking_maps_exactly() {
    for (level, id) in [
        (
            "CLEAR",
            "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        ),
        (
            "WHITE",
            "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        ),
        (
            "GREEN",
            "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
        ),
        (
            "AMBER",
            "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
        ),
        (
            "AMBER+STRICT",
            "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37",
        ),
        (
            "RED",
            "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        ),
    ] {
        for form in [
            format!("TLP_{level}"),
            format!("TLP:{level}"),
            level.to_lowercase(),
        ] {
            let world = World::empty().with_file(file(1, "HIGH", 20));
            let rig = Rig::new(world)
                .await
                .set("VTREPORTER_REPORT_MARKINGS", &form)
                .set("VTREPORTER_FILE_MARKINGS", &form);
            let _connector = rig.connector();
            rig.closed(1).await;
            let expected = serde_json::json!([id]);
            assert_eq!(rig.report()["object_marking_refs"], expected, "{form}");
            assert_eq!(
                rig.opencti.objects_of("file")[0]["object_marking_refs"],
                expected,
                "{form}"
            );
            rig.assert_sound();
        }
    }
}

#[tokio::test]
async fn an_unknown_marking_stops_at_the_start() {
    for wrong in ["TLP_PINK", "AMBERISH", "TLP"] {
        let mut with = settings();
        with.insert("VTREPORTER_FILE_MARKINGS", wrong);
        let ended = ended(command(&["run"]).envs(with)).await;
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stderr.contains("VTREPORTER_FILE_MARKINGS"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_start_without_any_settings_says_how_to_go_on() {
    for arguments in [&[][..], &["run"], &["check", "--offline"]] {
        let bare = ended(command(arguments).env("PATH", "/bin")).await;
        assert_eq!(bare.code, Some(2), "{}", bare.stderr);
        for part in [
            "there are no settings yet",
            "OPENCTI_URL (opencti.url): is missing",
            "set these, as variables or in config.yml",
            "`vtreporter demo`",
            "`vtreporter check`",
            "config.yml is not there",
        ] {
            assert!(bare.stderr.contains(part), "{part}: {}", bare.stderr);
        }
        // Whoever has the image alone has no samples.
        assert!(!bare.stderr.contains(".sample"), "{}", bare.stderr);
    }
    // One setting, and it is no longer somebody who is new here.
    let one = ended(command(&["run"]).env("OPENCTI_TOKEN", TOKEN)).await;
    assert!(
        one.stderr.contains("3 faults in the settings"),
        "{}",
        one.stderr
    );
    assert!(one.stderr.contains("config.yml is not there"));
    assert!(!one.stderr.contains("demo"), "{}", one.stderr);
    // A file that was read is not told as missing.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.yml");
    std::fs::write(&path, "opencti:\n  token: t\n").unwrap();
    let file = ended(&mut command(&["--config", path.to_str().unwrap(), "run"])).await;
    assert!(!file.stderr.contains("is not there"), "{}", file.stderr);
    assert!(!file.stderr.contains("no settings yet"), "{}", file.stderr);
}
