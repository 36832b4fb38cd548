//! The rooms of the program, each by what it shows to the others.

#[cfg(feature = "demo")]
mod attack_patterns;
mod convert;
#[cfg(feature = "demo")]
mod imports;
#[cfg(feature = "demo")]
mod network;
#[cfg(feature = "demo")]
mod opencti;
#[cfg(feature = "demo")]
mod parts;
#[cfg(feature = "demo")]
mod quota;
mod settings;
mod store;
mod virustotal;

#[path = "../common/encrypted.rs"]
#[cfg(feature = "demo")]
mod encrypted;
#[path = "../common/scripted.rs"]
#[cfg(feature = "demo")]
mod scripted;
#[path = "../common/servers.rs"]
#[cfg(feature = "demo")]
mod servers;
#[path = "../common/worker.rs"]
#[cfg(feature = "demo")]
mod worker;
