//! The data directory, over its public surface and with real processes' ways
//! of using it: several connections, kills, damage.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use vtreporter::store::ledger::{Charge, Snapshot};
use vtreporter::store::lookups::{Answer, Kind, Lifetimes, Room};
use vtreporter::store::share::Sent;
use vtreporter::store::{FILE, Store, StoreError};

const KEY: &str = "key-1a2b3c4d";
const LIFETIMES: Lifetimes = Lifetimes {
    known: Duration::from_secs(30 * 24 * 3600),
    unknown: Duration::from_secs(12 * 3600),
};
const ROOM: Room = Room {
    entries: 1000,
    bytes: 1 << 20,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2026-11-20T12:00:00Z")
}

fn open(directory: &Path) -> Store {
    Store::open(directory, noon()).unwrap()
}

fn daily(used: u64) -> [Snapshot; 1] {
    [Snapshot {
        quota: "api_requests_daily".to_owned(),
        scope: "group".to_owned(),
        used,
        allowed: Some(20_000),
    }]
}

fn hash(n: u32) -> String {
    format!("{n:064x}")
}

fn known<'a>(id: &'a str, aliases: &'a [&'a str], report: &'a str) -> Answer<'a> {
    Answer {
        kind: Kind::File,
        id,
        aliases,
        report: Some(report),
        engines: true,
    }
}

fn unknown(id: &str) -> Answer<'_> {
    Answer {
        report: None,
        engines: false,
        ..known(id, &[], "")
    }
}

#[test]
fn an_hour_keeps_its_last_reading_and_all_that_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for (minute, used) in [(5, 100), (55, 160)] {
        let now = noon() + TimeDelta::minutes(minute);
        store.remember_reading(KEY, &daily(used), now).unwrap();
        store
            .remember_sent(KEY, Charge::Requests, "file_info", 3, 1, now)
            .unwrap();
        store
            .remember_sent(KEY, Charge::Searches, "intelligence_search", 2, 0, now)
            .unwrap();
    }
    // Another process reads while this one has the file open.
    let hours = open(directory.path()).hours(noon(), noon()).unwrap();
    assert_eq!(hours.len(), 1);
    assert_eq!(
        (hours[0].used, hours[0].own, hours[0].limit),
        (160, 6, Some(20_000))
    );
    assert_eq!(hours[0].hour, noon());
    let file = rusqlite::Connection::open(directory.path().join(FILE)).unwrap();
    let mut statement = file
        .prepare("SELECT charged, sent, failed FROM spent ORDER BY charged")
        .unwrap();
    let sent: Vec<(String, u32, u32)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = [("requests", 6, 2), ("searches", 4, 0)];
    assert_eq!(
        sent,
        expected.map(|(charged, sent, failed)| (charged.to_owned(), sent, failed))
    );
}

#[test]
fn what_is_older_than_the_retention_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for day in 0..10 {
        let then = noon() - TimeDelta::days(day);
        store.remember_reading(KEY, &daily(5), then).unwrap();
        store
            .remember_sent(KEY, Charge::Requests, "file_info", 1, 0, then)
            .unwrap();
    }
    let gone = store
        .forget_before(noon() - TimeDelta::days(4), noon())
        .unwrap();
    assert_eq!(gone, 10, "five days of readings, five of requests");
    assert_eq!(store.hours(DateTime::UNIX_EPOCH, noon()).unwrap().len(), 5);
}

#[test]
fn a_damaged_file_is_set_aside_whole_and_a_new_one_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    fs::write(&file, "this was a database once, and is none any more").unwrap();
    let store = open(directory.path());
    let aside = directory
        .path()
        .join(format!("{FILE}.damaged-20261120T120000Z"));
    assert_eq!(
        fs::read_to_string(&aside).unwrap(),
        "this was a database once, and is none any more"
    );
    store.remember_reading(KEY, &daily(1), noon()).unwrap();
}

#[test]
fn damage_that_shows_in_use_is_outlived_by_every_process() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(directory.path()), open(directory.path()));
    for n in 0..500 {
        let id = hash(n);
        let report = "x".repeat(500);
        let answer = [known(&id, &[], &report)];
        one.keep(&answer, LIFETIMES, ROOM, noon()).unwrap();
    }
    drop(open(directory.path()));
    overwrite_pages(&directory.path().join(FILE));
    // A process that starts now reads the damage; those that run come after.
    let third = open(directory.path());
    let _ = third.stats(noon()).unwrap();
    for store in [&third, &one, &other] {
        store.remember_reading(KEY, &daily(7), noon()).unwrap();
        let _ = store
            .look_up(Kind::File, &hash(7), false, LIFETIMES, noon())
            .unwrap();
    }
    let damaged = fs::read_dir(directory.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains(".damaged-")
            && !name
                .to_string_lossy()
                .contains(".damaged-20261120T120000Z-")
    });
    assert!(damaged.count() >= 1, "nothing was deleted");
    assert_eq!(
        open(directory.path()).hours(noon(), noon()).unwrap().len(),
        1
    );
}

/// What is in the write-ahead log goes into the file first, then all but the
/// file's first page is overwritten.
fn overwrite_pages(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .pragma_update(None, "wal_checkpoint", "TRUNCATE")
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(file).unwrap();
    for byte in &mut bytes[4096..] {
        *byte = 0xa5;
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let connection = rusqlite::Connection::open(directory.path().join(FILE)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(directory.path().join(FILE)).unwrap();
    let error = Store::open(directory.path(), noon()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );
    assert_eq!(fs::read(directory.path().join(FILE)).unwrap(), before);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("data"), noon()).unwrap_err();
    assert!(error.to_string().contains("a-file/data"), "{error}");
}

#[test]
fn processes_with_one_key_take_turns_and_share_a_count() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(directory.path()), open(directory.path()));
    let apart = Some(Duration::from_secs(15));
    let search = Sent {
        searches: 1,
        requests: 0,
    };
    let mut waits = Vec::new();
    for n in 0..6 {
        let store = if n % 2 == 0 { &one } else { &other };
        waits.push(
            store
                .take_turn(KEY, search, apart, noon())
                .unwrap()
                .wait
                .as_secs(),
        );
    }
    assert_eq!(waits, [0, 15, 30, 45, 60, 75]);
    assert_eq!(other.sent(KEY, noon()).unwrap().searches, 6);
    one.give_back(KEY, search, noon()).unwrap();
    assert_eq!(other.sent(KEY, noon()).unwrap().searches, 5);
    // A key of its own has a pace of its own.
    let turn = one.take_turn("key-other", search, apart, noon()).unwrap();
    assert_eq!(turn.wait, Duration::ZERO);
    // After a rest nobody waits, and nobody may catch up.
    let later = noon() + TimeDelta::hours(1);
    let turns = [0, 1].map(|_| {
        one.take_turn(KEY, search, apart, later)
            .unwrap()
            .wait
            .as_secs()
    });
    assert_eq!(turns, [0, 15]);
    one.hold(KEY, Duration::from_secs(60), later + TimeDelta::minutes(1))
        .unwrap();
    let held = other.take_turn(KEY, search, apart, later + TimeDelta::minutes(1));
    assert_eq!(held.unwrap().wait, Duration::from_secs(60));
}

#[test]
fn a_clock_that_was_ahead_stops_nobody_for_longer_than_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let ahead = noon() + TimeDelta::days(400);
    store.take_turn(KEY, Sent::default(), None, ahead).unwrap();
    let turn = store.take_turn(KEY, Sent::default(), None, noon()).unwrap();
    assert_eq!(turn.wait, Duration::from_secs(24 * 3600));
}

#[test]
fn a_file_is_found_by_each_of_its_hashes_for_its_lifetime() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (sha256, sha1, md5) = (hash(1), "b".repeat(40), "c".repeat(32));
    let aliases = [sha1.as_str(), md5.as_str()];
    // By its MD5 it was not known yesterday.
    let yesterday = noon() - TimeDelta::hours(11);
    store
        .keep(&[unknown(&md5)], LIFETIMES, ROOM, yesterday)
        .unwrap();
    let look_up = |id: &str, now| {
        store
            .look_up(Kind::File, id, false, LIFETIMES, now)
            .unwrap()
    };
    assert_eq!(look_up(&md5, noon()).unwrap().report, None);
    store
        .keep(&[known(&sha256, &aliases, "{}")], LIFETIMES, ROOM, noon())
        .unwrap();
    for id in [&sha256, &sha1, &md5] {
        assert_eq!(look_up(id, noon()).unwrap().id, sha256);
    }
    let stats = store.stats(noon()).unwrap();
    assert_eq!((stats.entries, stats.hits, stats.misses), (1, 4, 0));
    let month = TimeDelta::days(30);
    assert!(look_up(&sha256, noon() + month - TimeDelta::seconds(1)).is_some());
    assert_eq!(look_up(&sha256, noon() + month), None);
    assert_eq!(store.stats(noon()).unwrap().misses, 1);
}

#[test]
fn what_is_not_known_is_asked_for_again_after_half_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    store
        .keep(&[unknown(&hash(1))], LIFETIMES, ROOM, noon())
        .unwrap();
    let later = |hours| noon() + TimeDelta::hours(hours);
    let good = |now| {
        store
            .look_up(Kind::File, &hash(1), true, LIFETIMES, now)
            .unwrap()
            .is_some()
    };
    assert!(good(later(11)));
    assert!(!good(later(12)));
    assert_eq!(store.clean(LIFETIMES, later(12)).unwrap(), 1);
    let stats = store.stats(noon()).unwrap();
    assert_eq!((stats.entries, stats.expired), (0, 1));
}

#[test]
fn the_least_recently_used_make_room_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let room = Room { entries: 3, ..ROOM };
    let second = |n: i64| noon() + TimeDelta::seconds(n);
    {
        let store = open(directory.path());
        for n in 0..3 {
            let id = hash(n);
            let kept = store.keep(&[known(&id, &[], "{}")], LIFETIMES, room, second(n.into()));
            assert_eq!(kept.unwrap(), 0);
        }
        // The oldest is used once more.
        let used = store.look_up(Kind::File, &hash(0), false, LIFETIMES, second(10));
        assert!(used.unwrap().is_some());
    }
    let store = open(directory.path());
    let id = hash(3);
    let gone = store.keep(&[known(&id, &[], "{}")], LIFETIMES, room, second(11));
    assert_eq!(gone.unwrap(), 1);
    let all = [hash(0), hash(1), hash(2), hash(3)];
    let ids: Vec<&str> = all.iter().map(String::as_str).collect();
    let left = store
        .fresh(Kind::File, &ids, LIFETIMES, second(12))
        .unwrap();
    let left: Vec<_> = left.into_iter().map(|kept| kept.id).collect();
    assert_eq!(left, [hash(0), hash(2), hash(3)]);
    let small = Room { bytes: 0, ..ROOM };
    store.keep(&[], LIFETIMES, small, second(13)).unwrap();
    let stats = store.stats(noon()).unwrap();
    assert_eq!((stats.entries, stats.bytes, stats.evicted), (0, 0, 4));
}

#[test]
fn a_page_of_a_search_does_not_replace_what_has_the_engines_results() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let id = hash(1);
    let of_search = Answer {
        engines: false,
        ..known(&id, &[], "short")
    };
    let report = |engines, now| {
        let kept = store
            .look_up(Kind::File, &id, engines, LIFETIMES, now)
            .unwrap();
        kept.and_then(|kept| kept.report)
    };
    store.keep(&[of_search], LIFETIMES, ROOM, noon()).unwrap();
    assert_eq!(report(false, noon()).as_deref(), Some("short"));
    assert_eq!(report(true, noon()), None, "engines are asked for");
    store
        .keep(&[known(&id, &[], "whole")], LIFETIMES, ROOM, noon())
        .unwrap();
    store.keep(&[of_search], LIFETIMES, ROOM, noon()).unwrap();
    assert_eq!(report(true, noon()).as_deref(), Some("whole"));
    let later = noon() + TimeDelta::days(31);
    store.keep(&[of_search], LIFETIMES, ROOM, later).unwrap();
    assert_eq!(report(false, later).as_deref(), Some("short"));
}
