//! A strict stand-in for the OpenCTI platform.

pub mod release;

pub use release::Release;
