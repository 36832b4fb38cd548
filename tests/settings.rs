//! What an operator may write into `config.yml` and the environment, and what
//! comes of it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use vtreporter::config::{
    self, Config, Faults, Group, LogLevel, Needs, Preset, QueueProtocol, SETTINGS, Start, docs,
};
use vtreporter::convert::filter::Severity;
use vtreporter::period::Period;
use vtreporter::quota::OnUnknown;
use vtreporter::stix::marking::Tlp;
use vtreporter::virustotal::search::Submitter;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOKEN: &str = "5e0c5a37-9d7a-4a52-8f0b-6a0f3f3f3b11";
const ID: &str = "6f1b9e0c-7c9d-4a35-9a58-2f5f8f0f6a01";

/// The least that the service needs.
const LEAST: [(&str, &str); 4] = [
    ("OPENCTI_URL", "http://opencti.example.net:8080/"),
    ("OPENCTI_TOKEN", TOKEN),
    ("CONNECTOR_ID", ID),
    ("VTREPORTER_API_KEY", KEY),
];

fn no_files(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// [`LEAST`] with `more` over it.
fn with(more: &[(&str, &str)]) -> Result<Config, Faults> {
    with_file(None, more)
}

fn with_file(yaml: Option<&str>, more: &[(&str, &str)]) -> Result<Config, Faults> {
    let mut all: Vec<_> = LEAST
        .into_iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
        .collect();
    all.extend(more);
    load(yaml, &all)
}

fn load(yaml: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, Faults> {
    let file = yaml.map(|text| ("config.yml", text));
    config::load(file, pairs(environment), Needs::BOTH, &no_files)
}

/// The lines that a setting with this value causes.
fn told(name: &str, value: &str) -> String {
    with(&[(name, value)])
        .map(|config| config.warnings.join("\n"))
        .unwrap_or_else(|faults| faults.to_string())
}

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
    assert_eq!(connector.log_level, LogLevel::Info);
    assert_eq!(connector.period, Period::parse("P1D").unwrap());
    assert!(!connector.run_and_terminate && connector.send_to_queue);
    assert_eq!(connector.queue_threshold_mb.to_string(), "500");
    assert_eq!(connector.queue_protocol, None);
    assert!(connector.send_to_directory.is_none() && connector.send_to_s3.is_none());
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
    assert_eq!(convert.report_labels, ["ci-isac-vt-feed", "Australia"]);
    assert_eq!(convert.file_labels, ["ci-isac-vt-feed", "Australia"]);
    assert_eq!(convert.confidence, 75);
    assert_eq!(convert.reliability.as_deref(), Some("B - Usually reliable"));
    assert_eq!(
        (convert.report_marking, convert.file_marking),
        (Tlp::Amber, Tlp::Amber)
    );
    assert!(config.json_logging && config.mq.reject_unauthorized);
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
    assert_eq!(config.connector.log_level, LogLevel::Error);
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

#[test]
fn every_variable_of_the_original_also_works_from_config_yml() {
    let yaml = "
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
    let config = load(Some(yaml), &[]).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(
        config.opencti.unwrap().url.as_str(),
        "https://opencti.example.net/sub"
    );
    let virustotal = config.virustotal.unwrap();
    assert_eq!(virustotal.api_url.as_str(), "http://127.0.0.1:8080/api/v3");
    assert_eq!(virustotal.api_key.expose(), "file-key");
    assert_eq!(config.connector.scope, ["vtreporter", "files"]);
    assert_eq!(config.connector.log_level, LogLevel::Warn);
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

#[test]
fn every_bad_setting_is_named_and_no_value_is_shown() {
    let bad = [
        ("OPENCTI_URL", "ftp://SEEN.example.net"),
        ("OPENCTI_TOKEN", "SEEN with space"),
        ("OPENCTI_CUSTOM_HEADERS", "SEEN"),
        ("CONNECTOR_TYPE", "SEEN"),
        ("CONNECTOR_LOG_LEVEL", "SEEN"),
        ("CONNECTOR_DURATION_PERIOD", "P-SEEND"),
        ("CONNECTOR_QUEUE_THRESHOLD", "SEEN"),
        ("CONNECTOR_QUEUE_PROTOCOL", "SEEN"),
        ("CONNECTOR_RUN_AND_TERMINATE", "SEEN"),
        ("VTREPORTER_API_URL", "https://user:SEEN@example.net"),
        ("VTREPORTER_API_KEY", "SEEN\u{fc}"),
        ("VTREPORTER_COUNTRY", "AU,SEEN"),
        ("VTREPORTER_CONFIDENCE", "101"),
        ("VTREPORTER_RELIABILITY", "SEEN"),
        ("VTREPORTER_REPORT_MARKINGS", "TLP_SEEN"),
        ("VTREPORTER_START", "SEEN"),
        ("VTREPORTER_RELATIONSHIPS", "SEEN"),
        ("VTREPORTER_QUOTA_WARN_PERCENT", "91"),
        ("MQ_PASS", "SEEN\u{7}"),
        ("MQ_USE_SSL_KEY", "/SEEN"),
        ("HTTPS_PROXY", "socks5://user:SEEN@example.net"),
        ("HTTPS_CA_CERTIFICATES", "/SEEN"),
    ];
    let faults = with(&bad).unwrap_err();
    let text = faults.to_string();
    for (name, _) in bad {
        let setting = SETTINGS.iter().find(|setting| setting.env == name).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(
            line.contains(&format!("allowed: {}", setting.allowed())),
            "{line}"
        );
        assert!(
            setting.yaml.is_none_or(|path| line.contains(path)),
            "{line}"
        );
    }
    assert_eq!(text.lines().count(), bad.len(), "{text}");
    assert!(!text.contains("SEEN"), "{text}");
    assert!(!format!("{faults:?}").contains("SEEN"));
}

#[test]
fn every_setting_of_the_table_is_read() {
    for setting in SETTINGS {
        // Nothing takes this: not a text, a number, a header or a path.
        let told = told(setting.env, "\u{1}");
        assert!(told.starts_with(setting.env), "{}: {told}", setting.env);
    }
}

#[test]
fn every_default_of_the_table_is_what_holds_when_it_is_unset() {
    let unset = format!("{:?}", with(&[]).unwrap());
    for setting in SETTINGS {
        if let Preset::Value(value) = setting.default {
            let set = with(&[(setting.env, value)]).unwrap();
            assert_eq!(format!("{set:?}"), unset, "{}", setting.env);
        }
    }
}

#[test]
fn a_fault_in_config_yml_is_told_with_its_line() {
    let yaml = "vtreporter:\n  country: AU\n  confidence: lots\n";
    let text = with_file(Some(yaml), &[]).unwrap_err().to_string();
    assert_eq!(
        text,
        "VTREPORTER_CONFIDENCE (vtreporter.confidence, config.yml line 3): is not a whole \
         number; allowed: a whole number from 0 to 100"
    );
}

#[test]
fn the_shape_of_config_yml_is_judged_line_by_line() {
    for (yaml, line, says) in [
        ("- a\n- b", 1, "must hold sections"),
        ("just text", 1, "must hold sections"),
        ("opencti: text", 1, "lines of the form"),
        ("opencti:\n  url: {a: b}", 2, "sections in a section"),
        ("mq:\n  host: [a, b]", 2, "is a list; one value is wanted"),
        ("vtreporter:\n  file_labels: [a, [b]]", 2, "plain value"),
        ("vtreporter:\n  file_labels: ['a,b']", 2, "contain a comma"),
        (
            "mq:\n  host: a\n  host: b",
            3,
            "is there already, in line 2",
        ),
        (
            "mq:\n  host: a\nmq:\n  port: 1",
            3,
            "is there already, in line 1",
        ),
        ("mq:\n  host: &x a", 2, "anchors and aliases"),
        ("mq:\n  host: &x a\n  user: *x", 3, "anchors and aliases"),
        ("mq:\n  host: *x", 2, "is not YAML"),
        ("mq:\n  pass: !vault abc", 2, "tags"),
        ("mq:\n  host: 'a", 2, "is not YAML"),
        ("mq:\n\thost: a", 2, "is not YAML"),
        ("mq:\n  host: a\n---\nmq:\n  host: b", 3, "second document"),
        ("? [a]\n: b", 1, "name of a section"),
        ("mq:\n  ? [a]\n  : b", 2, "a key must be"),
    ] {
        let text = with_file(Some(yaml), &[]).unwrap_err().to_string();
        let found = text
            .lines()
            .any(|told| told.contains(&format!("config.yml line {line}")) && told.contains(says));
        assert!(found, "{yaml:?}: {text}");
    }
    for yaml in [
        "",
        "# nothing",
        "---\n",
        "~",
        "\u{feff}mq:\r\n  host: a\r\n",
        "mq:\ns3:\n",
    ] {
        assert!(with_file(Some(yaml), &[]).is_ok(), "{yaml:?}");
    }
}

#[test]
fn secrets_come_from_files_and_lose_only_their_last_line_end() {
    let read = |path: &Path| match path.to_str() {
        Some("/run/secrets/key") => Ok(format!("{KEY}\n")),
        Some("/run/secrets/pass") => Ok(" pass word \r\n".to_owned()),
        Some("/run/secrets/empty") => Ok("\n".to_owned()),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    };
    let load = |yaml: Option<&str>, more: &[(&str, &str)]| {
        let all: Vec<_> = LEAST[..3].iter().chain(more).copied().collect();
        let file = yaml.map(|text| ("config.yml", text));
        config::load(file, pairs(&all), Needs::BOTH, &read)
    };
    let yaml = "mq: {pass_file: /run/secrets/pass}";
    let by_file = [("VTREPORTER_API_KEY_FILE", "/run/secrets/key")];
    let config = load(Some(yaml), &by_file).unwrap();
    assert_eq!(config.virustotal.unwrap().api_key.expose(), KEY);
    assert_eq!(config.mq.pass.unwrap().expose(), " pass word ");
    for (more, says) in [
        (
            vec![("VTREPORTER_API_KEY", KEY), by_file[0]],
            "VTREPORTER_API_KEY (vtreporter.api_key): is given twice, here and by VTREPORTER_API_KEY_FILE",
        ),
        (
            vec![("VTREPORTER_API_KEY_FILE", "/run/secrets/empty")],
            "the file of VTREPORTER_API_KEY_FILE is empty",
        ),
        (
            vec![("VTREPORTER_API_KEY_FILE", "/elsewhere")],
            "the file of VTREPORTER_API_KEY_FILE cannot be read: permission denied",
        ),
    ] {
        let text = load(None, &more).unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn no_secret_shows_in_debug_output() {
    let config = with(&[
        ("OPENCTI_CUSTOM_HEADERS", "X-Gateway: SEEN;x-other:SEEN"),
        ("MQ_PASS", "SEEN"),
        ("MQ_USE_SSL_PASSPHRASE", "SEEN"),
        ("S3_ACCESS_KEY", "SEEN"),
        ("S3_SECRET_KEY", "SEEN"),
        ("HTTPS_PROXY", "http://user:SEEN@proxy.example.net:3128"),
        ("http_proxy", "user:SEEN@proxy.example.net:3128"),
        ("VTREPORTER_PROXY", "http://user:SEEN@proxy.example.net"),
    ])
    .unwrap();
    let text = format!("{config:?}");
    for secret in ["SEEN", KEY, TOKEN] {
        assert!(!text.contains(secret), "{text}");
    }
    let headers = config.opencti.unwrap().headers;
    assert_eq!(
        (headers[0].0.as_str(), headers[0].1.expose()),
        ("x-gateway", "SEEN")
    );
    assert_eq!(
        config.network.http_proxy.unwrap().expose(),
        "http://user:SEEN@proxy.example.net:3128/"
    );
}

#[test]
fn tlp_is_read_in_every_form_and_never_by_a_part_of_the_word() {
    for (text, tlp) in [
        ("TLP_CLEAR", Tlp::Clear),
        ("TLP:WHITE", Tlp::Clear),
        ("white", Tlp::Clear),
        ("TLP_GREEN", Tlp::Green),
        ("tlp:green", Tlp::Green),
        ("TLP_AMBER", Tlp::Amber),
        ("amber", Tlp::Amber),
        ("TLP:AMBER", Tlp::Amber),
        ("TLP_AMBER+STRICT", Tlp::AmberStrict),
        ("TLP:AMBER+STRICT", Tlp::AmberStrict),
        ("TLP_AMBER_STRICT", Tlp::AmberStrict),
        ("amber+strict", Tlp::AmberStrict),
        ("Red", Tlp::Red),
    ] {
        let config = with(&[
            ("VTREPORTER_REPORT_MARKINGS", text),
            ("VTREPORTER_FILE_MARKINGS", text),
        ])
        .unwrap();
        assert_eq!(config.convert.report_marking, tlp, "{text}");
        assert_eq!(config.convert.file_marking, tlp, "{text}");
    }
    for text in [
        "TLP",
        "AMBERS",
        "TLP_AMBER+",
        "REDACTED",
        "none",
        "AMBER,RED",
    ] {
        assert!(
            with(&[("VTREPORTER_FILE_MARKINGS", text)]).is_err(),
            "{text}"
        );
    }
}

#[test]
fn reliability_is_a_letter_or_the_words_in_any_case() {
    for (text, full) in [
        ("a", "A - Completely reliable"),
        ("B - Usually Reliable", "B - Usually reliable"),
        ("c - fairly RELIABLE", "C - Fairly reliable"),
        ("D-Not usually reliable", "D - Not usually reliable"),
        ("E \u{2013} Unreliable", "E - Unreliable"),
        ("F", "F - Reliability cannot be judged"),
    ] {
        let config = with(&[("VTREPORTER_RELIABILITY", text)]).unwrap();
        assert_eq!(config.convert.reliability.as_deref(), Some(full));
    }
    for text in ["G", "B - Unreliable", "reliable", "-"] {
        assert!(with(&[("VTREPORTER_RELIABILITY", text)]).is_err(), "{text}");
    }
}

#[test]
fn booleans_are_read_in_every_usual_form() {
    for (texts, wanted) in [
        (["true", "YES", "1", "On", " True "], true),
        (["false", "No", "0", "off", "FALSE"], false),
    ] {
        for text in texts {
            let config = with(&[("VTREPORTER_EMPTY_REPORT", text)]).unwrap();
            assert_eq!(config.import.empty_report, wanted, "{text}");
        }
    }
    for text in ["2", "ja", "truee", "null"] {
        assert!(
            with(&[("VTREPORTER_EMPTY_REPORT", text)]).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_zero_period_means_one_run_and_then_the_end() {
    for text in ["0", "PT0S", "P0D"] {
        let config = with(&[("CONNECTOR_DURATION_PERIOD", text)]).unwrap();
        assert!(config.connector.run_and_terminate, "{text}");
        assert!(config.connector.period.is_zero());
    }
    let config = with(&[("CONNECTOR_RUN_AND_TERMINATE", "true")]).unwrap();
    assert!(config.connector.run_and_terminate && !config.connector.period.is_zero());
    for text in ["P-1D", "PTinfS", "PT1e30S", "P11Y", "daily", "86400"] {
        let told = told("CONNECTOR_DURATION_PERIOD", text);
        assert!(told.starts_with("CONNECTOR_DURATION_PERIOD (connector.duration_period)"));
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn a_start_is_a_period_or_a_date_and_a_timeout_a_period_or_seconds() {
    let start = |text| with(&[("VTREPORTER_START", text)]).map(|config| config.import.start);
    let date = |text: &str| Some(Start::Date(text.parse().unwrap()));
    assert_eq!(
        start("P1M").unwrap(),
        Some(Start::Period(Period {
            months: 1,
            seconds: 0
        }))
    );
    assert_eq!(start("2026-11-01").unwrap(), date("2026-11-01T00:00:00Z"));
    assert_eq!(
        start("2026-11-01T10:00:00+11:00").unwrap(),
        date("2026-10-31T23:00:00Z")
    );
    for text in [
        "0",
        "yesterday",
        "2026-13-01",
        "P-1D",
        "2026-11-01T10:00:00",
    ] {
        assert!(start(text).is_err(), "{text}");
    }
    let timeout = |text| {
        with(&[("VTREPORTER_TIMEOUT", text)])
            .map(|config| config.virustotal.unwrap().http.timeout.as_secs())
    };
    assert_eq!(timeout("PT30S").unwrap(), 30);
    assert_eq!(timeout("45").unwrap(), 45);
    for text in ["0", "PT0S", "P1M", "PT2H", "-1", "1e3"] {
        assert!(timeout(text).is_err(), "{text}");
    }
}

#[test]
fn an_address_is_http_with_a_host_and_nothing_else_in_it() {
    for (text, says) in [
        ("opencti.example.net:8080", "neither http nor https"),
        ("opencti", "is no address"),
        ("ChangeMe", "placeholder"),
        ("http://ChangeMe:8080", "placeholder"),
        ("https://", "is no address"),
        ("https://u:p@example.net", "credentials"),
        ("https://example.net/?a=b", "query"),
        ("https://example.net/#a", "query or a fragment"),
        ("https://exa mple.net", "spaces"),
        ("\"https://example.net\"", "is no address"),
    ] {
        let told = told("OPENCTI_URL", text);
        assert!(told.contains(says), "{text}: {told}");
    }
    let url = |text| {
        let config = with(&[("VTREPORTER_API_URL", text)]).unwrap();
        let url = config.virustotal.unwrap().api_url.to_string();
        (url, config.warnings.len())
    };
    let official = "https://www.virustotal.com/api/v3";
    assert_eq!(
        url("https://VirusTotal.com/api/v3/"),
        (official.to_owned(), 1)
    );
    assert_eq!(url("https://www.virustotal.com"), (official.to_owned(), 1));
    assert_eq!(
        url("http://127.0.0.1:80/x//"),
        ("http://127.0.0.1/x".to_owned(), 0)
    );
    assert_eq!(url("http://vt.example.net/v3").1, 1);
    assert!(told("VTREPORTER_API_URL", "http://www.virustotal.com/api/v3").contains("https"));
}

#[test]
fn a_placeholder_of_the_sample_is_no_key() {
    for text in [
        "ChangeMe",
        "CHANGEME",
        "change-me",
        "${VT_KEY}",
        "<your key>",
        "REPLACE_ME",
    ] {
        for name in ["OPENCTI_TOKEN", "VTREPORTER_API_KEY"] {
            let told = told(name, text);
            assert!(
                told.contains("is still the placeholder"),
                "{name} {text}: {told}"
            );
        }
    }
    assert!(told("CONNECTOR_ID", "ChangeMe").contains("placeholder"));
    assert!(told("VTREPORTER_API_KEY", "'abc'").contains("quotation marks"));
    assert!(with(&[("VTREPORTER_API_KEY", " short-key \n")]).is_ok());
}

#[test]
fn names_that_are_no_settings_are_told_with_the_one_that_was_meant() {
    let yaml = "vtreporter:\n  contry: AU\nvtreportr:\n  a: b\nconnector:\n  auto_update: true\n  confidence_level: 1\n";
    let more = [
        ("VTREPORTER_APIKEY", "SEEN"),
        ("VTREPORTER_SOMETHING_QUITE_DIFFERENT", "SEEN"),
        ("CONNECTOR_UPDATE_EXISTING_DATA", "true"),
        ("CONNECTOR_UNKNOWN", "x"),
        ("VTREPORTER_TEST_REQUIRE_SERVERS", "1"),
        ("CONNECTOR_NAME", "\"quoted\""),
        ("PATH", "/bin"),
    ];
    let warnings = with_file(Some(yaml), &more).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "config.yml line 2: vtreporter.contry is no setting; did you mean vtreporter.country?",
            "config.yml line 3: `vtreportr:` is no section; did you mean vtreporter?",
            "config.yml line 7: connector.confidence_level has no effect any more",
            "CONNECTOR_NAME has quotation marks around it, which belong to the value; docker's --env-file keeps them",
            "CONNECTOR_UPDATE_EXISTING_DATA has no effect any more",
            "VTREPORTER_APIKEY is no setting; did you mean VTREPORTER_API_KEY?",
            "VTREPORTER_SOMETHING_QUITE_DIFFERENT is no setting",
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf_8_is_a_fault_only_where_it_is_ours() {
    use std::os::unix::ffi::OsStringExt;

    let odd = || OsString::from_vec(vec![b'A', 0xff]);
    let mut environment = pairs(&LEAST);
    environment.push(("LS_COLORS".into(), odd()));
    environment.push((odd(), odd()));
    let load = |environment| config::load(None, environment, Needs::BOTH, &no_files);
    assert!(load(environment.clone()).is_ok());
    environment.push(("VTREPORTER_COUNTRY".into(), odd()));
    let text = load(environment).unwrap_err().to_string();
    assert!(text.starts_with("VTREPORTER_COUNTRY (vtreporter.country): is not UTF-8"));
}

#[test]
fn a_country_that_is_no_code_is_told_with_the_code_that_was_meant() {
    assert!(
        told("VTREPORTER_COUNTRY", "AU,UK")
            .contains("entry 2 is no country code; United Kingdom of Great Britain and Northern Ireland is written GB")
    );
    assert!(told("VTREPORTER_COUNTRY", "AUS").contains("Australia is written AU"));
    let both = told("VTREPORTER_COUNTRY", "XX,ZZ");
    assert_eq!(both.lines().count(), 2, "{both}");
}

#[test]
fn settings_that_contradict_each_other_are_a_fault() {
    let queue = ("CONNECTOR_SEND_TO_QUEUE", "false");
    let directory = ("CONNECTOR_SEND_TO_DIRECTORY", "yes");
    let path = ("CONNECTOR_SEND_TO_DIRECTORY_PATH", "/data");
    assert!(told(queue.0, queue.1).starts_with(queue.0));
    let text = with(&[queue, directory]).unwrap_err().to_string();
    assert!(
        text.starts_with(path.0) && text.lines().count() == 1,
        "{text}"
    );
    let config = with(&[queue, directory, path]).unwrap();
    let directory = config.connector.send_to_directory.unwrap();
    assert_eq!(
        (directory.path.to_str(), directory.retention_days),
        (Some("/data"), 7)
    );
    assert!(!config.connector.send_to_queue);
    let s3 = with(&[queue, ("CONNECTOR_SEND_TO_S3", "1")])
        .unwrap()
        .connector;
    assert_eq!(s3.send_to_s3.unwrap().folder, "connectors");
    let warn = ("VTREPORTER_QUOTA_WARN_PERCENT", "95");
    assert!(told(warn.0, warn.1).contains("VTREPORTER_QUOTA_STOP_PERCENT"));
    assert!(with(&[warn, ("VTREPORTER_QUOTA_STOP_PERCENT", "95")]).is_ok());
    assert!(told("VTREPORTER_OVERLAP", "P2D").contains("every run asks"));
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
fn authorities_are_a_text_or_a_file_and_both_sides_trust_them() {
    let made = rcgen::generate_simple_self_signed(vec!["ca.example.net".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let in_file = pem.clone();
    let read = move |path: &Path| match path.to_str() {
        Some("/etc/ssl/ca.pem") => Ok(in_file.clone()),
        Some("/etc/ssl/odd.pem") => Ok("odd".to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let load = |more: &[(&str, &str)]| {
        let all: Vec<_> = LEAST.iter().chain(more).copied().collect();
        config::load(None, pairs(&all), Needs::BOTH, &read)
    };
    let one_line = pem.replace('\n', "\\n");
    let config = load(&[
        ("HTTPS_CA_CERTIFICATES", &one_line),
        ("SSL_CERT_FILE", "/etc/ssl/ca.pem"),
    ])
    .unwrap();
    assert_eq!(
        config.network.ca_certificates,
        [pem.as_bytes(), pem.as_bytes()]
    );
    assert_eq!(config.opencti.unwrap().http.extra_roots.len(), 2);
    assert_eq!(config.virustotal.unwrap().http.extra_roots.len(), 2);
    for path in ["/nowhere", "/etc/ssl/odd.pem"] {
        let faults = load(&[("HTTPS_CA_CERTIFICATES", path)]).unwrap_err();
        assert!(faults.to_string().starts_with("HTTPS_CA_CERTIFICATES: "));
        // Set for every container by some platforms: only warned of.
        let config = load(&[("SSL_CERT_FILE", path)]).unwrap();
        assert!(
            config.warnings[0].ends_with("it is not used"),
            "{:?}",
            config.warnings
        );
        assert!(config.network.ca_certificates.is_empty());
    }
}

#[test]
fn an_unverified_platform_is_warned_of_and_virustotal_stays_verified() {
    let config = with(&[("OPENCTI_SSL_VERIFY", "false")]).unwrap();
    assert!(!config.opencti.unwrap().http.verify && config.virustotal.unwrap().http.verify);
    assert!(config.warnings[0].starts_with("OPENCTI_SSL_VERIFY is false"));
}

#[test]
fn what_a_command_does_not_need_may_be_missing() {
    let load = |needs, list: &[(&str, &str)]| config::load(None, pairs(list), needs, &no_files);
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

#[test]
fn the_samples_are_what_the_table_says() {
    let hint = "run: cargo run --example settings_tables config > config.yml.sample; \
                cargo run --example settings_tables env > .env.sample";
    assert!(
        include_str!("../config.yml.sample") == docs::config_sample(),
        "{hint}"
    );
    assert!(
        include_str!("../.env.sample") == docs::env_sample(),
        "{hint}"
    );
}

#[test]
fn the_samples_lack_only_what_the_operator_must_fill_in() {
    let required = |text: String| -> HashSet<String> {
        text.lines()
            .map(|line| {
                assert!(line.contains("placeholder"), "{line}");
                line.split(' ').next().unwrap().to_owned()
            })
            .collect()
    };
    let wanted: HashSet<_> = LEAST.map(|(name, _)| name.to_owned()).into();
    let yaml = include_str!("../config.yml.sample");
    assert_eq!(
        required(load(Some(yaml), &[]).unwrap_err().to_string()),
        wanted
    );
    let set: Vec<_> = include_str!("../.env.sample")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .collect();
    assert_eq!(required(load(None, &set).unwrap_err().to_string()), wanted);
}

#[test]
fn every_line_of_the_samples_may_be_uncommented() {
    let yaml: String = include_str!("../config.yml.sample")
        .lines()
        .map(|line| line.replacen("  #", "  ", 1))
        .map(|line| {
            if line.starts_with("   ") {
                "\n".to_owned()
            } else {
                line + "\n"
            }
        })
        .collect();
    let read = |_: &Path| {
        let made = rcgen::generate_simple_self_signed(vec!["a.example.net".to_owned()]).unwrap();
        Ok(made.cert.pem() + &made.signing_key.serialize_pem())
    };
    let config = config::load(
        Some(("config.yml", &yaml)),
        pairs(&LEAST),
        Needs::BOTH,
        &read,
    )
    .unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.mq.port, Some(5672));
    let names: HashSet<_> = include_str!("../.env.sample")
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    assert_eq!(names, SETTINGS.iter().map(|setting| setting.env).collect());
}

#[test]
fn the_tables_name_every_setting_once_and_its_row_is_sound() {
    let text = docs::markdown();
    for setting in SETTINGS {
        assert_eq!(text.matches(&format!("| `{}` |", setting.env)).count(), 1);
        assert!(setting.doc.ends_with('.') && !setting.allowed().is_empty());
        if let Some(path) = setting.yaml {
            assert_eq!(path.replace('.', "_").to_uppercase(), setting.env);
        }
    }
    assert_eq!(text.matches("\n### ").count() + 1, Group::ALL.len());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    if let Ok(readme) = std::fs::read_to_string(readme) {
        for group in Group::ALL {
            assert!(
                readme.contains(&docs::markdown_table(group)),
                "run: cargo run --example settings_tables"
            );
        }
    }
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    fn setting() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(SETTINGS).prop_map(|setting| setting.env)
    }

    proptest! {
        #[test]
        fn no_environment_makes_it_panic(
            given in proptest::collection::vec((setting(), ".{0,40}|[0-9eE+.,:/-]{0,12}"), 0..8)
        ) {
            let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let _ = with(&given);
        }

        #[test]
        fn no_yaml_makes_it_panic(text in "(\\PC|[\n \t:\\-\\[\\]{}&*!|>'\"%#,?@~]){0,80}") {
            let _ = load(Some(&text), &[]);
        }

        #[test]
        fn no_shape_of_yaml_makes_it_panic(
            lines in proptest::collection::vec(
                "( ){0,4}(vtreporter|mq|country|host|- a|\\? |\\[|\\]|\\{|\\}|&a|\\*a|!t|'|\")(:)?( )?(x|~|\\[|\\{|'|\"|\\||&a|\\*a)?",
                0..12,
            )
        ) {
            let _ = load(Some(&lines.join("\n")), &[]);
        }

        #[test]
        fn a_secret_never_shows_whatever_it_is(secret in "[ -~\u{80}-\u{ff}]{12,40}") {
            for setting in SETTINGS.iter().filter(|setting| setting.secret()) {
                let told = told(setting.env, &secret);
                prop_assert!(!told.contains(&secret), "{}", told);
            }
        }
    }

    #[test]
    fn a_deep_or_long_file_is_read_in_good_time() {
        for text in [
            "[".repeat(100_000),
            "a:\n".repeat(50_000),
            format!("mq:\n  host: {}", "x".repeat(1_000_000)),
        ] {
            let _ = load(Some(&text), &[]);
        }
        let name = format!("VTREPORTER_{}", "X".repeat(1_000_000));
        let warnings = with(&[(&name, "1")]).unwrap().warnings;
        assert!(warnings[0].len() < 200);
    }
}
