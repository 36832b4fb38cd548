//! Takes the settings apart: every room gets plain values of its own.

use crate::base::clock::Clock;
use crate::base::http::{HttpError, HttpOptions};
use crate::base::period::Period;
use crate::base::terminal::Terminal;
use crate::commands::check::{Roads, Sides};
use crate::commands::quota::Quota;
use crate::commands::run::{self, Service};
use crate::commands::{Exit, plan, preview};
use crate::config::{Config, QueueProtocol};
use crate::import;
use crate::import::schedule::Start;
use crate::lookup::Cache;
use crate::opencti::delivery::amqp::{BrokerTls, Identity, Overrides};
use crate::opencti::delivery::{QueueRoad, RoadSettings, S3Overrides, S3Road, room_for_a_run};
use crate::opencti::{OpenCti, Registration};
use crate::quota::{Guard, Ledger};
use crate::stix::bundle::Limits;
use crate::store::{Store, StoreError};
use crate::virustotal::VirusTotal;
use etcetera::BaseStrategy;

/// What `run` needs.
pub fn service(config: Config, clock: Clock) -> Result<Service, Exit> {
    let opencti = opencti(&config, &clock)?;
    let guard = guard(&config, &clock)?;
    let settings = run::Settings {
        registration: registration(&config),
        period: config.connector.period,
        run_and_terminate: config.connector.run_and_terminate,
        queue_threshold_mb: config.connector.queue_threshold_mb,
        countries: config.import.countries.clone(),
        roads: roads(&config)?,
        import: import_options(config),
    };
    Ok(Service::new(settings, opencti, guard, clock))
}

fn registration(config: &Config) -> Registration {
    let connector = &config.connector;
    Registration {
        id: connector.id.clone(),
        name: connector.name.clone(),
        scope: connector.scope.clone(),
        auto: connector.auto,
        only_contextual: connector.only_contextual,
        s3: connector.send_to_s3.is_some(),
    }
}

/// The roads that the settings name. Unset, the queue is reached by AMQP: the
/// platform's own default.
fn roads(config: &Config) -> Result<RoadSettings, Exit> {
    let connector = &config.connector;
    let http = platform_http(config)?;
    let queue = match connector.queue_protocol.unwrap_or(QueueProtocol::Amqp) {
        _ if !connector.send_to_queue => None,
        QueueProtocol::Api => Some(QueueRoad::Api),
        QueueProtocol::Amqp => Some(amqp(config, &http)?),
    };
    Ok(RoadSettings {
        queue,
        directory: connector.send_to_directory.clone(),
        s3: connector.send_to_s3.as_ref().map(|s3| S3Road {
            overrides: S3Overrides {
                endpoint: config.s3.endpoint.clone(),
                port: config.s3.port,
                use_ssl: config.s3.use_ssl,
                bucket: s3.bucket.clone(),
                region: config.s3.bucket_region.clone(),
                access_key: config.s3.access_key.clone(),
                secret_key: config.s3.secret_key.clone(),
            },
            folder: s3.folder.clone(),
            retention_days: s3.retention_days,
            http,
        }),
        draft: connector.validate_before_import,
    })
}

fn amqp(config: &Config, http: &HttpOptions) -> Result<QueueRoad, Exit> {
    let mq = &config.mq;
    let mut roots = http.extra_roots.clone();
    roots.extend(mq.ca.clone());
    let pair = mq.cert.as_ref().zip(mq.key.as_ref());
    let identity = pair
        .map(|(certificate, key)| Identity::new(certificate, key, mq.passphrase.as_ref()))
        .transpose()
        .map_err(|error| Exit::Settings(error.to_string()))?;
    Ok(QueueRoad::Amqp {
        overrides: Overrides {
            host: mq.host.clone(),
            port: mq.port,
            vhost: mq.vhost.clone(),
            use_ssl: mq.use_ssl,
            user: mq.user.clone(),
            pass: mq.pass.clone(),
        },
        tls: BrokerTls {
            roots,
            identity,
            verify: mq.reject_unauthorized,
        },
    })
}

fn platform_http(config: &Config) -> Result<HttpOptions, Exit> {
    let settings = config.opencti.as_ref().ok_or_else(needs_opencti)?;
    Ok(settings.http.clone())
}

fn needs_opencti() -> Exit {
    Exit::Settings("OPENCTI_URL and OPENCTI_TOKEN have to be set".to_owned())
}

/// What `check` needs.
pub fn sides(config: &Config, clock: &Clock) -> Result<Sides, Exit> {
    Ok(Sides {
        virustotal: virustotal(config, clock)?,
        opencti: opencti(config, clock)?,
        roads: Roads {
            settings: roads(config)?,
            registration: registration(config),
            room: room_for_a_run(0, largest_bundle(config)),
            clock: clock.clone(),
        },
        warnings: config.warnings.clone(),
    })
}

/// What `plan` needs; the platform only where it is told.
pub fn plan(config: Config, clock: Clock) -> Result<plan::Plan, Exit> {
    let opencti = match &config.opencti {
        Some(_) => Some(opencti(&config, &clock)?),
        None => None,
    };
    Ok(plan::Plan {
        guard: guard(&config, &clock)?,
        opencti,
        connector: config.connector.id.clone(),
        countries: config.import.countries.clone(),
        period: (!config.connector.run_and_terminate).then_some(config.connector.period),
        import: import_options(config),
        clock,
    })
}

/// What `quota` needs. A data directory that cannot be used costs the memory,
/// not the command.
pub fn quota(config: &Config, clock: Clock) -> Result<Quota, Exit> {
    let store = user_store(config, &clock).map_err(|error| error.to_string());
    let guard = match &store {
        Ok(store) => remembering(config, store.clone(), &clock)?,
        Err(_) => forgetful(config, &clock)?,
    };
    Ok(Quota {
        guards: vec![guard],
        policy: config.quota,
        store,
        clock,
    })
}

/// What `cache` needs.
pub fn cache(config: &Config, clock: &Clock) -> Result<Cache, Exit> {
    let store = user_store(config, clock).map_err(|error| match error {
        StoreError::Failed { .. } => Exit::NotEverything(error.to_string()),
        _ => Exit::Settings(format!("VTREPORTER_DATA_DIR: {error}")),
    })?;
    Ok(Cache {
        store,
        keeping: config.memory.keeping,
        clock: clock.clone(),
    })
}

/// The data directory that is set, else the user's own.
fn user_store(config: &Config, clock: &Clock) -> Result<Store, StoreError> {
    let directory = config.memory.directory.clone().or_else(|| {
        let user = etcetera::choose_base_strategy().ok()?;
        Some(user.data_dir().join("vtreporter"))
    });
    let nowhere = || StoreError::Unusable {
        path: "VTREPORTER_DATA_DIR".into(),
        why: "it is not set, and this user has no home directory".to_owned(),
    };
    Store::open(&directory.ok_or_else(nowhere)?, clock.now())
}

/// What `preview` needs.
pub fn preview(
    mut config: Config,
    clock: Clock,
    terminal: Terminal,
) -> Result<preview::Preview, Exit> {
    // The page is what a preview is for; the report in the bundle is as a run
    // would send it.
    let attachments = std::mem::replace(&mut config.convert.attachments, true);
    Ok(preview::Preview {
        guard: guard(&config, &clock)?,
        countries: config.import.countries.clone(),
        import: import_options(config),
        attachments,
        clock,
        terminal,
    })
}

fn opencti(config: &Config, clock: &Clock) -> Result<OpenCti, Exit> {
    let settings = config.opencti.as_ref().ok_or_else(needs_opencti)?;
    OpenCti::with_clock(settings, clock.clone()).map_err(|error| network(&error))
}

fn virustotal(config: &Config, clock: &Clock) -> Result<VirusTotal, Exit> {
    let settings = config
        .virustotal
        .as_ref()
        .ok_or_else(|| Exit::Settings("VTREPORTER_API_KEY has to be set".to_owned()))?;
    VirusTotal::new(settings, clock.clone()).map_err(|error| network(&error))
}

fn guard(config: &Config, clock: &Clock) -> Result<Guard, Exit> {
    let store = config
        .memory
        .directory
        .as_ref()
        .map(|directory| Store::open(directory, clock.now()));
    match store {
        None => forgetful(config, clock),
        Some(Ok(store)) => remembering(config, store, clock),
        Some(Err(error)) => Err(Exit::Settings(format!("VTREPORTER_DATA_DIR: {error}"))),
    }
}

/// A guard whose memory ends with this process.
fn forgetful(config: &Config, clock: &Clock) -> Result<Guard, Exit> {
    let client = virustotal(config, clock)?;
    Ok(Guard::new(client, config.quota, clock.clone()))
}

/// A guard that remembers in the data directory what it reads and sends.
pub fn remembering(config: &Config, store: Store, clock: &Clock) -> Result<Guard, Exit> {
    let client = virustotal(config, clock)?;
    let ledger = Ledger::disk(store, client.fingerprint(), config.memory.days);
    Ok(Guard::remembering(
        client,
        config.quota,
        ledger,
        clock.clone(),
    ))
}

fn network(error: &HttpError) -> Exit {
    Exit::Settings(format!(
        "{error}: see HTTPS_CA_CERTIFICATES, SSL_CERT_FILE and the proxy settings"
    ))
}

fn largest_bundle(config: &Config) -> usize {
    (config.import.max_bundle_mb * 1e6) as usize
}

fn import_options(config: Config) -> import::Options {
    let largest = largest_bundle(&config);
    let asked = config.import;
    import::Options {
        start: asked
            .start
            .unwrap_or(Start::Ago(one_period(config.connector.period))),
        overlap: asked.overlap,
        min_detections: asked.min_detections,
        extra_query: asked.extra_query,
        submitter: asked.submitter,
        filter: asked.filter,
        relationships: asked.relationships,
        related_min_severity: asked.related_min_severity,
        max_related_per_file: asked.max_related_per_file,
        max_files: asked.max_files,
        empty_report: asked.empty_report,
        limits: Limits {
            bytes: largest,
            objects: asked.max_bundle_objects,
        },
        convert: config.convert,
    }
}

/// The first look-back where none is set: one period, or a day where the period
/// says "once".
fn one_period(period: Period) -> Period {
    const DAY: Period = Period {
        months: 0,
        seconds: 86_400,
    };
    if period.is_zero() { DAY } else { period }
}
