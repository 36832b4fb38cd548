//! What the stand-in makes up is read as a real answer is.

use chrono::{TimeDelta, Utc};
use vtreporter::base::http::client;
use vtreporter::standin::virustotal::{StandIn, World};

use super::*;

#[tokio::test]
async fn our_own_types_read_every_generated_object() {
    let day: DateTime<Utc> = "2026-11-19T00:00:00Z".parse().unwrap();
    let world = World::generate(1, 900, &["AU"], day..day + TimeDelta::days(1));
    let vt = StandIn::start(world).await.unwrap();
    let mut files = Vec::new();
    let mut cursor = None;
    loop {
        let mut query = vec![
            (
                "query",
                "entity:file submitter:AU fs:2026-11-19T00:00:00+ fs:2026-11-20T00:00:00-",
            ),
            ("limit", "300"),
            (
                "relationships",
                "contacted_ips,contacted_urls,dropped_files",
            ),
        ];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let request = client(&HttpOptions::default())
            .unwrap()
            .get(format!("{}/intelligence/search", vt.url()))
            .header("x-apikey", vt.key())
            .query(&query);
        let body = request.send().await.unwrap().bytes().await.unwrap();
        let page = Page::parse(&body).unwrap();
        assert_eq!(page.odd, []);
        files.extend(page.files);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(files.len(), 900);
    for file in &files {
        let stats = file.attributes.last_analysis_stats.unwrap();
        let results = &file.attributes.last_analysis_results;
        let malicious = results.values().flatten();
        let malicious = malicious.filter(|one| one.category.as_deref() == Some("malicious"));
        assert_eq!(stats.malicious, Some(malicious.count() as i64));
        assert_eq!(file.relationships.len(), 3);
    }
    let urls = files
        .iter()
        .flat_map(|file| file.relationships["contacted_urls"].data.iter().flatten());
    assert!(
        urls.map(|one| one.url().unwrap())
            .all(|url| url.starts_with("http"))
    );
}
