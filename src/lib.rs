//! `vtreporter`: a country's risky files, from VirusTotal into OpenCTI.
//!
//! THE MAP, in the order of the flow:
//!
//! ```text
//!   start          main - args - config - setup
//!   commands       connector (run)  check  plan  preview  demo       combine what is below; never each other
//!   one run        import      window, pages, relations, deliveries, state
//!   translator     convert     VirusTotal in, STIX out               pure
//!   neighbours     virustotal - quota   stix   opencti               never each other, but the quota guards the client
//!   base           secret  clock  pace  http  log  terminal  period  country  number   know nobody above
//! ```
//!
//! Arrows only go down (`tests/layering.rs` holds the code against it). Nothing
//! below `setup` uses `config`: settings are taken apart there. Time comes from
//! [`clock`], HTTP clients from [`http`], and only `main` ends the process.
//! [`standin`] plays the other two sides for the demo, the tests and the benches.

pub mod args;
pub mod clock;
pub mod commands;
pub mod config;
pub mod convert;
pub mod country;
pub mod http;
pub mod import;
pub mod log;
pub mod number;
pub mod opencti;
pub mod pace;
pub mod period;
pub mod quota;
pub mod secret;
pub mod setup;
#[cfg(feature = "standin")]
pub mod standin;
pub mod stix;
pub mod terminal;
pub mod virustotal;
