//! Which roads bundles take: chosen by the settings, built when the registration
//! has told where they lead.

use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::http::HttpOptions;
use crate::opencti::client::OpenCti;
use crate::opencti::connector::{Registered, Registration};
use crate::opencti::error::Error;

use super::amqp::{BrokerSettings, BrokerTls, Overrides};
use super::{
    Api, Broker, Bucket, BucketSettings, Directory, DirectorySettings, Road, Roads, S3Overrides,
    Sender,
};

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

/// A road, or the setting that keeps it from being built.
type Built = Result<Road, Error>;

/// What roads are built of beside their settings.
pub struct Ground<'a> {
    /// The platform.
    pub opencti: &'a OpenCti,
    /// Who sends.
    pub registration: &'a Registration,
    /// What the platform has told; `None` for a connector that has not
    /// registered yet.
    pub registered: Option<&'a Registered>,
    /// Without any progress for so long, a broker counts as down.
    pub patience: Duration,
    /// The time.
    pub clock: &'a Clock,
}

impl RoadSettings {
    /// All roads; opens none yet.
    pub fn build(&self, ground: &Ground<'_>) -> Result<Roads, Error> {
        let each = self.each(ground).into_iter();
        let roads: Result<Vec<_>, _> = each.filter_map(|(_, road)| road).collect();
        Ok(Roads::new(roads?))
    }

    /// One by one with its name: `None` for a road of which only the registration
    /// tells where it leads.
    pub fn each(&self, ground: &Ground<'_>) -> Vec<(&'static str, Option<Built>)> {
        let sender = self.sender(ground);
        let directory = self.directory.as_ref().map(|directory| {
            let road = Directory::new(directory.clone(), sender.clone(), ground.clock.clone());
            ("directory", Some(Ok(Road::Directory(road))))
        });
        let bucket = self.s3.as_ref();
        let bucket = bucket.map(|s3| ("bucket", bucket_of(s3, &sender, ground)));
        let queue = self.queue.as_ref().map(|queue| match queue {
            QueueRoad::Api => {
                let road = Api::new(ground.opencti.clone(), &ground.registration.id, None);
                ("API", Some(Ok(Road::Api(road))))
            }
            QueueRoad::Amqp { overrides, tls } => {
                let registered = ground.registered;
                let built = registered.map(|told| broker(overrides, tls, told, ground));
                ("broker", built)
            }
        });
        [directory, bucket, queue].into_iter().flatten().collect()
    }

    fn sender(&self, ground: &Ground<'_>) -> Sender {
        let registration = ground.registration;
        Sender {
            id: registration.id.clone(),
            name: registration.name.clone(),
            scope: registration.scope.clone(),
            auto: registration.auto,
            validate_before_import: self.draft,
            applicant: ground.registered.and_then(|told| told.user_id.clone()),
        }
    }
}

fn bucket_of(road: &S3Road, sender: &Sender, ground: &Ground<'_>) -> Option<Built> {
    let handed = ground.registered.and_then(|told| told.s3.clone());
    let storage = match road.overrides.clone().over(handed) {
        Ok(storage) => storage,
        Err(_) if ground.registered.is_none() => return None,
        Err(error) => return Some(Err(error)),
    };
    let settings = BucketSettings {
        storage,
        folder: road.folder.clone(),
        retention_days: road.retention_days,
        http: road.http.clone(),
    };
    let bucket = Bucket::new(settings, sender.clone(), ground.clock.clone());
    Some(bucket.map(Road::S3))
}

fn broker(
    overrides: &Overrides,
    tls: &BrokerTls,
    registered: &Registered,
    ground: &Ground<'_>,
) -> Result<Road, Error> {
    let settings = BrokerSettings {
        connection: overrides.clone().over(registered.amqp.clone()),
        applicant: registered.user_id.clone(),
        tls: tls.clone(),
        name: ground.registration.name.clone(),
        patience: ground.patience,
    };
    Broker::new(ground.opencti.clone(), settings).map(Road::Amqp)
}
