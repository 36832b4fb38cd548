//! What is counted, and when it is enough.

use super::*;

#[tokio::test]
async fn the_request_that_would_pass_the_stop_percentage_is_never_sent() {
    let side = side().await;
    side.guard.refresh().await.unwrap();
    side.vt
        .set_quota(DAILY, Quota::user(1_000_000_000, 5).group(1000, 890));
    side.guard.refresh().await.unwrap();
    for _ in 0..5 {
        side.search().await.unwrap();
        side.request().await.unwrap();
    }
    let pause = paused(side.search().await);
    assert_eq!(
        pause.to_string(),
        "the group's daily API requests stand at 900 of 1,000 (stop at 90 %); goes on at 2026-11-21 00:00 UTC"
    );
    assert_eq!(paused(side.request().await), pause);
    assert_eq!(side.charged(), 10);
    let spent = Spent {
        sent: 10,
        requests: 10,
        searches: 0,
    };
    assert_eq!(side.guard.spent(), spent);
}

#[tokio::test]
async fn each_quota_of_user_and_group_stops_before_the_first_request() {
    for (name, quota, scope) in [
        (HOURLY, Quota::user(240, 216), Scope::User),
        (
            DAILY,
            Quota::user(1_000_000_000, 0).group(500, 450),
            Scope::Group,
        ),
        (
            MONTHLY,
            Quota::user(300, 299).group(600_000, 1),
            Scope::User,
        ),
        (SEARCHES, Quota::user(0, 46).group(3000, 3000), Scope::Group),
    ] {
        let side = side().await;
        side.vt.set_users_free(true);
        side.vt.set_quota(name, quota);
        let pause = paused(side.search().await);
        let Cause::Quota {
            quota,
            scope: whose,
            ..
        } = pause.cause
        else {
            panic!("{pause}");
        };
        assert_eq!((quota.as_str(), whose), (name, scope));
        assert_eq!(side.charged(), 0, "{name}");
    }
}

#[tokio::test]
async fn several_at_once_do_not_overspend_and_use_all_there_is() {
    let side = side().await;
    side.guard.refresh().await.unwrap();
    side.vt.set_quota(DAILY, Quota::user(100, 77));
    side.guard.refresh().await.unwrap();
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let guard = side.guard.clone();
            // Also: a guarded call can be spawned.
            tokio::spawn(async move { search(&guard).await.is_ok() })
        })
        .collect();
    let mut sent = 0;
    for call in calls {
        sent += usize::from(call.await.unwrap());
    }
    assert_eq!((sent, side.charged()), (13, 13));
}

#[tokio::test]
async fn what_a_search_burns_is_seen_at_the_first_search() {
    for (licence, price, charged) in [
        (Licence::Premium, None, SearchCharge::Requests),
        (Licence::IntelligenceOnly, None, SearchCharge::Searches),
        (Licence::Premium, Some(Price::BOTH), SearchCharge::Both),
    ] {
        let side = side_with(POLICY, licence, None).await;
        side.vt.set_search_cost(price);
        assert_eq!(side.guard.charged(), SearchCharge::Unknown);
        side.search().await.unwrap();
        assert_eq!(side.guard.charged(), charged, "{licence:?}");
        assert_eq!(side.readings(), 2);
        side.search().await.unwrap();
        assert_eq!(side.readings(), 2, "it is known now");
        let spent = side.guard.spent();
        let both = charged == SearchCharge::Both;
        assert_eq!(
            spent.requests,
            if both || charged == SearchCharge::Requests {
                2
            } else {
                0
            }
        );
        assert_eq!(
            spent.searches,
            if both || charged == SearchCharge::Searches {
                2
            } else {
                0
            }
        );
    }
}

#[tokio::test]
async fn a_licence_that_is_known_is_not_stopped_by_the_quota_it_does_not_burn() {
    let side = side().await;
    side.vt
        .set_quota(SEARCHES, Quota::user(0, 46).group(3000, 3000));
    side.guard.learn(SearchCharge::Requests);
    side.search().await.unwrap();
}

#[tokio::test]
async fn the_quotas_are_read_again_every_fifty_requests() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    for _ in 0..120 {
        side.request().await.unwrap();
    }
    assert_eq!(side.readings(), 3);
    // Others have used up the rest meanwhile; it shows at the next reading.
    side.vt
        .set_quota(DAILY, Quota::user(1_000_000_000, 5).group(20_000, 18_000));
    let mut more = 0;
    while side.request().await.is_ok() {
        more += 1;
    }
    assert_eq!(more, 30);
}

#[tokio::test]
async fn after_the_reset_the_same_guard_goes_on() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    side.vt.set_quota(DAILY, Quota::user(10, 8));
    // The account costs one, the search would be the tenth of ten.
    let pause = paused(side.search().await);
    assert!(
        matches!(
            pause.cause,
            Cause::Quota {
                used: 9,
                allowed: 10,
                ..
            }
        ),
        "{pause}"
    );
    side.hand
        .advance((pause.resumes_at - now()).to_std().unwrap());
    side.search().await.unwrap();
    let reading = side.guard.reading().unwrap();
    assert_eq!(reading.tightest().unwrap().used, 1);
}

#[tokio::test]
async fn a_warning_is_said_once_a_run_for_each_quota() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    side.vt.set_quota(DAILY, Quota::user(1000, 810));
    side.vt
        .set_quota(MONTHLY, Quota::user(15_500, 13_000).group(1000, 20));
    for _ in 0..2 {
        side.guard.start_run();
        assert!(side.guard.warnings().is_empty());
        for _ in 0..4 {
            side.search().await.unwrap();
        }
        let warnings = side.guard.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].starts_with("the user's daily API requests: 81"),
            "{warnings:?}"
        );
        assert!(
            warnings[0].ends_with("; the run pauses at 90 %"),
            "{warnings:?}"
        );
        assert_eq!(side.guard.spent().sent, 4);
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_on_its_way_counts_as_sent() {
    let side = side().await;
    side.guard.refresh().await.unwrap();
    side.vt.fail(Fault::new(On::Search, Answer::Silence));
    tokio::select! {
        _ = side.search() => panic!("no answer was due"),
        _ = side.vt.wait_for(|log| log.iter().any(|asked| asked.is_search())) => {}
    }
    assert_eq!(side.guard.spent().sent, 1);
    side.search().await.unwrap();
    assert_eq!(side.guard.spent().sent, 2);
}

#[tokio::test]
async fn the_reading_counts_our_own_requests_since() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    assert_eq!(side.guard.reading(), None);
    side.vt.set_users_free(true);
    side.vt.set_quota(DAILY, Quota::user(1000, 100));
    side.guard.refresh().await.unwrap();
    assert_eq!(side.guard.calls_left(Cost::Search), Some(800));
    for _ in 0..7 {
        side.search().await.unwrap();
    }
    assert_eq!(side.readings(), 1);
    let reading = side.guard.reading().unwrap();
    let line = reading.tightest().unwrap();
    assert_eq!((line.quota.as_str(), line.used), (DAILY, 107));
    assert_eq!(side.guard.calls_left(Cost::Search), Some(793));
}

#[tokio::test]
async fn a_whole_search_comes_page_by_page_with_its_relationships() {
    let (clock, _hand) = Clock::manual(now());
    let day = now() - TimeDelta::days(1)..now();
    let world = World::generate(7, 640, &["AU"], day.clone()).with_file(object(1));
    let vt = StandIn::start(world).await.unwrap();
    vt.set_quota(HOURLY, Quota::user(60_000_000_000, 0));
    let client = VirusTotal::new(&settings(&vt, None), clock.clone()).unwrap();
    let guard = Guard::new(client, POLICY, clock);
    let search = everything_of(day);
    let mut cursors = vtreporter::virustotal::cursor::CursorGuard::default();
    let (mut cursor, mut files, mut dates) = (None, 0, Vec::new());
    loop {
        let page = guard
            .call(Cost::Search, async |vt| {
                vt.search(&search, cursor.as_deref()).await
            })
            .await
            .unwrap();
        assert!(
            page.odd.iter().all(|odd| odd.loss == Loss::Attributes),
            "{:?}",
            page.odd
        );
        files += page.files.len();
        dates.extend(
            page.files
                .iter()
                .filter_map(|file| file.attributes.first_submission_date),
        );
        assert!(page.files.iter().all(|file| file.relationships.len() == 2));
        cursor = cursors.accept(page.cursor).unwrap();
        if cursor.is_none() {
            break;
        }
    }
    let searches = vt.searches();
    assert_eq!(searches.len(), 3);
    let described = vtreporter::virustotal::search::query_text(&search);
    assert_eq!(searches[0].parameter("query"), Some(described.as_str()));
    assert!(files >= 600, "{files}");
    assert!(dates.is_sorted(), "ascending, so that a run can be resumed");
}

fn everything_of(time: std::ops::Range<DateTime<Utc>>) -> Search {
    Search {
        country: "AU".to_owned(),
        submitter: Submitter::Any,
        from: time.start,
        to: time.end,
        min_detections: 0,
        extra: None,
        relationships: vec!["contacted_ips".to_owned(), "contacted_urls".to_owned()],
        exclude_attributes: vtreporter::virustotal::search::heavy_attributes(&[]),
    }
}

#[tokio::test]
async fn no_pause_is_decided_on_an_old_reading() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    side.vt.set_quota(DAILY, Quota::user(100, 80));
    side.guard.refresh().await.unwrap();
    // Nine more, the look at the account being the first of ten.
    for _ in 0..9 {
        side.search().await.unwrap();
    }
    side.vt.set_quota(DAILY, Quota::user(1000, 90));
    side.search().await.unwrap();
    assert_eq!(side.readings(), 2);
}
