//! Broker, S3, proxies and certificates.

use super::{CERTIFICATE, PRIVATE_KEY, Parser};
use crate::base::http::proxy::{Bypass, Proxies};
use crate::base::http::{self, HttpOptions};
use crate::base::secret::Secret;
use crate::config::rows::Values;
use crate::config::table::Value;
use crate::config::{MqOverrides, Network, S3Overrides};

impl Parser<'_> {
    pub(super) fn mq(&mut self, values: &Values<'_>) -> MqOverrides {
        let key = self.pem(values.mq_use_ssl_key, PRIVATE_KEY);
        self.belongs(values.mq_use_ssl_cert, values.mq_use_ssl_key);
        self.belongs(values.mq_use_ssl_key, values.mq_use_ssl_cert);
        self.belongs(values.mq_use_ssl_passphrase, values.mq_use_ssl_key);
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

    /// Notes that a part is of no use without the other. What is wrong with
    /// either of them is told already.
    fn belongs(&mut self, part: Value<'_>, other: Value<'_>) {
        let told = self.faulty(part) || self.faulty(other);
        let hidden = self.unread.may_hold(other.setting);
        if part.text.is_some() && other.text.is_none() && !told && !hidden {
            let problem = format!("is of no use without {}", other.setting.env);
            self.fault(part, problem);
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
            proxies: self.proxies(values, network),
            ..HttpOptions::default()
        }
    }

    /// A variable that is set for all containers must not keep this one from
    /// starting: what makes no sense in it is told and left out.
    fn proxies(&mut self, values: &Values<'_>, network: &Network) -> Proxies {
        let (bypass, odd) = Bypass::parse(network.no_proxy.as_deref().unwrap_or_default());
        for element in odd {
            let warning =
                format!("has `{element}`, which is no host, network or port; it is not used");
            self.warn(values.no_proxy, &warning);
        }
        Proxies {
            http: network.http_proxy.clone(),
            https: network.https_proxy.clone(),
            bypass,
        }
    }

    fn authorities(&mut self, values: &Values<'_>) -> Vec<Vec<u8>> {
        let own = self.roots(values.https_ca_certificates);
        // Platforms set this variable for every container, whether or not the
        // file is in the image: that must not keep the connector from starting.
        let faults = self.faults.len();
        let ambient = self.roots(values.ssl_cert_file);
        for fault in self.faults.split_off(faults) {
            self.warnings.push(format!(
                "{} {}; it is not used",
                fault.variable, fault.problem
            ));
        }
        own.into_iter().chain(ambient).collect()
    }

    fn roots(&mut self, value: Value<'_>) -> Option<Vec<u8>> {
        let pem = self.pem(value, CERTIFICATE)?.into_bytes();
        let (usable, odd) = http::roots(&pem);
        if usable.is_empty() {
            self.fault(value, "holds no certificate that can be used");
            return None;
        }
        if odd > 0 {
            let warning = format!("holds certificates that cannot be used: {odd}");
            self.warn(value, &warning);
        }
        Some(pem)
    }
}
