//! `cache`: what was learned of files, so that nobody pays for it twice.

use std::path::Path;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::base::number::{counted, grouped};
use crate::lookup::{self, Cache, LookupError};
use crate::quota::Guard;
use crate::store::StoreError;
use crate::virustotal::lookup::FileHash;

mod files;

pub use files::{export, import};

/// Prints how much is kept, and how it was used.
pub fn stats(cache: &Cache, as_json: bool) -> Result<(), Exit> {
    let stats = cache.store.stats(cache.clock.now()).map_err(failed)?;
    if as_json {
        say!(
            "{}",
            json!({
                "entries": stats.entries, "bytes": stats.bytes, "hits": stats.hits,
                "misses": stats.misses, "stores": stats.stores, "evicted": stats.evicted,
                "expired": stats.expired,
                "file": cache.store.path(),
            })
        );
        return Ok(());
    }
    let entries = counted(stats.entries, "answer", "answers");
    say!(
        "{entries} of {} bytes in {}",
        grouped(stats.bytes),
        cache.store.path().display()
    );
    for (count, what) in [
        (stats.hits, "look-ups answered from here"),
        (stats.misses, "look-ups that were not"),
        (stats.stores, "answers kept"),
        (stats.evicted, "made room for others"),
        (stats.expired, "too old"),
    ] {
        say!("{:>12}  {what}", grouped(count));
    }
    Ok(())
}

/// Forgets what is too old.
pub fn clean(cache: &Cache) -> Result<(), Exit> {
    let gone = cache
        .store
        .clean(cache.keeping.lifetimes, cache.clock.now())
        .map_err(failed)?;
    say!("{} forgotten", counted(gone, "answer", "answers"));
    Ok(())
}

/// What became of a list of hashes.
#[derive(Default)]
struct Warmed {
    fresh: u64,
    asked: u64,
    unknown: u64,
    invalid: u64,
}

/// Asks for the files of a list that are not known yet, as far as the quota
/// goes. Begun again, it goes on where it stopped, since what is fresh is not
/// asked for.
pub async fn warm(
    cache: &Cache,
    guard: &Guard,
    list: &str,
    stop: &CancellationToken,
) -> Result<(), Exit> {
    let mut warmed = Warmed::default();
    let mut ended = Ok(());
    for (line, hash) in hashes(list) {
        let Some(hash) = hash else {
            warmed.invalid += 1;
            tracing::warn!("line {line} is no MD5, SHA-1 or SHA-256");
            continue;
        };
        let asked = stop
            .run_until_cancelled(warm_one(cache, guard, &hash, &mut warmed))
            .await;
        match asked {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                ended = Err(Exit::NotEverything(error.to_string()));
                break;
            }
            None => {
                ended = Err(Exit::NotEverything("it was stopped".to_owned()));
                break;
            }
        }
    }
    say!(
        "{} asked for ({} of them not known to VirusTotal), {} fresh already, {} not read as a hash",
        grouped(warmed.asked),
        grouped(warmed.unknown),
        grouped(warmed.fresh),
        grouped(warmed.invalid)
    );
    ended
}

async fn warm_one(
    cache: &Cache,
    guard: &Guard,
    hash: &FileHash,
    warmed: &mut Warmed,
) -> Result<(), LookupError> {
    if cache.is_fresh(hash)? {
        warmed.fresh += 1;
        return Ok(());
    }
    let (report, _) = lookup::file(cache, guard, hash).await?;
    warmed.asked += 1;
    warmed.unknown += u64::from(report.is_none());
    Ok(())
}

/// The hashes of a list, by line: blank lines and comments are passed over.
fn hashes(list: &str) -> impl Iterator<Item = (usize, Option<FileHash>)> {
    let list = list.trim_start_matches('\u{feff}');
    list.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| (at, FileHash::parse(line)))
}

/// A list that cannot be read is wrong usage.
pub fn read_list(path: &Path) -> Result<String, Exit> {
    let read = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    read.map_err(|error| Exit::Settings(format!("{} cannot be read: {error}", path.display())))
}

fn failed(error: StoreError) -> Exit {
    Exit::NotEverything(error.to_string())
}
