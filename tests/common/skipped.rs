//! Tests that need what is not on every machine.

use std::io::Write;

/// Says loudly that a test is skipped, or fails it when servers are required.
pub(crate) fn skipped(why: &str) {
    let required = std::env::var_os("VTREPORTER_TEST_REQUIRE_SERVERS");
    assert!(
        required.is_none_or(|value| value != "1"),
        "{why}, and VTREPORTER_TEST_REQUIRE_SERVERS=1"
    );
    // Not by `eprintln!`: what a passing test prints is not shown.
    let line = format!("\n!!! SKIPPED: {why}. Nothing was tested here. !!!\n\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
