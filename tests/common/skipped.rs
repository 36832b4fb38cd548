//! Tests that need what is not on every machine.

/// Says loudly that a test is skipped, or fails it when servers are required.
pub(crate) fn skipped(why: &str) {
    let required = std::env::var_os("VTREPORTER_TEST_REQUIRE_SERVERS");
    assert!(
        required.is_none_or(|value| value != "1"),
        "{why}, and VTREPORTER_TEST_REQUIRE_SERVERS=1"
    );
    eprintln!("\n!!! SKIPPED: {why}. Nothing was tested here. !!!\n");
}
