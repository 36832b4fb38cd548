//! The key and the token go where they belong and nowhere else.

use vtreporter::standin::opencti::Failure;
use vtreporter::standin::virustotal::{Answer, Fault, On};

use crate::rig::{Rig, TOKEN, file_at, many};

#[tokio::test]
async fn the_key_and_the_token_are_in_no_output_no_object_no_state_and_no_address() {
    let rig = talkative().await;
    // The key in an address is the documented way, and echoed by a clumsy proxy.
    rig.vt.set_users_me(false);
    let key = rig.vt.key();
    let echo = format!("{{\"x-apikey\": \"{key}\"}}");
    rig.vt
        .fail(Fault::new(On::Search, Answer::Text(502, "text/html", echo.clone())).nth(1));
    rig.opencti
        .fail(Failure::answer(502, "text/html", &format!("Bearer {TOKEN}")).on("stixBundlePush"));
    let mut outputs = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap().to_owned();
    for arguments in [
        &["run"][..],
        &["check"],
        &["plan"],
        &["preview", "--out", &out],
    ] {
        let ended = rig.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        outputs.push(ended.stdout);
        outputs.push(ended.stderr);
    }
    rig.vt
        .fail(Fault::new(On::Any, Answer::Text(401, "text/html", echo)).always());
    let ended = rig.run(&["check"]).await;
    assert_eq!(ended.code, Some(2));
    outputs.extend([ended.stdout, ended.stderr]);
    for entry in std::fs::read_dir(&out).unwrap() {
        outputs.push(
            String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()).into_owned(),
        );
    }
    outputs.extend(all_that_the_platform_was_told(&rig));
    assert!(
        outputs
            .iter()
            .any(|text| text.contains("VirusTotal answered")),
        "debug lines are there"
    );
    for text in outputs {
        assert!(!text.contains(&key), "the key: {text}");
        assert!(!text.contains(TOKEN), "the token: {text}");
    }
    assert_no_address_has(&rig, &key);
}

/// One file to report, and everything said that can be said.
async fn talkative() -> Rig {
    let rig = Rig::live(many(3)).await;
    let rig = rig
        .set("CONNECTOR_LOG_LEVEL", "debug")
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    let first = rig.clock.now() - chrono::TimeDelta::minutes(2);
    rig.vt
        .add(vtreporter::standin::virustotal::Made::new(file_at(
            1, "HIGH", first,
        )));
    rig
}

/// Bundles, states, and what its works were told.
fn all_that_the_platform_was_told(rig: &Rig) -> Vec<String> {
    let mut told = Vec::new();
    told.extend(rig.opencti.bundles().iter().map(|one| one.text.clone()));
    let pings = rig.opencti.pings().into_iter();
    told.extend(pings.filter_map(|ping| ping.state));
    for work in rig.opencti.works() {
        told.push(format!("{work:?}"));
    }
    told
}

/// Neither the key nor the token; the key is in the one address that needs it.
fn assert_no_address_has(rig: &Rig, key: &str) {
    for request in rig.opencti.requests() {
        assert!(!format!("{request:?}").contains(key));
        assert!(!request.line.contains(TOKEN));
    }
    for request in rig
        .vt
        .requests()
        .iter()
        .filter(|one| !one.path.starts_with("/api/v3/users"))
    {
        assert!(!request.path.contains(key), "{request:?}");
    }
}
