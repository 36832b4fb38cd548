//! Asking VirusTotal for a page, now or ahead of its turn.

use crate::import::Import;
use crate::quota::{CallError, Cost};
use crate::virustotal::Page;
use crate::virustotal::search::Search;

/// Asks for a page, if the quota guard lets it through.
pub(super) async fn ask(
    import: &Import<'_>,
    search: &Search,
    cursor: Option<&str>,
) -> Result<Page, CallError> {
    import
        .guard
        .call(Cost::Search, async |client| {
            client.search(search, cursor).await
        })
        .await
}

/// Asks for the page that a cursor leads to while another one is in hand. A
/// failure waits until the page in hand is done with, and is judged in its turn.
pub(super) async fn ask_ahead(
    import: &Import<'_>,
    search: &Search,
    cursor: Option<&str>,
) -> Option<Result<Page, CallError>> {
    match cursor {
        Some(_) => Some(ask(import, search, cursor).await),
        None => None,
    }
}
