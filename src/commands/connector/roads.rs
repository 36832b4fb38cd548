//! The roads that bundles take: chosen by the settings, built when the
//! registration has told where they lead.

use super::platform::Patience;
use crate::clock::Clock;
use crate::http::HttpOptions;
use crate::opencti::delivery::amqp::{BrokerSettings, BrokerTls, Overrides};
use crate::opencti::delivery::{
    Api, Broker, Bucket, BucketSettings, Directory, DirectorySettings, Roads, S3Overrides, Sender,
};
use crate::opencti::{Delivery, Error, OpenCti, Registered, Registration};

/// Which roads, and what the operator says about them.
#[derive(Clone)]
pub struct RoadSettings {
    /// The platform's queue; `None` with `CONNECTOR_SEND_TO_QUEUE=false`.
    pub queue: Option<QueueRoad>,
    /// Also files in a directory.
    pub directory: Option<DirectorySettings>,
    /// Also objects in a bucket.
    pub s3: Option<S3Road>,
    /// Into a draft that somebody has to approve.
    pub draft: bool,
}

/// The road to the platform's queue.
#[derive(Clone)]
pub enum QueueRoad {
    /// By the platform's API.
    Api,
    /// By its broker.
    Amqp {
        /// What replaces the platform's word.
        overrides: Overrides,
        /// How the broker is trusted.
        tls: BrokerTls,
    },
}

/// The road to a bucket.
#[derive(Clone)]
pub struct S3Road {
    /// What replaces the platform's word.
    pub overrides: S3Overrides,
    /// In the bucket.
    pub folder: String,
    /// Days; 0 keeps all.
    pub retention_days: u32,
    /// Time-outs, roots, proxies.
    pub http: HttpOptions,
}

impl RoadSettings {
    /// Builds the roads; opens none yet.
    pub(super) fn build(
        &self,
        opencti: &OpenCti,
        registration: &Registration,
        registered: &Registered,
        patience: Patience,
        clock: &Clock,
    ) -> Result<Roads, Error> {
        let sender = Sender {
            id: registration.id.clone(),
            name: registration.name.clone(),
            scope: registration.scope.clone(),
            auto: registration.auto,
            validate_before_import: self.draft,
            applicant: registered.user_id.clone(),
        };
        let mut roads = Vec::new();
        if let Some(directory) = &self.directory {
            let road = Directory::new(directory.clone(), sender.clone(), clock.clone());
            roads.push(Delivery::Directory(road));
        }
        if let Some(s3) = &self.s3 {
            let settings = BucketSettings {
                storage: s3.overrides.clone().over(registered.s3.clone())?,
                folder: s3.folder.clone(),
                retention_days: s3.retention_days,
                http: s3.http.clone(),
            };
            let road = Bucket::new(settings, sender, clock.clone())?;
            roads.push(Delivery::S3(road));
        }
        match &self.queue {
            None => {}
            Some(QueueRoad::Api) => {
                let road = Api::new(opencti.clone(), &registration.id, None);
                roads.push(Delivery::Api(road));
            }
            Some(QueueRoad::Amqp { overrides, tls }) => {
                let settings = BrokerSettings {
                    connection: overrides.clone().over(registered.amqp.clone()),
                    applicant: registered.user_id.clone(),
                    tls: tls.clone(),
                    name: registration.name.clone(),
                    patience: patience.with_a_broker(),
                };
                roads.push(Delivery::Amqp(Broker::new(opencti.clone(), settings)?));
            }
        }
        Ok(Roads::new(roads))
    }
}
