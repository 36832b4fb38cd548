//! What is kept, to and from files of others.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::failed;
use crate::base::number::counted;
use crate::commands::Exit;
use crate::lookup::Cache;
use crate::virustotal::lookup::{FileHash, FileReport};

/// Writes every answer, one JSON object a line.
pub fn export(cache: &Cache, path: &Path) -> Result<(), Exit> {
    let wrong = |error: std::io::Error| {
        Exit::Settings(format!("{} cannot be written: {error}", path.display()))
    };
    let file = fs::File::create(path).map_err(wrong)?;
    let writer = std::cell::RefCell::new(BufWriter::new(file));
    let count = std::cell::Cell::new(0);
    let broken = std::cell::RefCell::new(None);
    let each = cache.store.each(cache.clock.now(), |kind, kept| {
        let report: Option<Value> = kept
            .report
            .and_then(|text| serde_json::from_str(&text).ok());
        let line = json!({
            "kind": kind, "id": kept.id, "asked_at": kept.asked_at, "report": report,
        });
        let written = writeln!(writer.borrow_mut(), "{line}");
        count.set(count.get() + 1);
        written
            .map_err(|error| *broken.borrow_mut() = Some(error))
            .is_ok()
    });
    each.map_err(failed)?;
    writer.into_inner().flush().map_err(wrong)?;
    if let Some(error) = broken.into_inner() {
        return Err(wrong(error));
    }
    say!(
        "{} in {}",
        counted(count.get(), "answer", "answers"),
        path.display()
    );
    Ok(())
}

/// What became of a file of the original.
enum Taken {
    Whole,
    /// Its statistics stood in a wrapper of the original's.
    Mended,
}

/// Takes over the `vt_<sha256>.json` files of a directory. What is not what its
/// name says, or no report, is told and left out.
pub fn import(cache: &Cache, directory: &Path) -> Result<(), Exit> {
    let entries = fs::read_dir(directory).map_err(|error| {
        Exit::Settings(format!("{} cannot be read: {error}", directory.display()))
    })?;
    let (mut taken, mut mended, mut refused) = (0_u64, 0_u64, 0_u64);
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Some(hash) = named(&path) else { continue };
        match take(cache, &path, &hash)? {
            Ok(Taken::Whole) => taken += 1,
            Ok(Taken::Mended) => mended += 1,
            Err(why) => {
                refused += 1;
                tracing::warn!("{} is left out: {why}", path.display());
            }
        }
    }
    say!(
        "{} taken over, {} of them mended; {} left out",
        counted(taken + mended, "report", "reports"),
        mended,
        refused
    );
    match refused {
        0 => Ok(()),
        _ => Err(Exit::NotEverything(format!(
            "{} left out",
            counted(refused, "file was", "files were")
        ))),
    }
}

/// The hash in the name of a file of the original.
fn named(path: &Path) -> Option<FileHash> {
    let name = path.file_name()?.to_str()?;
    FileHash::parse(name.strip_prefix("vt_")?.strip_suffix(".json")?)
}

fn take(cache: &Cache, path: &Path, hash: &FileHash) -> Result<Result<Taken, String>, Exit> {
    let object = match read(path, hash) {
        Ok(object) => object,
        Err(why) => return Ok(Err(why)),
    };
    let (object, taken) = mend(object);
    let Some(report) = FileReport::of(&object) else {
        return Ok(Err("it is no report of a file".to_owned()));
    };
    let known =
        report.id == hash.as_str() || report.aliases.iter().any(|alias| alias == hash.as_str());
    if !known {
        return Ok(Err(format!("it is the report of {}", report.id)));
    }
    cache.keep(hash, Some(&report)).map_err(failed)?;
    Ok(Ok(taken))
}

/// The object in a file: as VirusTotal writes it, or the original's reduced
/// form without the layers around the attributes.
fn read(path: &Path, hash: &FileHash) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| format!("it is no JSON: {error}"))?;
    let value = match value.get("data") {
        Some(data) if data.is_object() && data.get("attributes").is_some() => data.clone(),
        _ => value,
    };
    if value.get("attributes").is_some() {
        return Ok(value);
    }
    let id = value["sha256"].as_str().unwrap_or(hash.as_str()).to_owned();
    Ok(json!({ "type": "file", "id": id, "attributes": value }))
}

/// The original wrote some maps with the inside of its own wrapper around them
/// (`{"_on_change_callback": ..., "data": {...}}`): what is within counts.
fn mend(mut object: Value) -> (Value, Taken) {
    let mut taken = Taken::Whole;
    if let Some(attributes) = object["attributes"].as_object_mut() {
        for value in attributes.values_mut() {
            let wrapped = value.get("_on_change_callback").is_some();
            if let Some(inner) = value.get("data").filter(|_| wrapped) {
                *value = inner.clone();
                taken = Taken::Mended;
            }
        }
    }
    (object, taken)
}
