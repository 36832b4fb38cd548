//! `vtreporter`: a country's risky files, from VirusTotal into OpenCTI.
//!
//! `docs/architecture.md` has the map of the code, the rule by which rooms may
//! know each other, and the way a run takes through them.

pub mod args;
pub mod base;
pub mod commands;
pub mod config;
pub mod convert;
pub mod import;
pub mod lookup;
pub mod opencti;
pub mod quota;
pub mod report;
pub mod setup;
pub mod store;
pub mod virustotal;

#[cfg(feature = "demo")]
pub use standin;
pub use stix;
