//! A private key that a passphrase opens.

use pkcs8::der::SecretDocument;
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding};

/// The same key, closed. A real one is derived in many more rounds, which a
/// debug build takes long for.
pub(crate) fn encrypted(key: &str, passphrase: &str) -> String {
    let (_, key) = SecretDocument::from_pem(key).unwrap();
    let parameters = Parameters::pbkdf2_sha256_aes256cbc(100, b"saltsalt", &[7; 16]).unwrap();
    let encrypted_data = parameters.encrypt(passphrase, key.as_bytes()).unwrap();
    let closed = EncryptedPrivateKeyInfo {
        encryption_algorithm: parameters.into(),
        encrypted_data: &encrypted_data,
    };
    let closed = SecretDocument::try_from(&closed).unwrap();
    let pem = closed.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF);
    pem.unwrap().to_string()
}
