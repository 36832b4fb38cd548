//! The lists of all parts of a report as one list of each kind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use csv::{ByteRecord, Reader, Writer};

use crate::report::cell;
use crate::report::network_csv::NAMED;

/// The name of the one list that a part's list goes into.
pub(super) fn whole_name(name: &str) -> String {
    let Some((stem, part)) = name.split_once("-part-") else {
        return name.to_owned();
    };
    let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{stem}{rest}")
}

/// Writes the lists `parts`, in their order, into one at `whole`.
pub(super) fn join(parts: &[&Path], whole: &Path) -> csv::Result<()> {
    let heads = Reader::from_path(parts[0])?.byte_headers()?.clone();
    let mut out = std::fs::File::create(whole)?;
    std::io::Write::write_all(&mut out, cell::BOM.as_bytes())?;
    let mut out = cell::rows_into(out);
    out.write_record(&heads)?;
    let columns = Columns(&heads);
    match columns.place("file_hashes") {
        Some(_) => network(parts, &columns, &mut out)?,
        None => files(parts, &columns, &mut out)?,
    }
    out.flush()?;
    Ok(())
}

struct Columns<'a>(&'a ByteRecord);

impl Columns<'_> {
    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| column == name.as_bytes())
    }

    fn cell<'r>(&self, row: &'r ByteRecord, name: &str) -> &'r [u8] {
        let place = self.place(name);
        place.and_then(|place| row.get(place)).unwrap_or_default()
    }

    fn number(&self, row: &ByteRecord, name: &str) -> u64 {
        let cell = std::str::from_utf8(self.cell(row, name));
        cell.ok().and_then(|cell| cell.parse().ok()).unwrap_or(0)
    }
}

/// Which part, and which row of it.
type Place = (usize, u64);

fn each(
    parts: &[&Path],
    mut take: impl FnMut(Place, ByteRecord) -> csv::Result<()>,
) -> csv::Result<()> {
    for (part, path) in parts.iter().enumerate() {
        let mut reader = Reader::from_path(path)?;
        for (row, record) in (0..).zip(reader.byte_records()) {
            take((part, row), record?)?;
        }
    }
    Ok(())
}

/// Each file once: as the search found it, where a part has it so.
fn files<W: std::io::Write>(
    parts: &[&Path],
    columns: &Columns<'_>,
    out: &mut Writer<W>,
) -> csv::Result<()> {
    let mut chosen: HashMap<Box<[u8]>, (Place, bool)> = HashMap::new();
    let key = |row: &ByteRecord| -> Box<[u8]> {
        ["sha256", "sha1", "md5"]
            .map(|hash| columns.cell(row, hash))
            .concat()
            .into()
    };
    each(parts, |place, row| {
        let searched = columns.cell(&row, "found_by") == b"search";
        match chosen.entry(key(&row)) {
            Entry::Vacant(free) => {
                free.insert((place, searched));
            }
            Entry::Occupied(mut known) if searched && !known.get().1 => {
                known.insert((place, searched));
            }
            Entry::Occupied(_) => {}
        }
        Ok(())
    })?;
    each(parts, |place, row| {
        if chosen[&key(&row)].0 == place {
            out.write_byte_record(&row)?;
        }
        Ok(())
    })
}

/// Each address, domain and URL once, with the files of all parts.
fn network<W: std::io::Write>(
    parts: &[&Path],
    columns: &Columns<'_>,
    out: &mut Writer<W>,
) -> csv::Result<()> {
    let mut rows: Vec<ByteRecord> = Vec::new();
    let mut places: HashMap<Box<[u8]>, usize> = HashMap::new();
    each(parts, |_, row| {
        let key = [columns.cell(&row, "type"), columns.cell(&row, "value")].join(&b' ');
        match places.entry(key.into()) {
            Entry::Vacant(free) => {
                free.insert(rows.len());
                rows.push(row);
            }
            Entry::Occupied(place) => {
                let known = &mut rows[*place.get()];
                *known = together(columns, known, &row);
            }
        }
        Ok(())
    })?;
    rows.iter().try_for_each(|row| out.write_byte_record(row))
}

fn together(columns: &Columns<'_>, one: &ByteRecord, other: &ByteRecord) -> ByteRecord {
    let rank = |row: &ByteRecord| {
        let severity = columns.cell(row, "severity");
        let worse: [&[u8]; 5] = [b"NONE", b"LOW", b"unknown", b"MEDIUM", b"HIGH"];
        let place = worse.iter().position(|word| *word == severity);
        (place, columns.number(row, "detections"))
    };
    let worse = if rank(other) > rank(one) { other } else { one };
    let files = columns.number(one, "files") + columns.number(other, "files");
    let both = [one, other].map(|row| columns.cell(row, "file_hashes"));
    let hashes = both
        .iter()
        .flat_map(|hashes| hashes.split(|byte| *byte == b' '));
    let hashes: Vec<&[u8]> = hashes.filter(|hash| !hash.is_empty()).take(NAMED).collect();
    let hashes = hashes.join(&b' ');
    let files = files.to_string();
    let cells = columns.0.iter().zip(worse);
    cells
        .map(|(column, cell)| match column {
            b"files" => files.as_bytes(),
            b"file_hashes" => &hashes,
            _ => cell,
        })
        .collect()
}
