//! The stand-ins must be as strict as what they stand in for, or what passes
//! against them proves nothing.

mod opencti;
mod virustotal;

/// A client that asks as the connector does: `gzip` in its name makes VirusTotal
/// compress.
#[expect(
    clippy::disallowed_methods,
    reason = "the door that the rule points to is on the side that is judged"
)]
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .user_agent("asker (gzip)")
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap()
}
