//! The road over an object storage, against s3s: a real S3 server, in this
//! process, that checks every signature.

use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleError;
use axum::http::StatusCode;
use chrono::TimeDelta;
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket as Place, Credentials, S3Action, UrlStyle};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde_json::json;
use vtreporter::base::clock::{self, Clock};
use vtreporter::base::http::{self, HttpOptions};
use vtreporter::base::secret::Secret;
use vtreporter::opencti::delivery::{Bucket, BucketSettings, Sender};
use vtreporter::opencti::{Error, Remedy, Road, S3};
use vtreporter::standin::opencti::{CameBy, OpenCtiWorld, Release, StandIn};

use super::files::sender;
use super::{TOKEN, bundle, client, hurried, registration};
use crate::scripted::{Reply, Scripted};
use crate::servers::free_port;

const KEY: &str = "AKIAEXAMPLE";
const SECRET: &str = "not/really+secret";

/// A storage with a bucket `opencti-bucket`.
struct Storage {
    port: u16,
    task: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Storage {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("opencti-bucket")).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let refused = async |error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}"));
        let app = Router::new().fallback_service(HandleError::new(builder.build(), refused));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            port,
            task: tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }),
            folder,
        }
    }

    fn settings(&self) -> BucketSettings {
        BucketSettings {
            storage: S3 {
                endpoint: "127.0.0.1".to_owned(),
                port: self.port,
                use_ssl: false,
                bucket: "opencti-bucket".to_owned(),
                region: "us-east-1".to_owned(),
                access_key: Secret::new(KEY),
                secret_key: Secret::new(SECRET),
            },
            folder: "connectors".to_owned(),
            retention_days: 7,
            http: HttpOptions::default(),
        }
    }

    fn place(&self) -> (Place, Credentials) {
        let url = format!("http://127.0.0.1:{}", self.port).parse().unwrap();
        let place = Place::new(url, UrlStyle::Path, "opencti-bucket", "us-east-1").unwrap();
        (place, Credentials::new(KEY, SECRET))
    }

    async fn keys(&self) -> Vec<String> {
        let (place, credentials) = self.place();
        let list = place.list_objects_v2(Some(&credentials));
        let text = get(list.sign(Duration::from_secs(60))).await;
        let list = ListObjectsV2::parse_response(&text).unwrap();
        list.contents.into_iter().map(|object| object.key).collect()
    }

    async fn text(&self, key: &str) -> String {
        let (place, credentials) = self.place();
        get(place
            .get_object(Some(&credentials), key)
            .sign(Duration::from_secs(60)))
        .await
    }
}

async fn get(url: url::Url) -> String {
    let http = http::client(&HttpOptions::default()).unwrap();
    let answer = http.get(url).send().await.unwrap();
    answer.error_for_status().unwrap().text().await.unwrap()
}

fn road(settings: BucketSettings, sender: Sender, clock: Clock) -> Bucket {
    Bucket::new(settings, sender, clock).unwrap()
}

#[tokio::test]
async fn a_bundle_becomes_one_object_that_the_platform_can_import() {
    let storage = Storage::start().await;
    let opencti = StandIn::start(OpenCtiWorld::new(Release::V7, TOKEN))
        .await
        .unwrap();
    let (client, _) = client(&opencti.url());
    let user = client.register(&registration()).await.unwrap().user_id;
    for folder in ["connectors", ".", "a b/ü"] {
        let settings = BucketSettings {
            folder: folder.to_owned(),
            ..storage.settings()
        };
        let road = road(settings, sender(user.clone()), clock::system());
        let sent = road.send(&bundle(3).to_string()).await.unwrap();
        assert_eq!((sent.objects, sent.bundles), (10, 1));
    }
    let mut keys = storage.keys().await;
    keys.sort();
    let beginnings = [
        "a b/ü/virustotal_au-",
        "connectors/virustotal_au-",
        "virustotal_au-",
    ];
    for (key, beginning) in keys.iter().zip(beginnings) {
        assert!(
            key.starts_with(beginning) && key.ends_with(".json"),
            "{key}"
        );
        let text = storage.text(key).await;
        assert_eq!(opencti.ingest_message(&text), []);
    }
    assert_eq!(keys.len(), 3);
    assert_eq!(opencti.bundles()[0].road, CameBy::S3);
}

#[tokio::test]
async fn only_own_expired_objects_are_swept_and_never_the_newest() {
    let storage = Storage::start().await;
    let text = bundle(1).to_string();
    let now = clock::system();
    let other = Sender {
        name: "VirusTotal AU-livehunt".to_owned(),
        ..sender(None)
    };
    road(storage.settings(), sender(None), now.clone())
        .send(&text)
        .await
        .unwrap();
    road(storage.settings(), other, now.clone())
        .send(&text)
        .await
        .unwrap();
    let (later, hand) = Clock::manual(now.now() + TimeDelta::days(8));
    let forever = BucketSettings {
        retention_days: 0,
        ..storage.settings()
    };
    road(forever, sender(None), later.clone())
        .send(&text)
        .await
        .unwrap();
    assert_eq!(storage.keys().await.len(), 3, "0 keeps all");
    let before = storage.keys().await;
    hand.advance(Duration::from_secs(1));
    road(storage.settings(), sender(None), later)
        .send(&text)
        .await
        .unwrap();
    let keys = storage.keys().await;
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.iter().any(|key| key.contains("livehunt")), "{keys:?}");
    assert!(keys.iter().any(|key| !before.contains(key)), "{keys:?}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_name_and_shows_no_secret() {
    let storage = Storage::start().await;
    let right = storage.settings();
    let wrong_secret = S3 {
        secret_key: Secret::new("hunter2"),
        ..right.storage.clone()
    };
    let wrong_key = S3 {
        access_key: Secret::new("nobody"),
        ..right.storage.clone()
    };
    for (s3, said) in [
        (wrong_secret, "SignatureDoesNotMatch"),
        (wrong_key, "(403, "),
    ] {
        let settings = BucketSettings {
            storage: s3,
            ..right.clone()
        };
        let road = road(settings, sender(None), clock::system());
        let error = road.send(&bundle(1).to_string()).await.unwrap_err();
        assert!(matches!(error, Error::S3Refused { .. }), "{error}");
        assert_eq!(error.remedy(), Remedy::Fix);
        let text = error.to_string();
        assert!(
            text.contains(said) && text.contains("S3_SECRET_KEY"),
            "{text}"
        );
        assert!(
            !text.contains("hunter2") && !text.contains("X-Amz"),
            "{text}"
        );
    }
    assert_eq!(storage.keys().await, Vec::<String>::new());
}

fn elsewhere(port: u16) -> BucketSettings {
    BucketSettings {
        storage: S3 {
            endpoint: "127.0.0.1".to_owned(),
            port,
            use_ssl: false,
            bucket: "cti".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: Secret::new("a"),
            secret_key: Secret::new("s3cret"),
        },
        folder: String::new(),
        retention_days: 0,
        http: HttpOptions::default(),
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_and_a_storage_elsewhere_are_for_the_operator() {
    let missing = "<Error><Code>NoSuchBucket</Code><Message>not there</Message></Error>";
    for (reply, said) in [
        (
            Reply::new(404, missing),
            "bucket `cti` (404, NoSuchBucket: not there)",
        ),
        (
            Reply::new(301, "<Error><Code>PermanentRedirect</Code></Error>"),
            "(301, PermanentRedirect)",
        ),
    ] {
        let server = Scripted::start([reply]).await;
        let port = url::Url::parse(&server.url).unwrap().port().unwrap();
        let road = road(elsewhere(port), sender(None), clock::system());
        let error = road.send(&bundle(1).to_string()).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::Fix);
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn passing_trouble_is_waited_out_and_a_storage_that_is_gone_is_named() {
    let server = Scripted::start([
        Reply::new(503, "<Error><Code>SlowDown</Code></Error>"),
        Reply::new(200, ""),
    ])
    .await;
    let (clock, hand) = Clock::manual(chrono::DateTime::UNIX_EPOCH);
    let port = url::Url::parse(&server.url).unwrap().port().unwrap();
    let text = json!({"type": "bundle", "id": "bundle--1", "objects": []}).to_string();
    let first = road(elsewhere(port), sender(None), clock.clone());
    hurried(&hand, first.send(&text)).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].body["bundle_type"], "S3_BUNDLE");
    assert_eq!(asked[1].headers["content-type"], "application/json");
    assert_eq!(
        asked[0].path.split('?').next(),
        asked[1].path.split('?').next()
    );

    let nobody = free_port();
    let gone = road(elsewhere(nobody), sender(None), clock);
    let error = hurried(&hand, gone.send(&text)).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Retry);
    let said = error.to_string();
    assert!(
        said.contains(&format!("http://127.0.0.1:{nobody}")),
        "{said}"
    );
    assert!(
        said.contains("S3_ENDPOINT") && !said.contains("X-Amz"),
        "{said}"
    );
}

#[tokio::test]
async fn a_bucket_is_tried_and_nothing_stays_in_it() {
    let storage = Storage::start().await;
    let files = |folder: &std::path::Path| {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        let bucket = folder.join("opencti-bucket");
        let inside = std::fs::read_dir(bucket).unwrap();
        files.extend(inside.map(|entry| entry.unwrap().path()));
        files
    };
    let before = files(storage.folder.path());
    let tried = Road::S3(road(storage.settings(), sender(None), clock::system()));
    let said = tried.try_out(0).await.unwrap();
    assert!(said.contains("opencti-bucket"), "{said}");
    assert_eq!(storage.keys().await, Vec::<String>::new());
    assert_eq!(files(storage.folder.path()), before);

    let wrong = S3 {
        secret_key: Secret::new("hunter2"),
        ..storage.settings().storage
    };
    let settings = BucketSettings {
        storage: wrong,
        ..storage.settings()
    };
    let tried = Road::S3(road(settings, sender(None), clock::system()));
    let error = tried.try_out(0).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Fix);
    assert!(error.to_string().contains("S3_SECRET_KEY"), "{error}");

    // The server above does not look for the bucket before the end of an upload.
    let missing = "<Error><Code>NoSuchBucket</Code><Message>not there</Message></Error>";
    let server = Scripted::start([Reply::new(404, missing)]).await;
    let port = url::Url::parse(&server.url).unwrap().port().unwrap();
    let tried = Road::S3(road(elsewhere(port), sender(None), clock::system()));
    let error = tried.try_out(0).await.unwrap_err();
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
}

#[tokio::test]
async fn a_storage_without_uploads_in_parts_is_reached_and_no_more_is_claimed() {
    let server = Scripted::start([Reply::new(
        501,
        "<Error><Code>NotImplemented</Code></Error>",
    )])
    .await;
    let port = url::Url::parse(&server.url).unwrap().port().unwrap();
    let tried = Road::S3(road(elsewhere(port), sender(None), clock::system()));
    let said = tried.try_out(0).await.unwrap();
    assert!(said.contains("not told"), "{said}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_bundle_that_a_proxy_before_the_storage_refuses_by_its_size_goes_in_halves() {
    let server = Scripted::start([
        Reply::new(413, "<html>Request Entity Too Large</html>"),
        Reply::new(200, ""),
        Reply::new(200, ""),
    ])
    .await;
    let port = url::Url::parse(&server.url).unwrap().port().unwrap();
    let settings = BucketSettings {
        retention_days: 0,
        ..elsewhere(port)
    };
    let road = road(settings, sender(None), clock::system());
    let sent = road.send(&bundle(40).to_string()).await.unwrap();
    assert_eq!((sent.objects, sent.bundles), (84, 2));
    assert_eq!(sent.left, []);
    assert_eq!(server.asked().len(), 3);
}
