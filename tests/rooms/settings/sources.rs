//! Where values come from, and which of them wins.

use super::*;

#[test]
fn the_least_settings_give_the_documented_defaults() {
    let config = with(&[]).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    let opencti = config.opencti.unwrap();
    assert_eq!(opencti.url.as_str(), "http://opencti.example.net:8080/");
    assert_eq!(opencti.token.expose(), TOKEN);
    assert!(opencti.headers.is_empty() && opencti.http.verify);
    let virustotal = config.virustotal.unwrap();
    assert_eq!(
        virustotal.api_url.as_str(),
        "https://www.virustotal.com/api/v3"
    );
    assert_eq!(virustotal.api_key.expose(), KEY);
    assert_eq!(virustotal.requests_per_minute, None);
    assert_eq!(virustotal.http.timeout, Duration::from_secs(120));
    let connector = config.connector;
    assert_eq!(connector.name, "VirusTotal country reporter");
    assert_eq!(connector.scope, ["vtreporter"]);
    assert_eq!(connector.log_level, tracing::Level::INFO);
    assert_eq!(connector.period, Period::parse("P1D").unwrap());
    assert!(!connector.run_and_terminate && connector.send_to_queue);
    assert_eq!(connector.queue_threshold_mb.to_string(), "500");
    assert_eq!(connector.queue_protocol, None);
    assert!(connector.send_to_directory.is_none() && connector.send_to_s3.is_none());
    assert!(config.json_logging && config.mq.reject_unauthorized);
}

#[test]
fn the_least_settings_import_and_convert_as_documented() {
    let config = with(&[]).unwrap();
    let import = config.import;
    let codes: Vec<_> = import.countries.iter().map(|c| c.code).collect();
    assert_eq!(codes, ["AU"]);
    assert_eq!(import.start, None);
    assert_eq!(import.overlap.to_string(), "PT10M");
    assert_eq!(import.submitter, Submitter::Any);
    assert_eq!(import.relationships.len(), 5);
    assert_eq!(import.related_min_severity, Severity::High);
    assert_eq!((import.min_detections, import.max_files), (1, 0));
    assert_eq!(import.max_related_per_file, 40);
    assert_eq!(import.filter.min_severity, Severity::Low);
    assert_eq!(import.filter.low_min_sources, 2);
    assert!(import.filter.keep_unknown && !import.empty_report);
    assert_eq!(import.max_bundle_mb.to_string(), "10");
    assert_eq!(import.max_bundle_objects, 2000);
    assert_eq!(
        (config.quota.warn_percent, config.quota.stop_percent),
        (80, 90)
    );
    assert_eq!(config.quota.on_unknown, OnUnknown::Continue);
    let convert = config.convert;
    assert_eq!(convert.author_name, "VirusTotal");
    assert_eq!(convert.report_types, ["threat-report"]);
    assert_eq!(convert.report_labels, ["ci-isac-vt-feed", "{country}"]);
    assert_eq!(convert.file_labels, ["ci-isac-vt-feed", "{country}"]);
    assert_eq!(convert.confidence, 75);
    assert_eq!(convert.reliability.as_deref(), Some("B - Usually reliable"));
    assert_eq!(
        (convert.report_marking, convert.file_marking),
        (Tlp::Amber, Tlp::Amber)
    );
}

#[test]
fn the_originals_docker_run_line_gives_these_settings() {
    let config = with(&[
        ("QUEUE_PROTOCOL", "api"),
        ("TZ", "Australia/Sydney"),
        ("CONNECTOR_TYPE", "EXTERNAL_IMPORT"),
        ("CONNECTOR_NAME", "VT Reporter"),
        ("CONNECTOR_SCOPE", "vtreporter"),
        ("CONNECTOR_LOG_LEVEL", "error"),
        ("CONNECTOR_DURATION_PERIOD", "P1D"),
        ("VTREPORTER_API_URL", "https://virustotal.com/api/v3"),
        ("VTREPORTER_COUNTRY", "au"),
        ("VTREPORTER_THREAT_TYPES", "THREAT-REPORT"),
        ("VTREPORTER_CONFIDENCE", "75"),
        ("VTREPORTER_REPORT_LABELS", "ci-isac-nio-feed,Australia"),
        ("VTREPORTER_FILE_LABELS", "ci-isac-vt-feed,Australia"),
        ("VTREPORTER_RELIABILITY", "B - Usually Reliable"),
        ("VTREPORTER_REPORT_MARKINGS", "TLP_GREEN"),
        ("VTREPORTER_FILE_MARKINGS", "TLP_RED"),
    ])
    .unwrap();
    assert_eq!(config.connector.queue_protocol, Some(QueueProtocol::Api));
    assert_eq!(config.connector.name, "VT Reporter");
    assert_eq!(config.connector.log_level, tracing::Level::ERROR);
    assert_eq!(config.import.countries[0].name, "Australia");
    assert_eq!(config.convert.report_types, ["threat-report"]);
    assert_eq!(
        config.convert.report_labels,
        ["ci-isac-nio-feed", "Australia"]
    );
    assert_eq!(config.convert.file_labels, ["ci-isac-vt-feed", "Australia"]);
    assert_eq!(
        config.convert.reliability.as_deref(),
        Some("B - Usually reliable")
    );
    assert_eq!(config.convert.report_marking, Tlp::Green);
    assert_eq!(config.convert.file_marking, Tlp::Red);
    // The apex only redirects, and no redirect is followed with the key.
    assert_eq!(
        config.virustotal.unwrap().api_url.as_str(),
        "https://www.virustotal.com/api/v3"
    );
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].starts_with("VTREPORTER_API_URL "));
}

/// All that the original reads, written in every way that YAML has.
const AS_THE_ORIGINAL: &str = "
opencti:
  url: https://opencti.example.net/sub/
  token: from-file
connector:
  id: 6f1b9e0c-7c9d-4a35-9a58-2f5f8f0f6a01
  name: Reporter
  scope: [vtreporter, files]
  log_level: warning
  duration_period: PT6H
  queue_protocol: amqp
vtreporter:
  api_url: 'http://127.0.0.1:8080/api/v3/'
  api_key: file-key
  country: NO   # not a boolean
  threat_types: [a, b]
  confidence: 10
  report_labels:
    - one
    - ' two '
  file_labels: three, Three ,,four
  reliability: C
  report_markings: clear
  file_markings: TLP:AMBER+STRICT
";

#[test]
fn every_variable_of_the_original_also_works_from_config_yml() {
    let config = load(Some(AS_THE_ORIGINAL), &[]).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(
        config.opencti.unwrap().url.as_str(),
        "https://opencti.example.net/sub"
    );
    let virustotal = config.virustotal.unwrap();
    assert_eq!(virustotal.api_url.as_str(), "http://127.0.0.1:8080/api/v3");
    assert_eq!(virustotal.api_key.expose(), "file-key");
    assert_eq!(config.connector.scope, ["vtreporter", "files"]);
    assert_eq!(config.connector.log_level, tracing::Level::WARN);
    assert_eq!(config.connector.period.to_string(), "PT6H");
    assert_eq!(config.connector.queue_protocol, Some(QueueProtocol::Amqp));
    assert_eq!(config.import.countries[0].name, "Norway");
    assert_eq!(config.convert.report_types, ["a", "b"]);
    assert_eq!(config.convert.confidence, 10);
    assert_eq!(config.convert.report_labels, ["one", "two"]);
    assert_eq!(config.convert.file_labels, ["three", "four"]);
    assert_eq!(
        config.convert.reliability.as_deref(),
        Some("C - Fairly reliable")
    );
    assert_eq!(config.convert.report_marking, Tlp::Clear);
    assert_eq!(config.convert.file_marking, Tlp::AmberStrict);
}

#[test]
fn the_environment_wins_over_config_yml() {
    let yaml = "vtreporter: {country: NZ, confidence: 1, api_key_file: /not/there}";
    let config = with_file(Some(yaml), &[("VTREPORTER_COUNTRY", "FR,DE,fr")]).unwrap();
    let codes: Vec<_> = config.import.countries.iter().map(|c| c.code).collect();
    assert_eq!(codes, ["FR", "DE"]);
    assert_eq!(config.convert.confidence, 1);
    assert_eq!(config.virustotal.unwrap().api_key.expose(), KEY);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let yaml = "vtreporter:\n  country: NZ\n  confidence: ''\n  report_labels: ~\n";
    let more = [
        ("VTREPORTER_COUNTRY", ""),
        ("VTREPORTER_FILE_LABELS", "  "),
        ("CONNECTOR_RUN_AND_TERMINATE", ""),
        ("VTREPORTER_START", ""),
        ("HTTPS_PROXY", ""),
    ];
    let config = with_file(Some(yaml), &more).unwrap();
    assert_eq!(config.import.countries[0].code, "NZ");
    assert_eq!(config.convert.confidence, 75);
    assert_eq!(config.convert.report_labels.len(), 2);
    assert_eq!(config.convert.file_labels.len(), 2);
    let faults = with(&[("VTREPORTER_API_KEY", "")]).unwrap_err();
    assert!(
        faults
            .to_string()
            .contains("VTREPORTER_API_KEY (vtreporter.api_key): is missing")
    );
}

#[test]
fn none_empties_a_list_and_for_relationships_nothing_does_too() {
    let none = with(&[
        ("VTREPORTER_RELATIONSHIPS", ""),
        ("VTREPORTER_FILE_LABELS", "None"),
        ("VTREPORTER_RELIABILITY", "none"),
    ])
    .unwrap();
    assert!(none.import.relationships.is_empty() && none.convert.file_labels.is_empty());
    assert_eq!(none.convert.reliability, None);
    for yaml in ["[]", "''", "none", "[none]"] {
        let yaml = format!("vtreporter: {{relationships: {yaml}, file_labels: []}}");
        let config = with_file(Some(&yaml), &[]).unwrap();
        assert!(config.import.relationships.is_empty(), "{yaml}");
        assert!(config.convert.file_labels.is_empty(), "{yaml}");
        assert_eq!(config.convert.report_labels.len(), 2);
    }
    let unset = with_file(Some("vtreporter:\n  relationships:\n"), &[]).unwrap();
    assert_eq!(unset.import.relationships.len(), 5);
    let some = with(&[("VTREPORTER_RELATIONSHIPS", "Dropped_Files, dropped_files")]).unwrap();
    assert_eq!(some.import.relationships, ["dropped_files"]);
    assert!(
        told("VTREPORTER_RELATIONSHIPS", "contacted_ip")
            .contains("entry 1 is no such relationship; did you mean contacted_ips?")
    );
    assert!(told("VTREPORTER_COUNTRY", "none").contains("has no element"));
}

fn with_files(yaml: Option<&str>, more: &[(&str, &str)]) -> Result<Config, Faults> {
    let read = |path: &Path| match path.to_str() {
        Some("/run/secrets/key") => Ok(format!("{KEY}\n")),
        Some("/run/secrets/pass") => Ok(" pass word \r\n".to_owned()),
        Some("/run/secrets/empty") => Ok("\n".to_owned()),
        Some("/run/secrets/marked") => Ok(format!("\u{feff}{KEY}\r\n")),
        Some("/run/secrets/mark-alone") => Ok("\u{feff}\n".to_owned()),
        Some("/run/secrets/utf-16") => Err(io::ErrorKind::InvalidData.into()),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    };
    let all: Vec<_> = LEAST[..3].iter().chain(more).copied().collect();
    let file = yaml.map(|text| ("config.yml", text));
    config::load(file, pairs(&all), Needs::BOTH, now(), &read)
}

#[test]
fn secrets_come_from_files_and_lose_only_their_last_line_end() {
    let yaml = "mq: {pass_file: /run/secrets/pass}";
    let by_file = [("VTREPORTER_API_KEY_FILE", "/run/secrets/key")];
    let config = with_files(Some(yaml), &by_file).unwrap();
    assert_eq!(config.virustotal.unwrap().api_key.expose(), KEY);
    assert_eq!(config.mq.pass.unwrap().expose(), " pass word ");
    // A byte order mark, which nobody sees, is no part of the secret.
    let marked = [("VTREPORTER_API_KEY_FILE", "/run/secrets/marked")];
    let config = with_files(None, &marked).unwrap();
    assert_eq!(config.virustotal.unwrap().api_key.expose(), KEY);
}

#[test]
fn a_secret_that_no_file_gives_is_one_fault_that_names_the_file() {
    let by_file = ("VTREPORTER_API_KEY_FILE", "/run/secrets/key");
    for (more, says) in [
        (
            vec![("VTREPORTER_API_KEY", KEY), by_file],
            "VTREPORTER_API_KEY (vtreporter.api_key): is given twice, here and by VTREPORTER_API_KEY_FILE",
        ),
        (
            vec![("VTREPORTER_API_KEY_FILE", "/run/secrets/empty")],
            "the file of VTREPORTER_API_KEY_FILE is empty",
        ),
        (
            vec![("VTREPORTER_API_KEY_FILE", "/run/secrets/mark-alone")],
            "the file of VTREPORTER_API_KEY_FILE is empty",
        ),
        (
            vec![("VTREPORTER_API_KEY_FILE", "/run/secrets/utf-16")],
            "the file of VTREPORTER_API_KEY_FILE is not UTF-8 text",
        ),
        (
            vec![("VTREPORTER_API_KEY_FILE", "/elsewhere")],
            "the file of VTREPORTER_API_KEY_FILE cannot be read: permission denied",
        ),
    ] {
        let text = with_files(None, &more).unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn the_newer_name_of_the_queue_protocol_wins() {
    let protocol = |more: &[(&str, &str)]| with(more).unwrap().connector.queue_protocol;
    let old = ("QUEUE_PROTOCOL", "api");
    assert_eq!(protocol(&[old]), Some(QueueProtocol::Api));
    let new = ("CONNECTOR_QUEUE_PROTOCOL", "AMQP");
    assert_eq!(protocol(&[old, new]), Some(QueueProtocol::Amqp));
}

#[test]
fn proxies_are_also_read_in_lower_case_and_capitals_win() {
    let network = with(&[
        ("HTTP_PROXY", "http://one.example.net"),
        ("http_proxy", "http://two.example.net"),
        ("https_proxy", "three.example.net:3128"),
        ("NO_PROXY", ""),
        ("no_proxy", "localhost,.example.org"),
    ])
    .unwrap()
    .network;
    assert_eq!(
        network.http_proxy.unwrap().expose(),
        "http://one.example.net/"
    );
    assert_eq!(
        network.https_proxy.unwrap().expose(),
        "http://three.example.net:3128/"
    );
    assert_eq!(network.no_proxy.as_deref(), Some("localhost,.example.org"));
}

#[test]
fn what_a_command_does_not_need_may_be_missing() {
    let load =
        |needs, list: &[(&str, &str)]| config::load(None, pairs(list), needs, now(), &no_files);
    let no_opencti = Needs {
        opencti: false,
        virustotal: true,
    };
    let config = load(no_opencti, &LEAST[3..]).unwrap();
    assert!(config.opencti.is_none() && config.virustotal.is_some());
    let no_virustotal = Needs {
        opencti: true,
        virustotal: false,
    };
    let config = load(no_virustotal, &LEAST[..3]).unwrap();
    assert!(config.opencti.is_some() && config.virustotal.is_none());
    let text = load(Needs::BOTH, &[]).unwrap_err().to_string();
    let missing: HashSet<_> = text
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(missing, LEAST.map(|(name, _)| name).into());
}
