//! TLS with the broker: own authority, client certificate.

use std::sync::Arc;

use lapin::tcp::RustlsConnector;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::opencti::error::Error;

/// How the broker is trusted, and how we show who we are. All PEM.
#[derive(Clone)]
pub struct BrokerTls {
    /// `MQ_USE_SSL_CA`, and what `HTTPS_CA_CERTIFICATES` adds: added to the
    /// built-in roots.
    pub roots: Vec<Vec<u8>>,
    /// `MQ_USE_SSL_CERT` with its chain, and `MQ_USE_SSL_KEY`.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
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
            Some((certificate, key)) => {
                let chain = certificates("MQ_USE_SSL_CERT", certificate)?;
                builder
                    .with_client_auth_cert(chain, private_key(key)?)
                    .map_err(|error| setting("MQ_USE_SSL_KEY", error.to_string()))?
            }
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

fn certificates(name: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| setting(name, format!("it is not PEM: {error}")))?;
    if found.is_empty() {
        return Err(setting(name, "there is no certificate in it".to_owned()));
    }
    Ok(found)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = pem.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED);
        let what = if encrypted {
            "the key is encrypted, which is not supported: decrypt it (`openssl pkey -in KEY -out NEW`) and leave MQ_USE_SSL_PASSPHRASE out".to_owned()
        } else {
            format!("there is no private key in it: {error}")
        };
        setting("MQ_USE_SSL_KEY", what)
    })
}

fn setting(setting: &'static str, what: String) -> Error {
    Error::Setting { setting, what }
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
        let own = rcgen::generate_simple_self_signed(["mq.example.net".to_owned()]).unwrap();
        let identity = |key: &[u8]| BrokerTls {
            identity: Some((own.cert.pem().into_bytes(), key.to_vec())),
            ..BrokerTls::default()
        };
        let encrypted =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(fault(identity(encrypted)).contains("decrypt it"));
        assert!(fault(identity(b"")).starts_with("MQ_USE_SSL_KEY: "));
        let key = own.signing_key.serialize_pem();
        assert!(identity(key.as_bytes()).connector().is_ok());
    }
}
