//! `vtreporter`: a country's risky files, from VirusTotal into OpenCTI.
pub mod clock;
pub mod convert;
pub mod http;
pub mod opencti;
pub mod pace;
pub mod quota;
pub mod secret;
#[cfg(feature = "standin")]
pub mod standin;
pub mod stix;
pub mod virustotal;
