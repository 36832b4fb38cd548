//! Certificates in PEM, and what is told of a setting that holds none.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::opencti::error::Error;

pub(super) fn certificates(
    name: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| setting(name, format!("it is not PEM: {error}")))?;
    if found.is_empty() {
        return Err(setting(name, "there is no certificate in it".to_owned()));
    }
    Ok(found)
}

pub(super) fn setting(setting: &'static str, what: String) -> Error {
    Error::Setting { setting, what }
}
