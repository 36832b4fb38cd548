//! What a page of VirusTotal's becomes in STIX.

mod golden;
mod growing;
mod hashes;
mod knowledge;
mod labels;
mod packing;
mod page;
mod random;
mod report;
mod scores;
mod support;
mod tables;
