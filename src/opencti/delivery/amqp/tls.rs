//! TLS with the broker: whom we trust, and whether we look.

use std::sync::Arc;

use lapin::tcp::RustlsConnector;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::identity::Identity;
use super::pem::{certificates, setting};
use crate::opencti::error::Error;

/// How the broker is trusted, and how we show who we are.
#[derive(Clone)]
pub struct BrokerTls {
    /// PEM: `MQ_USE_SSL_CA`, and what `HTTPS_CA_CERTIFICATES` adds: added to the
    /// built-in roots.
    pub roots: Vec<Vec<u8>>,
    /// Shown to a broker that asks for a client certificate.
    pub identity: Option<Identity>,
    /// `MQ_USE_SSL_REJECT_UNAUTHORIZED`; `false` accepts any certificate. Said
    /// loudly by whoever sets it.
    pub verify: bool,
}

impl Default for BrokerTls {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            identity: None,
            verify: true,
        }
    }
}

impl BrokerTls {
    /// The connector, or the setting that cannot be used.
    pub(super) fn connector(&self) -> Result<RustlsConnector, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| setting("MQ_USE_SSL", error.to_string()))?;
        let builder = if self.verify {
            builder.with_root_certificates(self.root_store()?)
        } else {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        };
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        };
        Ok(Arc::new(config).into())
    }

    fn root_store(&self) -> Result<RootCertStore, Error> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        for pem in &self.roots {
            for certificate in certificates("MQ_USE_SSL_CA", pem)? {
                store
                    .add(certificate)
                    .map_err(|error| setting("MQ_USE_SSL_CA", error.to_string()))?;
            }
        }
        Ok(store)
    }
}

/// Takes every certificate; the signatures are still checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(tls: BrokerTls) -> String {
        tls.connector().expect_err("a fault").to_string()
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_variable() {
        let roots = fault(BrokerTls {
            roots: vec![b"nothing".to_vec()],
            ..BrokerTls::default()
        });
        assert!(roots.starts_with("MQ_USE_SSL_CA: "), "{roots}");
    }
}
