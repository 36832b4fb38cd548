//! What the settings come to, for the first line of the log. Pure; nothing in
//! it is secret.

use super::{Config, QueueProtocol};

impl Config {
    /// The platform's address; the settings refuse one with credentials in it.
    pub fn platform(&self) -> Option<&str> {
        self.opencti.as_ref().map(|opencti| opencti.url.as_str())
    }

    /// The countries' codes.
    pub fn countries(&self) -> String {
        let codes = self.import.countries.iter().map(|country| country.code);
        codes.collect::<Vec<_>>().join(", ")
    }

    /// How often a run starts.
    pub fn rhythm(&self) -> String {
        if self.connector.run_and_terminate {
            "once".to_owned()
        } else {
            format!("every {}", self.connector.period)
        }
    }

    /// The roads that bundles take.
    pub fn road(&self) -> String {
        let connector = &self.connector;
        let mut roads = Vec::new();
        if connector.send_to_queue {
            let road = match connector.queue_protocol {
                Some(QueueProtocol::Api) => "the platform's API",
                Some(QueueProtocol::Amqp) | None => "the platform's broker",
            };
            let draft = if connector.validate_before_import {
                ", into drafts"
            } else {
                ""
            };
            roads.push(format!("{road}{draft}"));
        }
        if let Some(directory) = &connector.send_to_directory {
            roads.push(format!("the directory {}", directory.path.display()));
        }
        if let Some(s3) = &connector.send_to_s3 {
            let bucket = s3.bucket.as_deref().unwrap_or("that the platform names");
            roads.push(format!("the bucket {bucket}"));
        }
        roads.join(" and ")
    }

    /// What is switched on, by the words of the settings.
    pub fn switched_on(&self) -> Vec<&str> {
        let objects = &self.convert.objects;
        let switches = [
            (objects.indicators.is_some(), "indicators"),
            (objects.network_indicators, "network indicators"),
            (objects.malware.is_some(), "malware families"),
            (objects.country, "country"),
            (objects.attack_patterns, "attack patterns"),
            (objects.notes, "notes"),
            (self.convert.attachments, "attachments"),
            (self.import.empty_report, "empty reports"),
        ];
        let switches = switches.into_iter().filter(|(on, _)| *on);
        let relationships = self.import.relationships.iter().map(String::as_str);
        relationships
            .chain(switches.map(|(_, what)| what))
            .collect()
    }
}
