//! A proxy on the way that takes no large bodies.

use serde_json::Value;
use vtreporter::base::clock::{self, Clock};
use vtreporter::standin::opencti::{OpenCtiWorld, Release};
use vtreporter::standin::virustotal::World;

use crate::rig::{Rig, TOKEN, now};

/// The API road behind a proxy that takes bodies of so many bytes.
async fn behind_a_proxy(limit: usize) -> Rig {
    let clock = clock::system();
    // Well inside of the window, whenever the run begins.
    let day = clock.now() - chrono::TimeDelta::hours(20)..clock.now() - chrono::TimeDelta::hours(1);
    let world = World::generate(3, 700, &["AU"], day);
    let platform = OpenCtiWorld {
        body_limit: limit,
        ..OpenCtiWorld::new(Release::V7, TOKEN)
    };
    let (_, hand) = Clock::manual(now());
    Rig::start(world, platform, clock, hand)
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true")
        .set("VTREPORTER_REQUESTS_PER_MINUTE", "60000")
}

/// What a report carries: types of what is attached, and whether it has content.
fn load(report: &Value) -> (Vec<String>, bool) {
    let files = report["x_opencti_files"].as_array();
    let types = files.into_iter().flatten();
    let types = types.map(|file| file["mime_type"].as_str().unwrap().to_owned());
    (types.collect(), !report["x_opencti_content"].is_null())
}

/// The size of a report without some of what it carries, and without what it names.
fn size(report: &Value, leave: &[&str]) -> usize {
    let mut report = report.clone();
    if leave.contains(&"content") {
        report.as_object_mut().unwrap().remove("x_opencti_content");
    }
    let files = report["x_opencti_files"].as_array_mut().unwrap();
    files.retain(|file| !leave.contains(&file["mime_type"].as_str().unwrap()));
    report["object_refs"] = Value::Null;
    report.to_string().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_over_a_proxys_limit_goes_without_its_load_says_so_and_blocks_nothing() {
    let open = behind_a_proxy(50 << 20).await;
    assert_eq!(open.run(&["run"]).await.code, Some(0));
    let whole = open.report();
    assert!(load(&whole).0.contains(&"text/csv".to_owned()) && load(&whole).1);
    let size = |leave: &[&str]| size(&whole, leave);
    // The body is larger than the report: so each limit refuses what it is the size of.
    for (limit, leave) in [
        (size(&[]), &["text/csv"][..]),
        (size(&["text/csv"]), &["text/csv", "text/html"]),
        (
            size(&["text/csv", "text/html"]),
            &["text/csv", "text/html", "content"],
        ),
    ] {
        let rig = behind_a_proxy(limit).await;
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(0), "{leave:?}: {}", ended.stderr);
        assert_eq!(rig.files().len(), open.files().len(), "{leave:?}");
        rig.assert_sound();
        let (files, content) = load(&rig.report());
        assert!(
            !files.iter().any(|kind| leave.contains(&kind.as_str())),
            "{leave:?}: {files:?}"
        );
        assert_eq!(content, !leave.contains(&"content"), "{leave:?}");
        assert_eq!(files.is_empty(), leave.contains(&"text/html"), "{leave:?}");
        let work = &rig.opencti.works()[0];
        assert!(work.closed && !work.in_error, "{leave:?}: {work:?}");
        let told = &work.messages.last().unwrap().message;
        let names = ["-files.csv", ".html", "the content page"];
        for name in &names[..leave.len()] {
            assert!(told.contains(&format!("{name} was left out")), "{told}");
        }
        assert!(told.contains("too large"), "{told}");
        let said = rig.report()["description"].as_str().unwrap().to_owned();
        assert!(said.contains("was left out"), "{said}");
        let before = rig.state()["countries"]["AU"]["last_end"].clone();
        let later = rig.run(&["run"]).await;
        assert_eq!(later.code, Some(0), "{leave:?}: {}", later.stderr);
        assert_ne!(rig.state()["countries"]["AU"]["last_end"], before);
    }
}
