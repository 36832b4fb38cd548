//! Who we are, for a broker that asks for a client certificate.

use std::sync::Arc;

use pkcs8::der::{Decode, SecretDocument};
use pkcs8::pkcs5;
use pkcs8::{EncryptedPrivateKeyInfo, Error as Unopened};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::pem::{certificates, setting};
use crate::base::secret::Secret;
use crate::opencti::error::Error;

const KEY: &str = "MQ_USE_SSL_KEY";
const PASSPHRASE: &str = "MQ_USE_SSL_PASSPHRASE";

/// A certificate with its chain, and the key that fits it. Made once, at the
/// start: what cannot be used is told before anybody is asked anything, and
/// opening an encrypted key is slow on purpose.
#[derive(Clone)]
pub struct Identity(Arc<SingleCertAndKey>);

impl Identity {
    /// From `MQ_USE_SSL_CERT`, `MQ_USE_SSL_KEY` and, if the key is encrypted,
    /// `MQ_USE_SSL_PASSPHRASE`.
    ///
    /// # Errors
    /// [`Error::Setting`] with the variable to change, never with its value.
    pub fn new(
        certificate: &[u8],
        key: &Secret,
        passphrase: Option<&Secret>,
    ) -> Result<Self, Error> {
        let chain = certificates("MQ_USE_SSL_CERT", certificate)?;
        let key = private_key(key.expose(), passphrase)?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(|error| setting(KEY, error.to_string()))?;
        Ok(Self(Arc::new(pair.into())))
    }

    pub(super) fn resolver(&self) -> Arc<SingleCertAndKey> {
        self.0.clone()
    }
}

fn private_key(pem: &str, passphrase: Option<&Secret>) -> Result<PrivateKeyDer<'static>, Error> {
    let told = |name, what: &str| Err(setting(name, what.to_owned()));
    match (encrypted_block(pem), passphrase) {
        _ if pem.contains("Proc-Type: 4,ENCRYPTED") => told(
            KEY,
            "the key is encrypted in OpenSSL's old form, which is not supported: write it anew \
             with `openssl pkcs8 -topk8 -in KEY -out NEW`",
        ),
        (Some(block), Some(passphrase)) => decrypted(block, passphrase),
        (Some(_), None) => told(
            PASSPHRASE,
            "it is missing, though the key in MQ_USE_SSL_KEY is encrypted",
        ),
        (None, Some(_)) => told(
            PASSPHRASE,
            "the key in MQ_USE_SSL_KEY is not encrypted: leave the passphrase out, or give the \
             key that it belongs to",
        ),
        (None, None) => PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| setting(KEY, format!("there is no private key in it: {error}"))),
    }
}

/// The encrypted key alone: certificates, and what OpenSSL tells of it in plain
/// words, may stand around it.
fn encrypted_block(pem: &str) -> Option<&str> {
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let block = &pem[pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----")?..];
    // Without its end the block is read as it is, which tells what is wrong.
    let length = block.find(END).map(|end| end + END.len());
    Some(&block[..length.unwrap_or(block.len())])
}

fn decrypted(block: &str, passphrase: &Secret) -> Result<PrivateKeyDer<'static>, Error> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let what = format!("the encrypted key cannot be read: {error}");
        setting(KEY, what)
    };
    let (_, document) = SecretDocument::from_pem(block).map_err(|error| unreadable(&error))?;
    let key = EncryptedPrivateKeyInfo::from_der(document.as_bytes())
        .map_err(|error| unreadable(&error))?
        .decrypt(passphrase.expose())
        .map_err(|error| match error {
            // The crate tells a padding that is wrong as either of its two
            // failures. One wrong passphrase in some 256 leaves a valid
            // padding, and behind it something that is no key.
            Unopened::EncryptedPrivateKey(
                pkcs5::Error::DecryptFailed | pkcs5::Error::EncryptFailed,
            )
            | Unopened::Asn1(_) => {
                let what = "it does not open the key in MQ_USE_SSL_KEY";
                setting(PASSPHRASE, what.to_owned())
            }
            other => unreadable(&other),
        })?;
    Ok(PrivateKeyDer::Pkcs8(key.as_bytes().to_vec().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pkcs8::pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Params, Pbkdf2Prf};

    const OPENS: &str = "Correct Horse";

    fn own() -> (String, rcgen::KeyPair) {
        let own = rcgen::generate_simple_self_signed(["mq.example.net".to_owned()]).unwrap();
        (own.cert.pem(), own.signing_key)
    }

    fn encrypted(key: &rcgen::KeyPair, parameters: Parameters<'_>) -> String {
        let der = key.serialize_der();
        let encrypted_data = parameters.encrypt(OPENS, &der).unwrap();
        let info = EncryptedPrivateKeyInfo {
            encryption_algorithm: parameters.into(),
            encrypted_data: &encrypted_data,
        };
        let document = SecretDocument::try_from(&info).unwrap();
        let pem = document.to_pem("ENCRYPTED PRIVATE KEY", Default::default());
        pem.unwrap().to_string()
    }

    fn usual(key: &rcgen::KeyPair) -> String {
        encrypted(
            key,
            Parameters::pbkdf2_sha256_aes256cbc(2, b"saltsalt", &[7; 16]).unwrap(),
        )
    }

    fn told(certificate: &str, key: &str, passphrase: Option<&str>) -> String {
        let passphrase = passphrase.map(Secret::new);
        let made = Identity::new(
            certificate.as_bytes(),
            &Secret::new(key),
            passphrase.as_ref(),
        );
        made.err()
            .map_or_else(String::new, |error| format!("{error} {error:?}"))
    }

    #[test]
    fn a_key_is_taken_plain_or_encrypted_with_its_passphrase() {
        let (certificate, key) = own();
        let plain = key.serialize_pem();
        let aes = usual(&key);
        let older = encrypted(
            &key,
            Parameters {
                kdf: Kdf::Pbkdf2(Pbkdf2Params {
                    salt: b"saltsalt",
                    iteration_count: 2,
                    key_length: None,
                    prf: Pbkdf2Prf::HmacWithSha1,
                }),
                encryption: EncryptionScheme::DesEde3Cbc { iv: &[7; 8] },
            },
        );
        let around = format!("Bag Attributes\n  friendlyName: mq\n{aes}{certificate}");
        let windows = aes.replace('\n', "\r\n");
        assert_eq!(told(&certificate, &plain, None), "");
        for pem in [&aes, &older, &around, &windows] {
            assert_eq!(told(&certificate, pem, Some(OPENS)), "", "{pem}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_opened_names_the_setting_and_no_secret() {
        let (certificate, key) = own();
        let (plain, closed) = (key.serialize_pem(), usual(&key));
        let half = &closed[..closed.len() / 2];
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                   DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for (pem, passphrase, starts, says) in [
            (&*closed, None, PASSPHRASE, "is missing"),
            (&*closed, Some("Wrong Horse"), PASSPHRASE, "does not open"),
            (&*plain, Some("Wrong Horse"), PASSPHRASE, "not encrypted"),
            (half, Some(OPENS), KEY, "cannot be read"),
            (old, Some(OPENS), KEY, "openssl pkcs8 -topk8"),
            (old, None, KEY, "openssl pkcs8 -topk8"),
            ("", None, KEY, "no private key"),
            (&*other, None, KEY, "KeyMismatch"),
        ] {
            let told = told(&certificate, pem, passphrase);
            assert!(told.starts_with(&format!("{starts}: ")), "{told}");
            assert!(told.contains(says) && !told.contains("Horse"), "{told}");
        }
    }

    /// The padding alone lets one wrong passphrase in some 256 through.
    #[test]
    fn a_wrong_passphrase_is_told_as_one_whatever_it_makes_of_the_key() {
        let (certificate, key) = own();
        let closed = usual(&key);
        for wrong in 0..1_000 {
            let told = told(&certificate, &closed, Some(&format!("wrong {wrong}")));
            assert!(
                told.starts_with("MQ_USE_SSL_PASSPHRASE: it does not open"),
                "{told}"
            );
        }
    }
}
