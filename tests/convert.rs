//! What a page of VirusTotal's becomes in STIX.

#[path = "convert/golden.rs"]
mod golden;
#[path = "convert/hashes.rs"]
mod hashes;
#[path = "convert/knowledge.rs"]
mod knowledge;
#[path = "convert/labels.rs"]
mod labels;
#[path = "convert/packing.rs"]
mod packing;
#[path = "convert/page.rs"]
mod page;
#[path = "convert/random.rs"]
mod random;
#[path = "convert/report.rs"]
mod report;
#[path = "convert/scores.rs"]
mod scores;
#[path = "convert/support.rs"]
mod support;
#[path = "convert/tables.rs"]
mod tables;
