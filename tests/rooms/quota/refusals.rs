//! 429, faults, and not knowing.

use super::*;

#[tokio::test]
async fn too_many_requests_in_a_minute_wait_and_then_go_on() {
    let side = side().await;
    side.vt.set_rate(Some(4));
    side.guard.learn(SearchCharge::Requests);
    side.guard.refresh().await.unwrap();
    side.let_time_pass();
    for _ in 0..5 {
        side.search().await.unwrap();
    }
    assert!(side.clock.elapsed() >= Duration::from_secs(60));
    let searches = side.vt.searches();
    let refused = searches.iter().filter(|asked| asked.status == 429).count();
    assert!((1..=2).contains(&refused), "{refused}");
    assert_eq!(
        side.guard.spent().sent,
        5,
        "a refused request costs nothing"
    );
}

#[tokio::test]
async fn a_429_that_never_ends_fails_after_five_waits() {
    for answer in [Answer::too_many(), Answer::quota_exceeded()] {
        let side = side().await;
        side.vt.fail(Fault::new(On::Search, answer).always());
        side.let_time_pass();
        let Err(CallError::Failed(error)) = side.search().await else {
            panic!("no failure");
        };
        assert!(error.limited().is_some(), "{error}");
        assert_eq!(side.vt.searches().len(), 6);
        assert!(side.clock.elapsed() >= Duration::from_secs(4 * 60));
    }
}

#[tokio::test]
async fn a_429_of_a_quota_that_others_have_spent_pauses_with_its_numbers() {
    let side = side().await;
    side.search().await.unwrap();
    side.vt.set_quota(
        MONTHLY,
        Quota::user(1_000_000_000, 5).group(600_000, 600_000),
    );
    let pause = paused(side.search().await);
    assert_eq!(
        pause.to_string(),
        "the group's monthly API requests stand at 600,000 of 600,000 (stop at 90 %); goes on at 2026-12-01 00:00 UTC"
    );
    assert_eq!(side.charged(), 1);
    assert_eq!(
        side.clock.elapsed(),
        Duration::ZERO,
        "no waiting for a month"
    );
}

/// VirusTotal itself says how long: that is the pause's reason, and there is an
/// end to it whatever stands in the header.
#[tokio::test]
async fn a_long_retry_after_pauses_for_its_own_reason_and_for_a_day_at_most() {
    let day =
        "VirusTotal asks to wait longer than a day (Retry-After); goes on at 2026-11-21 10:20 UTC";
    for (header, expected) in [
        (
            "7200",
            "VirusTotal asks to wait 120 minutes (Retry-After); goes on at 2026-11-20 12:20 UTC",
        ),
        (
            "Fri, 20 Nov 2026 12:00:30 GMT",
            "VirusTotal asks to wait 100 minutes (Retry-After); goes on at 2026-11-20 12:00 UTC",
        ),
        ("9000000000000", day),
        ("9223372036854775807", day),
        ("18446744073709551615", day),
        ("99999999999999999999999999", day),
        ("Fri, 31 Dec 9999 23:59:59 GMT", day),
    ] {
        let side = side().await;
        side.vt
            .fail(Fault::new(On::Search, Answer::RetryAfter(header)).always());
        let pause = paused(side.search().await);
        assert_eq!(pause.to_string(), expected, "{header}");
        assert_eq!(side.vt.searches().len(), 1, "{header}");
        assert_eq!(side.clock.elapsed(), Duration::ZERO, "{header}");
    }
}

/// A quota endpoint that is slow by itself says nothing of the quota.
#[tokio::test]
async fn a_first_reading_that_times_out_is_not_knowing_where_the_setting_goes_on() {
    for (on_unknown, goes_on) in [(OnUnknown::Continue, true), (OnUnknown::Pause, false)] {
        for answer in [Answer::Silence, Answer::Cut(20)] {
            let policy = Policy {
                on_unknown,
                ..POLICY
            };
            let side = side_with(policy, Licence::Premium, None).await;
            let what = format!("{on_unknown:?} {answer:?}");
            side.vt.fail(Fault::new(On::OverallQuotas, answer).always());
            side.let_time_pass();
            let hurried = Settings {
                http: HttpOptions {
                    timeout: Duration::from_millis(500),
                    ..HttpOptions::default()
                },
                ..settings(&side.vt, None)
            };
            let client = VirusTotal::new(&hurried, side.clock.clone()).unwrap();
            let guard = Guard::new(client, policy, side.clock.clone());
            let searched = search(&guard).await;
            if goes_on {
                searched.unwrap();
                let warnings = guard.warnings();
                assert_eq!(warnings.len(), 1, "{what}: {warnings:?}");
                assert!(
                    warnings[0].contains("does not say how much"),
                    "{warnings:?}"
                );
            } else {
                // No pause until tomorrow for what may be over in a minute.
                assert!(
                    matches!(searched, Err(CallError::Failed(_))),
                    "{what}: {searched:?}"
                );
                assert_eq!(side.vt.searches().len(), 0, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_so_drained_that_even_the_quotas_are_refused_pauses_until_the_next_day() {
    let side = side().await;
    side.search().await.unwrap();
    side.vt
        .fail(Fault::new(On::Any, Answer::quota_exceeded()).always());
    let pause = paused(side.search().await);
    assert_eq!(pause.cause, Cause::Unknown);
    assert_eq!(
        pause.to_string(),
        "VirusTotal does not say how much of its quota is left; goes on at 2026-11-21 00:00 UTC"
    );
    assert_eq!(side.clock.elapsed(), Duration::ZERO);
    // The next day all is well again.
    side.vt.clear_faults();
    side.hand.advance(Duration::from_secs(14 * 3600));
    side.search().await.unwrap();
}

#[tokio::test]
async fn where_nothing_is_told_the_setting_decides() {
    let forbidden = || Fault::new(On::OverallQuotas, Answer::forbidden()).always();
    let side = side().await;
    side.vt.fail(forbidden());
    let reading: Reading = side.guard.refresh().await.unwrap();
    assert!(reading.unknown.is_some() && reading.tightest().is_none());
    for _ in 0..3 {
        side.search().await.unwrap();
    }
    let warnings = side.guard.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("does not say how much"),
        "{warnings:?}"
    );

    let policy = Policy {
        on_unknown: OnUnknown::Pause,
        ..POLICY
    };
    let side = side_with(policy, Licence::Premium, None).await;
    side.vt.fail(forbidden());
    assert_eq!(paused(side.search().await).cause, Cause::Unknown);
    assert_eq!(side.charged(), 0);
}

#[tokio::test]
async fn a_reading_that_fails_on_the_way_leaves_the_last_one_and_our_own_count() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    side.vt.set_users_free(true);
    side.vt.set_quota(DAILY, Quota::user(100, 0));
    side.guard.refresh().await.unwrap();
    side.vt
        .fail(Fault::new(On::OverallQuotas, Answer::forbidden()).always());
    let mut sent = 0;
    while side.request().await.is_ok() {
        sent += 1;
    }
    assert_eq!((sent, side.charged()), (90, 90));
}

#[tokio::test]
async fn a_wrong_key_and_an_unreachable_virustotal_are_errors() {
    let side = side().await;
    let wrong = Settings {
        api_key: Secret::new("wrong"),
        ..settings(&side.vt, None)
    };
    let client = VirusTotal::new(&wrong, side.clock.clone()).unwrap();
    let guard = Guard::new(client, POLICY, side.clock.clone());
    let error = guard.refresh().await.unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
    assert!(matches!(
        search(&guard).await,
        Err(CallError::Failed(Error::WrongKey { .. }))
    ));
    side.let_time_pass();
    side.vt.stop().await;
    let result = side.search().await;
    assert!(
        matches!(result, Err(CallError::Failed(Error::Unreachable { .. }))),
        "{result:?}"
    );
    assert_eq!(side.guard.spent(), Spent::default());
}

#[tokio::test]
async fn every_try_is_reserved_by_itself() {
    let side = side().await;
    side.guard.learn(SearchCharge::Requests);
    side.let_time_pass();
    side.vt
        .fail(Fault::new(On::Search, Answer::transient()).times(2));
    side.search().await.unwrap();
    assert_eq!(side.guard.spent().sent, 3);

    // One request is left, and it fails: there is none left to try again with.
    side.vt.set_quota(DAILY, Quota::user(100, 89));
    side.guard.refresh().await.unwrap();
    side.vt
        .fail(Fault::new(On::Search, Answer::transient()).charged());
    paused(side.search().await);
    assert_eq!(side.vt.searches().len(), 4);
}

#[tokio::test]
async fn a_transient_fault_that_stays_is_a_failure() {
    let side = side().await;
    side.let_time_pass();
    side.vt
        .fail(Fault::new(On::Search, Answer::html(502)).always());
    let result = side.search().await;
    assert!(
        matches!(result, Err(CallError::Failed(Error::Upstream { .. }))),
        "{result:?}"
    );
    assert_eq!(side.vt.searches().len(), 4);
}

#[tokio::test]
async fn the_pace_comes_from_the_hour_unless_it_is_set() {
    for (set, apart) in [(None, 15), (Some(30), 2)] {
        let side = side_with(POLICY, Licence::Premium, set).await;
        side.vt.set_quota(HOURLY, Quota::user(240, 0));
        side.guard.learn(SearchCharge::Requests);
        side.search().await.unwrap();
        assert_eq!(
            side.clock.elapsed(),
            Duration::ZERO,
            "the first goes at once"
        );
        let (second, ()) = tokio::join!(side.search(), async {
            side.hand
                .sleeping(Duration::from_millis(apart * 1000 - 1))
                .await;
            side.hand.advance(Duration::from_secs(apart));
        });
        second.unwrap();
        assert_eq!(side.clock.elapsed(), Duration::from_secs(apart));
    }
}
