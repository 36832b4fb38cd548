//! Broker, S3, proxies and certificates.

use super::{CERTIFICATE, Judge, PRIVATE_KEY};
use crate::config::rows::Values;
use crate::config::{MqOverrides, Network, S3Overrides};
use crate::http::HttpOptions;
use crate::secret::Secret;

impl Judge<'_> {
    pub(super) fn mq(&mut self, values: &Values<'_>) -> MqOverrides {
        let key = self.pem(values.mq_use_ssl_key, PRIVATE_KEY);
        MqOverrides {
            host: self.text(values.mq_host),
            port: self.maybe_whole(values.mq_port),
            vhost: self.text(values.mq_vhost),
            use_ssl: self.maybe(values.mq_use_ssl),
            user: self.text(values.mq_user),
            pass: self.secret(values.mq_pass),
            ca: self
                .pem(values.mq_use_ssl_ca, CERTIFICATE)
                .map(String::into_bytes),
            cert: self
                .pem(values.mq_use_ssl_cert, CERTIFICATE)
                .map(String::into_bytes),
            key: key.map(Secret::new),
            passphrase: self.secret(values.mq_use_ssl_passphrase),
            reject_unauthorized: self.boolean(values.mq_use_ssl_reject_unauthorized),
        }
    }

    pub(super) fn s3(&mut self, values: &Values<'_>) -> S3Overrides {
        S3Overrides {
            endpoint: self.text(values.s3_endpoint),
            port: self.maybe_whole(values.s3_port),
            access_key: self.secret(values.s3_access_key),
            secret_key: self.secret(values.s3_secret_key),
            use_ssl: self.maybe(values.s3_use_ssl),
            bucket_region: self.text(values.s3_bucket_region),
        }
    }

    pub(super) fn network(&mut self, values: &Values<'_>) -> Network {
        let opencti_ssl_verify = self.boolean(values.opencti_ssl_verify);
        if values.opencti_ssl_verify.text.is_some() && !opencti_ssl_verify {
            let warning = "is false: the platform's certificate is not verified, so that \
                           anybody on the way can read the token";
            self.warn(values.opencti_ssl_verify, warning);
        }
        Network {
            http_proxy: self.proxy(values.http_proxy),
            https_proxy: self.proxy(values.https_proxy),
            no_proxy: self.text(values.no_proxy),
            virustotal_proxy: self.proxy(values.vtreporter_proxy),
            ca_certificates: self.authorities(values),
            opencti_ssl_verify,
        }
    }

    /// What both sides' HTTP clients have in common.
    pub(super) fn http(&mut self, values: &Values<'_>, network: &Network) -> HttpOptions {
        HttpOptions {
            timeout: self.timeout(values.vtreporter_timeout),
            extra_roots: network.ca_certificates.clone(),
            ..HttpOptions::default()
        }
    }

    fn authorities(&mut self, values: &Values<'_>) -> Vec<Vec<u8>> {
        let own = self.pem(values.https_ca_certificates, CERTIFICATE);
        // Platforms set this variable for every container, whether or not the
        // file is in the image: that must not keep the connector from starting.
        let faults = self.faults.len();
        let ambient = self.pem(values.ssl_cert_file, CERTIFICATE);
        for fault in self.faults.split_off(faults) {
            self.warnings.push(format!(
                "{} {}; it is not used",
                fault.variable, fault.problem
            ));
        }
        own.into_iter()
            .chain(ambient)
            .map(String::into_bytes)
            .collect()
    }
}
