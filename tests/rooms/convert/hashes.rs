//! Which hashes stand where.

use serde_json::{Value, json};
use vtreporter::virustotal::objects::File;

use super::support::*;

const SSDEEP: &str = "12288:Qk1vT0pZ3aLw:Qk1vTyZqw";
const TLSH: &str = "T1A1F4E02833E4A5A1C0FB5F7DA8B11D0C46B2B6D3A6E1C75E0D0529BC1C66B81DE22F77";

#[test]
fn fuzzy_hashes_are_told_to_readers_and_never_to_the_platform_which_would_merge_by_them() {
    let mut options = options();
    options.attachments = true;
    options.objects.notes = true;
    let converter =
        vtreporter::convert::converter::Converter::new(&options, subject("AU", "Australia"));
    let outcome = run(
        &converter,
        &[variant(1), variant(2)],
        &Default::default(),
        ROOMY,
    );
    let all: Vec<_> = outcome.bundles.iter().flat_map(objects).collect();
    let files = of_type(&all, "file");
    assert_eq!(files.len(), 2);
    for file in files {
        let hashes = file["hashes"].as_object().expect("hashes");
        let names: Vec<&str> = hashes.keys().map(String::as_str).collect();
        assert_eq!(names, ["MD5", "SHA-1", "SHA-256"]);
        let description = file["x_opencti_description"].as_str().expect("a text");
        assert!(
            description.ends_with(&format!(" ssdeep: `{SSDEEP}`. TLSH: `{TLSH}`.")),
            "{description}"
        );
    }
    for note in of_type(&all, "note") {
        let content = note["content"].as_str().expect("a text");
        assert!(
            content.contains(&format!("\nssdeep: `{SSDEEP}`\n")),
            "{content}"
        );
        assert!(
            content.contains(&format!("\nTLSH: `{TLSH}`\n")),
            "{content}"
        );
    }
    assert_eq!(of_type(&all, "note").len(), 2);
    let report = of_type(&all, "report")[0];
    assert_every_row_has_the_fuzzy_hashes(report);
}

/// Files of one family: all that differs is their exact hashes.
fn variant(seed: u32) -> File {
    file(&json!({
        "type": "file",
        "id": format!("{seed:064x}"),
        "attributes": {
            "md5": format!("{seed:032x}"),
            "sha1": format!("{seed:040x}"),
            "sha256": format!("{seed:064x}"),
            "ssdeep": SSDEEP,
            "tlsh": TLSH,
            "threat_severity": { "threat_severity_level": "SEVERITY_HIGH" },
            "last_analysis_results": { "Bkav": { "category": "malicious", "result": "W32.X" } },
        },
    }))
}

fn assert_every_row_has_the_fuzzy_hashes(report: &Value) {
    let attached = report["x_opencti_files"].as_array().expect("files");
    let csv = attached
        .iter()
        .find(|file| file["mime_type"] == "text/csv")
        .map(decoded)
        .expect("a list of files");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let heads = rows.headers().expect("heads").clone();
    let column = |name: &str| {
        heads
            .iter()
            .position(|head| head == name)
            .expect("a column")
    };
    for row in rows.records() {
        let row = row.expect("a row");
        assert_eq!(row.get(column("ssdeep")), Some(SSDEEP));
        assert_eq!(row.get(column("tlsh")), Some(TLSH));
    }
}
