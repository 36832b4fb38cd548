//! OpenCTI and the connector.

use std::path::PathBuf;

use tracing::Level;
use uuid::Uuid;

use super::{Parser, placeholder};
use crate::base::http::HttpOptions;
use crate::config::rows::Values;
use crate::config::{Connector, Needs, Network, QueueProtocol, S3};
use crate::opencti;
use crate::opencti::delivery::DirectorySettings;

impl Parser<'_> {
    pub(super) fn opencti(
        &mut self,
        values: &Values<'_>,
        http: &HttpOptions,
        network: &Network,
    ) -> Option<opencti::Settings> {
        let url = self.address(values.opencti_url);
        let token = self.key(values.opencti_token);
        let headers = self.headers(values.opencti_custom_headers);
        Some(opencti::Settings {
            url: url?,
            token: token?,
            headers,
            http: HttpOptions {
                verify: network.opencti_ssl_verify,
                ..http.clone()
            },
        })
    }

    pub(super) fn connector(&mut self, values: &Values<'_>, needs: Needs) -> Connector {
        let period = self
            .period(values.connector_duration_period)
            .unwrap_or_default();
        let once = self.boolean(values.connector_run_and_terminate);
        self.choice(values.connector_type, [()]);
        Connector {
            id: self.id(values, needs),
            name: self.name(values.connector_name),
            scope: self.some(values.connector_scope),
            log_level: self.log_level(values),
            period,
            queue_threshold_mb: self.number(values.connector_queue_threshold),
            // A zero period means the same: nothing would come after it.
            run_and_terminate: once || period.is_zero(),
            auto: self.boolean(values.connector_auto),
            only_contextual: self.boolean(values.connector_only_contextual),
            queue_protocol: self.queue_protocol(values),
            send_to_queue: self.send_to_queue(values),
            send_to_directory: self.directory(values),
            send_to_s3: self.bucket(values),
            validate_before_import: self.boolean(values.connector_validate_before_import),
        }
    }

    fn id(&mut self, values: &Values<'_>, needs: Needs) -> String {
        let value = values.connector_id;
        if !needs.opencti {
            return value.text.unwrap_or_default().to_owned();
        }
        self.required(value);
        let id = self.text(value).unwrap_or_default();
        if placeholder(&id) {
            self.fault(value, "is still the placeholder of the sample");
        } else if !id.is_empty() && Uuid::try_parse(&id).is_err() {
            self.warn(value, "is no UUID; the platform recommends one");
        }
        id
    }

    fn log_level(&mut self, values: &Values<'_>) -> Level {
        const LEVELS: [Level; 5] = [
            Level::DEBUG,
            Level::INFO,
            Level::WARN,
            Level::WARN,
            Level::ERROR,
        ];
        let level = self.choice(values.connector_log_level, LEVELS);
        level.unwrap_or(Level::INFO)
    }

    fn queue_protocol(&mut self, values: &Values<'_>) -> Option<QueueProtocol> {
        let meanings = [QueueProtocol::Api, QueueProtocol::Amqp];
        if values.connector_queue_protocol.text.is_some() {
            self.choice(values.connector_queue_protocol, meanings)
        } else {
            self.choice(values.queue_protocol, meanings)
        }
    }

    fn send_to_queue(&mut self, values: &Values<'_>) -> bool {
        let queue = self.boolean(values.connector_send_to_queue);
        let directory = self.maybe(values.connector_send_to_directory) == Some(true);
        let s3 = self.maybe(values.connector_send_to_s3) == Some(true);
        if !queue && !directory && !s3 {
            let problem = "is false, and neither a directory nor S3 is switched on";
            self.fault(values.connector_send_to_queue, problem);
        }
        queue
    }

    fn directory(&mut self, values: &Values<'_>) -> Option<DirectorySettings> {
        let path = self.text(values.connector_send_to_directory_path);
        let retention_days = self.whole(values.connector_send_to_directory_retention);
        if !self.boolean(values.connector_send_to_directory) {
            return None;
        }
        if path.is_none() {
            let problem = "is missing, though CONNECTOR_SEND_TO_DIRECTORY is true";
            self.fault(values.connector_send_to_directory_path, problem);
        }
        Some(DirectorySettings {
            path: PathBuf::from(path?),
            retention_days,
        })
    }

    fn bucket(&mut self, values: &Values<'_>) -> Option<S3> {
        let s3 = S3 {
            bucket: self.text(values.connector_send_to_s3_bucket),
            folder: self
                .text(values.connector_send_to_s3_folder)
                .unwrap_or_default(),
            retention_days: self.whole(values.connector_send_to_s3_retention),
        };
        self.boolean(values.connector_send_to_s3).then_some(s3)
    }
}
