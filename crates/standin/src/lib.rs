//! Strict stand-ins for both sides, on loopback: for `demo`, tests and benches.

#![warn(missing_docs)]

pub mod opencti;
pub mod server;
pub mod virustotal;
