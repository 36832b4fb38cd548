//! Two processes that use one key and one data directory.

use super::*;
use vtreporter::quota::Ledger;
use vtreporter::store::Store;

/// A second guard, as another process on this machine would have it.
fn guard(side: &Side, data: &tempfile::TempDir, requests_per_minute: Option<u32>) -> Guard {
    let settings = settings(&side.vt, requests_per_minute);
    let client = VirusTotal::new(&settings, side.clock.clone()).unwrap();
    let store = Store::open(data.path(), now()).unwrap();
    let ledger = Ledger::disk(store, client.fingerprint(), 30);
    Guard::remembering(client, POLICY, ledger, side.clock.clone())
}

async fn request(guard: &Guard) -> Result<Page, CallError> {
    guard
        .call(Cost::Request, async |vt| {
            match vt.related_files(SHA256, "similar_files", 10, None).await {
                Err(Error::NotFound { .. }) => Ok(Page::default()),
                other => other,
            }
        })
        .await
}

#[tokio::test]
async fn processes_with_one_key_stay_together_under_one_stop_percentage() {
    let side = side().await;
    side.vt.set_quota(DAILY, Quota::user(100, 50));
    let data = tempfile::tempdir().unwrap();
    let both = [guard(&side, &data, None), guard(&side, &data, None)];
    let mut sent = 0;
    // Neither reads the quotas again on its own account before it must.
    loop {
        let next = request(&both[sent % 2]).await;
        match next {
            Ok(_) => sent += 1,
            Err(CallError::Paused(_)) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 100, "it never ends");
    }
    let used = side.vt.quota(DAILY).unwrap().used().0;
    assert_eq!(used, Some(90), "together, and all of it");
    for guard in &both {
        let again = request(guard).await;
        assert!(matches!(again, Err(CallError::Paused(_))), "{again:?}");
    }
}

#[tokio::test]
async fn processes_with_one_key_take_turns_at_one_pace() {
    let side = side().await;
    let data = tempfile::tempdir().unwrap();
    let (one, other) = (guard(&side, &data, Some(4)), guard(&side, &data, Some(4)));
    request(&one).await.unwrap();
    let second = tokio::spawn(async move { request(&other).await.map(drop) });
    side.hand.sleeping(Duration::from_secs(15)).await;
    assert_eq!(side.charged(), 1, "the other process waits for its turn");
    side.hand.advance(Duration::from_secs(15));
    second.await.unwrap().unwrap();
    assert_eq!(side.charged(), 2);
}

#[tokio::test]
async fn a_data_directory_that_breaks_stops_nobody() {
    let side = side().await;
    let data = tempfile::tempdir().unwrap();
    let guard = guard(&side, &data, None);
    request(&guard).await.unwrap();
    let connection = rusqlite::Connection::open(data.path().join(vtreporter::store::FILE)).unwrap();
    connection
        .execute_batch("DROP TABLE share; DROP TABLE spent; DROP TABLE snapshot")
        .unwrap();
    request(&guard).await.unwrap();
    assert_eq!(side.charged(), 2);
}
