//! The quota guard in a run: before the first page and in mid-page.

use std::time::Duration;

use chrono::TimeDelta;
use vtreporter::standin::virustotal::{Answer, Cost, Fault, Licence, On, Quota, World};

use crate::import::{assert_numbers, ids};
use crate::rig::{Rig, at, file, file_at, many, now, with_related};

const HOUR: Duration = Duration::from_secs(3600);

/// CR-20: below the reserve nothing is spent, and the work says why and until when.
#[tokio::test]
async fn a_spent_quota_pauses_the_run_before_its_first_page() {
    let rig = Rig::new(many(3)).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 900));
    let _connector = rig.connector();
    let next = rig.idle(1).await;
    assert_eq!(rig.vt.searches().len(), 0);
    assert_eq!(next, at("2026-11-21T00:00:00Z"));
    let work = rig.opencti.works()[0].clone();
    let message = &work.messages.last().unwrap().message;
    assert!(work.in_error);
    for part in [
        "paused",
        "900 of 1,000",
        "2026-11-21 00:00 UTC",
        "Left: everything",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(rig.state()["countries"]["AU"]["last_end"].is_null());
    rig.hand.advance(18 * HOUR);
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 3);
    assert!(
        rig.report()["description"]
            .as_str()
            .unwrap()
            .contains("**Complete.**")
    );
    assert!(!rig.opencti.works()[1].in_error);
}

/// CR-14: a quota that is really gone on page 2: what was read is there, the
/// state does not pass the gap, the work is in error, and later nothing of it
/// is spent again.
#[tokio::test]
async fn a_quota_spent_between_pages_keeps_the_place_and_spends_no_page_twice() {
    let rig = Rig::new(many(700))
        .await
        .set("VTREPORTER_QUOTA_STOP_PERCENT", "100");
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 998));
    let _connector = rig.connector();
    let next = rig.idle(1).await;
    assert_eq!(next, at("2026-11-21T00:00:00Z"));
    assert_eq!(rig.files().len(), 300);
    let work = rig.opencti.works()[0].clone();
    assert!(work.in_error);
    let description = rig.report()["description"].as_str().unwrap().to_owned();
    assert!(description.contains("**Paused**"), "{description}");
    assert_numbers(&rig, &ids(&many(700), "entity:file submitter:AU"));
    assert!(rig.state()["countries"]["AU"]["last_end"].is_null());
    let spent = charged(&rig);
    rig.hand.advance(18 * HOUR);
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 700);
    assert_eq!(charged(&rig) - spent, 2, "two pages were left");
    assert_numbers(&rig, &ids(&many(700), "entity:file submitter:AU"));
    assert!(
        rig.report()["description"]
            .as_str()
            .unwrap()
            .contains("spent: 3")
    );
    rig.assert_sound();
}

fn charged(rig: &Rig) -> usize {
    let all = rig.vt.searches();
    all.iter().filter(|one| one.charged != Cost::FREE).count()
}

fn families() -> World {
    (0..60).fold(World::empty(), |world, n| {
        let related = (0..3)
            .map(|k| file(1000 + 2 * n + k, "HIGH", 900))
            .collect();
        world.with(with_related(
            file(n, "HIGH", 100 - i64::from(n)),
            "dropped_files",
            related,
        ))
    })
}

#[tokio::test]
async fn a_quota_spent_in_the_middle_of_a_page_goes_on_at_the_file_it_stopped_at() {
    let rig = Rig::new(families())
        .await
        .set("VTREPORTER_QUOTA_STOP_PERCENT", "100");
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 960));
    let _connector = rig.connector();
    rig.idle(1).await;
    let mains = ids(&families(), "entity:file submitter:AU");
    let first = rig
        .files()
        .iter()
        .filter(|file| mains.contains(*file))
        .count();
    assert!(first > 20 && first < 40, "{first}");
    assert_numbers(&rig, &mains);
    rig.assert_sound();
    rig.hand.advance(18 * HOUR);
    rig.idle(2).await;
    assert_numbers(&rig, &mains);
    assert_eq!(
        rig.files()
            .iter()
            .filter(|file| mains.contains(*file))
            .count(),
        60
    );
    let calls = rig.vt.requests();
    let calls = calls
        .iter()
        .filter(|one| one.path.ends_with("dropped_files") && one.status == 200)
        .count();
    // Those under way when the quota ended may have been asked for twice.
    assert!((60..=64).contains(&calls), "{calls}");
    assert!(!rig.opencti.works()[1].in_error);
    let matched = rig.report()["description"]
        .as_str()
        .unwrap()
        .contains("answered with: 60.");
    assert!(matched, "each file counts once");
    rig.assert_sound();
}

#[tokio::test]
async fn two_countries_that_pause_both_keep_their_numbers() {
    let world = || {
        (0..400_u32).fold(World::empty(), |world, n| {
            let first = now() - TimeDelta::seconds(i64::from(600 - n));
            let made = vtreporter::standin::virustotal::Made::new(file_at(n, "MEDIUM", first));
            world.with(made.submitted_from(&["AU", "NZ"]))
        })
    };
    let rig = Rig::new(world())
        .await
        .set("VTREPORTER_COUNTRY", "AU,NZ")
        .set("VTREPORTER_QUOTA_STOP_PERCENT", "100");
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 997));
    rig.vt.set_users_free(true);
    // The first country gets one page, then others of the group use the rest.
    rig.vt
        .fail(Fault::new(On::Search, Answer::quota_exceeded()).nth(2));
    let _connector = rig.connector();
    rig.pass(Duration::from_secs(5), rig.closed(2)).await;
    rig.hand.advance(18 * HOUR);
    rig.pass(
        Duration::from_secs(60),
        rig.until(|it| {
            let reports = it.objects_of("report");
            reports.len() == 2
                && reports.iter().all(|one| {
                    one["description"]
                        .as_str()
                        .unwrap()
                        .contains("**Complete.**")
                })
        }),
    )
    .await;
    for report in rig.reports() {
        assert_eq!(crate::import::told(&report).0, [0, 400, 0, 0, 0, 400]);
        let text = report["description"].as_str().unwrap();
        assert!(!text.contains("after a restart"), "{text}");
    }
}

/// CR-14: a throttled minute waits and retries; it is no pause.
#[tokio::test]
async fn a_throttled_minute_is_waited_for_and_nothing_is_lost() {
    for answer in [Answer::too_many(), Answer::quota_exceeded()] {
        let rig = Rig::new(many(700)).await;
        rig.vt.fail(Fault::new(On::Search, answer).nth(2));
        let _connector = rig.connector();
        rig.pass(Duration::from_secs(1), rig.closed(1)).await;
        assert_eq!(rig.files().len(), 700);
        assert!(!rig.opencti.works()[0].in_error);
        assert!(rig.clock.now() - now() < TimeDelta::minutes(10));
        assert_eq!(rig.vt.searches().len(), 4);
    }
}

#[tokio::test]
async fn a_quota_that_is_renewed_late_is_looked_at_again_and_not_a_day_later() {
    let rig = Rig::new(many(3)).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 900));
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.hand.advance(18 * HOUR);
    // VirusTotal's own clock is behind: it still shows what was used before.
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 900));
    let next = rig.idle(2).await;
    assert_eq!(next, at("2026-11-21T00:15:00Z"));
    rig.vt.set_quota("api_requests_daily", Quota::user(1000, 0));
    rig.hand.advance(HOUR / 4);
    rig.idle(3).await;
    assert_eq!(rig.files().len(), 3);
}

#[tokio::test]
async fn a_paused_run_waits_through_a_restart() {
    let rig = Rig::new(many(3)).await;
    rig.vt.set_users_free(true);
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 900));
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    let _connector = rig.connector();
    rig.until(|it| it.connectors()[0].registrations == 2).await;
    assert_eq!(rig.idle(1).await, at("2026-11-21T00:00:00Z"));
    assert_eq!(rig.opencti.works().len(), 1);
}

#[tokio::test]
async fn monthly_searches_count_where_the_licence_burns_them() {
    let rig = Rig::new(many(3)).await;
    rig.vt.set_licence(Licence::IntelligenceOnly);
    rig.vt.remove_quota("api_requests_hourly");
    rig.vt.set_quota(
        "intelligence_searches_monthly",
        Quota::user(0, 46).group(3000, 2700),
    );
    let _connector = rig.connector();
    assert_eq!(rig.idle(1).await, at("2026-12-01T00:00:00Z"));
    assert_eq!(rig.vt.searches().len(), 0);
}

#[tokio::test]
async fn an_unknown_quota_is_a_setting_to_go_on_or_to_pause() {
    for (setting, files) in [("continue", 3), ("pause", 0)] {
        let rig = Rig::new(many(3))
            .await
            .set("VTREPORTER_QUOTA_ON_UNKNOWN", setting);
        rig.vt
            .fail(Fault::new(On::OverallQuotas, Answer::forbidden()).always());
        let _connector = rig.connector();
        rig.idle(1).await;
        assert_eq!(rig.files().len(), files, "{setting}");
        let work = &rig.opencti.works()[0];
        let message = &work.messages.last().unwrap().message;
        assert!(message.contains("does not say how much"), "{message}");
    }
}

#[tokio::test]
async fn a_pause_in_run_and_terminate_ends_with_3_and_the_next_process_goes_on() {
    let rig = Rig::new(many(700))
        .await
        .set("VTREPORTER_QUOTA_STOP_PERCENT", "100")
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 998));
    let exit = rig.connector().end().await.unwrap_err();
    assert_eq!(exit.code(), 3);
    assert!(exit.to_string().contains("of 1,000"), "{exit}");
    assert_eq!(rig.files().len(), 300);
    rig.vt.set_quota("api_requests_daily", Quota::user(1000, 0));
    rig.connector().end().await.unwrap();
    assert_eq!(rig.files().len(), 700);
    assert_eq!(rig.reports().len(), 1);
    assert_eq!(charged(&rig), 3);
}

/// Whatever a front end writes into `Retry-After`, the connector neither dies of
/// it nor asks again at once nor sleeps for ever.
#[tokio::test]
async fn an_absurd_retry_after_is_a_pause_of_a_day() {
    for header in [
        "9000000000000",
        "18446744073709551615",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let rig = Rig::new(many(3)).await;
        rig.vt
            .fail(Fault::new(On::Search, Answer::RetryAfter(header)));
        let _connector = rig.connector();
        assert_eq!(rig.idle(1).await, now() + TimeDelta::days(1), "{header}");
        let works = rig.opencti.works();
        assert_eq!(works.len(), 1, "{header}");
        let message = &works[0].messages.last().unwrap().message;
        assert!(
            message.contains("asks to wait longer than a day (Retry-After)"),
            "{header}: {message}"
        );
        assert!(!message.contains("does not say how much"), "{message}");
        rig.hand.advance(24 * HOUR);
        rig.idle(2).await;
        assert_eq!(rig.files().len(), 3, "{header}");
    }
}

/// The quota endpoint alone does not answer: `continue` goes on without it.
#[tokio::test]
async fn a_quota_endpoint_that_never_answers_is_an_unknown_quota() {
    let rig = Rig::new(many(3))
        .await
        .set("VTREPORTER_QUOTA_ON_UNKNOWN", "continue")
        .set("VTREPORTER_TIMEOUT", "1");
    rig.vt
        .fail(Fault::new(On::OverallQuotas, Answer::Silence).always());
    let _connector = rig.connector();
    rig.pass(Duration::from_millis(500), rig.closed(1)).await;
    assert_eq!(rig.files().len(), 3);
    let work = &rig.opencti.works()[0];
    let message = &work.messages.last().unwrap().message;
    assert!(!work.in_error, "{message}");
    assert!(message.contains("does not say how much"), "{message}");
}
