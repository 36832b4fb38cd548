use vtreporter::opencti::ConnectorInfo;
use vtreporter::opencti::delivery::{Api, Road};
use vtreporter::standin::opencti::{Connector, Ping, Work};

use super::bundles::expected;
use super::python::Python;
use super::*;

const NEXT: &str = "2026-11-21T13:00:00Z";
const LAST: &str = "2026-11-20T13:00:00Z";

/// The life of `life.py`, lived by us.
async fn live(platform: &StandIn, bundle: &str) -> (bool, String, Option<String>) {
    let client = ours(platform);
    client.version().await.unwrap();
    client.register(&registration()).await.unwrap();
    let mut info = ConnectorInfo {
        queue_threshold: 500.0,
        ..ConnectorInfo::default()
    };
    client
        .ping(CONNECTOR, r#"{"last":1}"#, &info)
        .await
        .unwrap();
    let queue = client.queue(CONNECTOR).await.unwrap();
    info.queue_messages_size = queue.bytes / 1e6;
    info.buffering = info.queue_messages_size >= info.queue_threshold;
    info.next_run = Some(NEXT.parse().unwrap());
    info.last_run = Some(LAST.parse().unwrap());
    let state = json!({"last": 2, "text": "ü\n"}).to_string();
    client.ping(CONNECTOR, &state, &info).await.unwrap();

    let work = client.work_add(CONNECTOR, "first").await.unwrap();
    client.work_received(&work, "begun").await.unwrap();
    client.add_expectations(&work, 3).await.unwrap();
    client.report_expectation(&work, "no", "{}").await.unwrap();
    client.work_processed(&work, "done", false).await.unwrap();

    let work = client.work_add(CONNECTOR, "second").await.unwrap();
    let draft = client.add_draft("of second").await.unwrap();
    client.work_draft(&work, &draft).await.unwrap();
    client.work_processed(&work, "stopped", true).await.unwrap();

    let work = client.work_add(CONNECTOR, "third").await.unwrap();
    let road = Road::Api(Api::new(client.clone(), CONNECTOR, None));
    road.send(bundle, Some(&work)).await.unwrap();
    client.work_processed(&work, "done", false).await.unwrap();

    let again = client.register(&registration()).await.unwrap();
    (info.buffering, again.state, again.user_id)
}

/// What stays on the platform, without what differs between two lives anyway:
/// random ids and the time of day.
fn left(platform: &StandIn) -> Value {
    let connectors: Vec<_> = platform.connectors().iter().map(connector).collect();
    let pings: Vec<_> = platform.pings().iter().map(ping).collect();
    let works: Vec<_> = platform.works().iter().map(work).collect();
    let mut objects: Vec<Value> = platform.objects().iter().map(|it| (**it).clone()).collect();
    objects.sort_by_key(|object| object["id"].to_string());
    let drafts: Vec<_> = platform
        .drafts()
        .iter()
        .map(|draft| draft.name.clone())
        .collect();
    json!({
        "connectors": connectors, "pings": pings, "works": works, "drafts": drafts,
        "objects": objects, "faults": format!("{:?}", platform.faults()),
    })
}

fn connector(it: &Connector) -> Value {
    // A member that is null is one that was not told. Two more are for
    // connectors that enrich, and releases before 6.9 do not know them: we
    // leave them out, and the helper tells what holds without.
    let preset = |name: &str, value: &Value| match name {
        "auto_update" => *value == false,
        "enrichment_resolution" => value == "none",
        _ => value.is_null(),
    };
    let told = it.input.as_object().unwrap().iter();
    let told: serde_json::Map<_, _> = told
        .filter(|(name, value)| !preset(name, value) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({
        "id": it.id, "name": it.name, "kind": it.kind, "scope": it.scope, "input": told,
        "user": it.user_id, "state": read(it.state.as_deref()), "reset": it.reset,
        "info": info(&it.info), "registrations": it.registrations,
    })
}

fn ping(it: &Ping) -> Value {
    json!({
        "connector": it.connector, "state": read(it.state.as_deref()), "info": info(&it.info),
        "answered": read(it.answered.as_deref()), "saved": it.saved,
    })
}

fn work(it: &Work) -> Value {
    let messages = |list: &[vtreporter::standin::opencti::WorkMessage]| -> Vec<Value> {
        let texts = list.iter();
        texts.map(|it| json!([it.message, it.source])).collect()
    };
    json!({
        "name": it.name, "connector": it.connector, "multi_part": it.multi_part,
        "by_platform": it.by_platform, "status": format!("{:?}", it.status),
        "expected": it.expected, "processed": it.processed, "closed": it.closed,
        "in_error": it.in_error, "late": it.late_bundles, "draft": it.draft.is_some(),
        "messages": messages(&it.messages), "errors": messages(&it.errors),
        "received": it.received_at.is_some(), "completed": it.completed_at.is_some(),
    })
}

/// A state is JSON in a text.
fn read(state: Option<&str>) -> Value {
    state.map_or(Value::Null, |text| {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    })
}

/// Dates in one form, numbers of one kind.
fn info(told: &Value) -> Value {
    let mut told = told.clone();
    for key in ["next_run_datetime", "last_run_datetime"] {
        if let Some(text) = told[key].as_str() {
            let date = chrono::DateTime::parse_from_rfc3339(text).unwrap();
            told[key] = json!(date.timestamp_millis());
        }
    }
    for key in ["queue_threshold", "queue_messages_size"] {
        told[key] = json!(told[key].as_f64());
    }
    told
}

#[tokio::test]
async fn the_official_helper_and_we_leave_the_platform_in_the_same_state() {
    let Some(python) = Python::ready() else {
        return;
    };
    let bundle = expected().remove(0).text;
    let [theirs, ours] = [platform().await, platform().await];
    for platform in [&theirs, &ours] {
        platform.set_queue(12.0, 600e6);
    }
    let asked = json!({"bundle": bundle, "next_run": NEXT, "last_run": LAST});
    let told = python.ask("life.py", &question(&theirs, asked)).await;
    let (full, state, applicant) = live(&ours, &bundle).await;
    assert_eq!(told["full"], full);
    assert_eq!(told["state"], read(Some(&state)));
    assert_eq!(told["applicant"], json!(applicant));
    let [theirs, ours] = [left(&theirs), left(&ours)];
    for (part, value) in theirs.as_object().unwrap() {
        assert_eq!(ours[part], *value, "{part}: ours, then theirs");
    }
}
