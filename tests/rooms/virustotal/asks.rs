//! What is asked, and what is learned from refusals.

use super::*;

#[tokio::test]
async fn a_search_sends_the_query_the_key_and_the_tool_and_goes_on_by_the_cursor() {
    let server = Scripted::start(|_, _| json(200, PAGE)).await;
    let vt = client(&server.url());
    let page = vt.search(&search(), None).await.unwrap();
    assert_eq!(page.cursor.as_deref(), Some("bmV4dA=="));
    vt.search(&search(), page.cursor.as_deref()).await.unwrap();
    let asked = server.asked();
    let first = &asked[0];
    assert_eq!(first.path(), "/api/v3/intelligence/search");
    assert_eq!(
        first.parameter("query").unwrap(),
        "entity:file submitter:AU fs:2026-11-20T00:00:00+ fs:2026-11-21T00:00:00- p:1+ type:peexe"
    );
    assert!(
        first.target.contains("%2B") && !first.target.contains("1+%"),
        "{}",
        first.target
    );
    for (name, value) in [
        ("limit", "300"),
        ("order", "first_submission_date+"),
        ("relationships", "contacted_ips,dropped_files"),
    ] {
        assert_eq!(first.parameter(name).as_deref(), Some(value));
    }
    let excluded = first.parameter("exclude_attributes").unwrap();
    assert!(excluded.contains("last_analysis_results") && !excluded.contains("exiftool"));
    assert_eq!(first.parameter("cursor"), None);
    assert_eq!(asked[1].parameter("cursor").as_deref(), Some("bmV4dA=="));
    for (name, value) in [
        ("x-apikey", KEY),
        ("x-tool", "opencti.vtreporter.0.1"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
    ] {
        assert_eq!(first.header(name), value);
    }
    assert!(first.header("user-agent").contains("gzip"));
    assert_eq!((vt.sent(), asked.len()), (2, 2));
}

#[tokio::test]
async fn a_refused_undocumented_parameter_is_dropped_once_and_remembered() {
    // Named in the message, or not.
    for message in ["Unknown parameter 'relationships'", "Bad request"] {
        let server = Scripted::start(move |asked, _| {
            if asked.parameter("relationships").is_some() {
                refusal(400, "BadRequestError", message)
            } else {
                json(200, PAGE)
            }
        })
        .await;
        let vt = client(&server.url());
        for _ in 0..3 {
            assert_eq!(vt.search(&search(), None).await.unwrap().files.len(), 2);
        }
        assert_eq!(vt.dropped_parameters(), ["relationships"]);
        let asked = server.asked();
        assert_eq!(asked.len(), 4, "{message}");
        assert!(
            asked[1..]
                .iter()
                .all(|asked| asked.parameter("exclude_attributes").is_some())
        );
    }
}

#[tokio::test]
async fn a_refused_query_is_not_blamed_on_the_parameters_and_probed_once_only() {
    let server =
        Scripted::start(|_, _| refusal(400, "InvalidArgumentError", "unknown modifier")).await;
    let vt = client(&server.url());
    let error = vt.search(&search(), None).await.unwrap_err();
    assert!(
        error.to_string().contains("VTREPORTER_EXTRA_QUERY"),
        "{error}"
    );
    assert_eq!(vt.dropped_parameters(), [""; 0]);
    let probes = server.asked().len();
    vt.search(&search(), None).await.unwrap_err();
    assert_eq!((probes, server.asked().len()), (4, 5));
}

/// A server that forbids every search whose `relationships` have one of `names`.
async fn forbids(names: &'static [&'static str]) -> Scripted {
    Scripted::start(move |asked, _| {
        let relationships = asked.parameter("relationships").unwrap_or_default();
        if relationships.split(',').any(|name| names.contains(&name)) {
            refusal(403, "ForbiddenError", "You are not authorized")
        } else {
            json(200, PAGE)
        }
    })
    .await
}

fn with_similar() -> Search {
    let names = ["similar_files", "contacted_ips", "dropped_files"];
    Search {
        relationships: names.map(str::to_owned).to_vec(),
        ..search()
    }
}

#[tokio::test]
async fn a_403_for_a_relationship_costs_that_relationship_and_not_the_search() {
    let all = "similar_files,contacted_ips,dropped_files";
    for (forbidden, cursor, asked, dropped) in [
        (
            &["similar_files"][..],
            None,
            vec![Some(all), Some("contacted_ips,dropped_files")],
            "premium relationships",
        ),
        // A run that goes on in a new process: its cursor is none to blame.
        (
            &["similar_files"],
            Some("c"),
            vec![Some(all), Some("contacted_ips,dropped_files")],
            "premium relationships",
        ),
        (
            &["similar_files", "contacted_ips", "dropped_files"],
            None,
            vec![Some(all), Some("contacted_ips,dropped_files"), None],
            "relationships",
        ),
    ] {
        let server = forbids(forbidden).await;
        let vt = client(&server.url());
        for _ in 0..3 {
            let page = vt.search(&with_similar(), cursor).await.unwrap();
            assert_eq!(page.files.len(), 2);
        }
        assert_eq!(vt.dropped_parameters(), [dropped]);
        let mut expected: Vec<_> = asked.iter().map(|list| list.map(str::to_owned)).collect();
        expected.extend(vec![expected.last().unwrap().clone(); 2]);
        let sent: Vec<_> = server
            .asked()
            .iter()
            .map(|asked| asked.parameter("relationships"))
            .collect();
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn a_403_for_the_search_itself_is_the_licence_after_two_probes() {
    let server = Scripted::start(|_, _| refusal(403, "ForbiddenError", "no licence")).await;
    let vt = client(&server.url());
    let error = vt.search(&with_similar(), None).await.unwrap_err();
    assert!(matches!(error, Error::NotLicensed { .. }), "{error:?}");
    assert_eq!(vt.dropped_parameters(), [""; 0]);
    assert_eq!(server.asked().len(), 3);
    let bare = Search {
        relationships: Vec::new(),
        ..search()
    };
    vt.search(&bare, None).await.unwrap_err();
    assert_eq!(server.asked().len(), 4, "there is nothing to leave out");
}

#[tokio::test]
async fn descriptors_are_asked_for_below_relationships() {
    let server = Scripted::start(|_, _| {
        json(
            200,
            r#"{"data":[{"type":"ip_address","id":"203.0.113.7"}],"meta":{"count":1}}"#,
        )
    })
    .await;
    let vt = client(&server.url());
    let listed = vt
        .descriptors(SHA256, "contacted_ips", 500, Some("c"))
        .await;
    assert_eq!(listed.unwrap().found[0].id, "203.0.113.7");
    let asked = &server.asked()[0];
    assert_eq!(
        asked.path(),
        format!("/api/v3/files/{SHA256}/relationships/contacted_ips")
    );
    assert_eq!(asked.parameter("limit").as_deref(), Some("40"));
    assert_eq!(asked.parameter("cursor").as_deref(), Some("c"));
    let odd = vt
        .descriptors("../users/me", "contacted_ips", 10, None)
        .await;
    assert!(odd.is_err());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_refused_cursor_is_told_from_a_refused_query() {
    let server = Scripted::start(|_, _| refusal(400, "BadRequestError", "Invalid cursor")).await;
    let vt = client(&server.url());
    let error = vt.search(&search(), Some("old")).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Restart);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn related_files_are_asked_for_by_sha_256_and_at_most_40_a_page() {
    let server = Scripted::start(|_, _| json(200, PAGE)).await;
    let vt = client(&server.url());
    let page = vt
        .related_files(SHA256, "similar_files", 500, Some("c+/="))
        .await;
    assert_eq!(page.unwrap().files.len(), 2);
    let asked = &server.asked()[0];
    assert_eq!(
        asked.path(),
        format!("/api/v3/files/{SHA256}/similar_files")
    );
    assert_eq!(asked.parameter("limit").as_deref(), Some("40"));
    assert_eq!(asked.parameter("cursor").as_deref(), Some("c+/="));
    let odd = vt
        .related_files("../users/me", "similar_files", 10, None)
        .await;
    assert!(odd.is_err());
    vt.related_files(SHA256, "../../x?y#z", 10, None)
        .await
        .unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        asked[1].path(),
        format!("/api/v3/files/{SHA256}/..%2F..%2Fx%3Fy%23z")
    );
}

#[tokio::test]
async fn quotas_are_read_by_the_account_s_id_and_cost_nothing() {
    let server = Scripted::start(|asked, _| match asked.path() {
        "/api/v3/users/me" => json(200, USER),
        "/api/v3/users/cti-bot/overall_quotas" => json(200, QUOTAS),
        _ => refusal(404, "NotFoundError", "no"),
    })
    .await;
    let vt = client(&server.url());
    assert_eq!(vt.user().await.unwrap().intelligence, Some(true));
    let before = vt.sent();
    for _ in 0..3 {
        let quotas = vt.overall_quotas().await.unwrap();
        let daily = quotas.0["api_requests_daily"].group.clone().unwrap();
        assert_eq!((daily.allowed, daily.used), (Some(20_000), Some(4507)));
        assert_eq!(daily.inherited_from.as_deref(), Some("sharing-centre"));
        assert_eq!(quotas.0["private_scans_per_minute"].group, None);
    }
    assert_eq!(vt.sent(), before);
    assert_eq!(server.asked().len(), 4);
}
