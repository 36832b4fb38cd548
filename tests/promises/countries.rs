//! Several countries in one process: a report, a place and a work each, a fair
//! share of the quota, and no country that stops another.

use vtreporter::standin::virustotal::{Answer, Fault, On, Quota, World};

use crate::rig::{Rig, now};

/// `au` files from Australia and `nz` from New Zealand, on the day before [`now`].
fn two(au: u32, nz: u32) -> World {
    let day = now() - chrono::TimeDelta::days(1)..now();
    World::generate(1, au, &["AU"], day.clone()).and(World::generate(2, nz, &["NZ"], day))
}

async fn rig(world: World) -> Rig {
    Rig::new(world)
        .await
        .set("VTREPORTER_COUNTRY", "AU,NZ")
        .set("CONNECTOR_RUN_AND_TERMINATE", "true")
        .set("VTREPORTER_MIN_SEVERITY", "high")
        .set("VTREPORTER_KEEP_UNKNOWN_SEVERITY", "false")
        .set("VTREPORTER_RELATIONSHIPS", "none")
        .set("VTREPORTER_REQUESTS_PER_MINUTE", "600000")
}

/// The countries asked for, one after the other, a search each.
fn turns(rig: &Rig) -> Vec<&'static str> {
    let country = |query: &String| {
        if query.contains("submitter:AU") {
            "AU"
        } else {
            "NZ"
        }
    };
    rig.queries().iter().map(country).collect()
}

#[tokio::test]
async fn a_large_country_leaves_the_small_one_its_share_of_the_quota_and_goes_on_after_it() {
    let rig = rig(two(4_500, 250)).await;
    rig.vt
        .set_quota("api_requests_daily", Quota::user(0, 0).group(28, 0));
    rig.pass(std::time::Duration::from_secs(1), rig.connector().end())
        .await
        .unwrap();
    let turns = turns(&rig);
    let first = turns.iter().position(|turn| *turn == "NZ").unwrap();
    assert!((10..14).contains(&first), "half of what is left: {turns:?}");
    assert_eq!(turns.last(), Some(&"AU"), "and then the rest: {turns:?}");
    assert_eq!(rig.reports().len(), 2);
    for code in ["AU", "NZ"] {
        let country = &rig.state()["countries"][code];
        assert!(!country["last_end"].is_null(), "{code}");
        assert!(country["run"].is_null(), "{code}");
    }
    let works = rig.opencti.works();
    assert_eq!(works.len(), 3, "a turn each, and the rest");
    let said = &works[0].messages.last().unwrap().message;
    assert!(said.contains("its share of what is left"), "{said}");
    rig.assert_sound();
}

#[tokio::test]
async fn what_each_country_sends_is_labelled_with_its_own_name_where_nothing_else_is_set() {
    let rig = rig(two(60, 60)).await;
    rig.pass(std::time::Duration::from_secs(1), rig.connector().end())
        .await
        .unwrap();
    let names = |object: &serde_json::Value| -> Vec<String> {
        let labels = object["labels"].as_array().unwrap().iter();
        let labels = labels.map(|label| label.as_str().unwrap().to_owned());
        labels
            .filter(|label| ["Australia", "New Zealand"].contains(&label.as_str()))
            .collect()
    };
    for report in rig.reports() {
        let code = report["name"].as_str().unwrap();
        let own = if code.contains(" AU ") {
            "Australia"
        } else {
            "New Zealand"
        };
        assert_eq!(
            report["labels"],
            serde_json::json!(["ci-isac-vt-feed", own])
        );
    }
    let files = rig.opencti.objects_of("file");
    for own in ["Australia", "New Zealand"] {
        assert!(files.iter().any(|file| names(file) == [own]), "{own}");
    }
    assert!(files.iter().all(|file| names(file).len() == 1));
    assert_eq!(rig.reports().len(), 2);
    rig.assert_sound();
}

#[tokio::test]
async fn a_country_that_fails_does_not_stop_the_other() {
    let rig = rig(two(100, 100)).await;
    let australia = On::when(|asked| {
        let query = asked.parameter("query");
        query.is_some_and(|query| query.contains("submitter:AU"))
    });
    rig.vt
        .fail(Fault::new(australia, Answer::html(502)).always());
    let ended = rig
        .pass(std::time::Duration::from_secs(5), rig.connector().end())
        .await;
    let why = ended.unwrap_err();
    assert_eq!(why.code(), 3);
    assert!(why.to_string().starts_with("AU: "), "{why}");
    let state = rig.state();
    assert!(state["countries"]["AU"]["last_end"].is_null());
    assert!(!state["countries"]["NZ"]["last_end"].is_null());
    let works = rig.opencti.works();
    let in_error: Vec<bool> = works.iter().map(|work| work.in_error).collect();
    assert_eq!(in_error, [true, false]);
    rig.assert_sound();
}
