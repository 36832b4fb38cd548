//! What is told of settings that are wrong, odd or secret.

use super::*;

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

/// The parts of a client certificate, each of no use without the others.
#[test]
fn a_part_of_a_client_certificate_without_the_others_is_a_fault() {
    let made = rcgen::generate_simple_self_signed(["mq.example.net".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let certificate = ("MQ_USE_SSL_CERT", certificate.as_str());
    let key = ("MQ_USE_SSL_KEY", key.as_str());
    let passphrase = ("MQ_USE_SSL_PASSPHRASE", "SEEN");
    for (given, part, other) in [
        (&[certificate][..], certificate.0, key.0),
        (&[key], key.0, certificate.0),
        (&[passphrase], passphrase.0, key.0),
        (&[certificate, passphrase], passphrase.0, key.0),
        (&[key, passphrase], key.0, certificate.0),
    ] {
        let text = with(given).unwrap_err().to_string();
        let told = text.lines().find(|line| line.starts_with(part));
        let told = told.unwrap_or_else(|| panic!("{part}: {text}"));
        assert!(told.contains(&format!("without {other}")), "{text}");
        assert!(!text.contains("SEEN"), "{text}");
    }
    assert!(with(&[certificate, key]).is_ok());
    assert!(with(&[certificate, key, passphrase]).is_ok());
    let unread = with(&[certificate, ("MQ_USE_SSL_KEY", "/SEEN")]);
    assert_eq!(unread.unwrap_err().to_string().lines().count(), 1);
}

#[test]
fn no_secret_shows_in_debug_output() {
    let made = rcgen::generate_simple_self_signed(["mq.example.net".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let config = with(&[
        ("MQ_USE_SSL_CERT", &made.cert.pem()),
        ("MQ_USE_SSL_KEY", &key),
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
    for secret in ["SEEN", KEY, TOKEN, &key] {
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
    let load = |environment| config::load(None, environment, Needs::BOTH, now(), &no_files);
    assert!(load(environment.clone()).is_ok());
    environment.push(("VTREPORTER_COUNTRY".into(), odd()));
    let text = load(environment).unwrap_err().to_string();
    assert!(text.starts_with("VTREPORTER_COUNTRY (vtreporter.country): is not UTF-8"));
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
fn a_slip_of_the_pen_is_told_whatever_the_prefix() {
    for (name, meant) in [
        ("CONNECTOR_LOGLEVEL", "CONNECTOR_LOG_LEVEL"),
        ("OPENCTI_SSLVERIFY", "OPENCTI_SSL_VERIFY"),
        ("CONNECTOR_QUEUE_PROTOCOLL", "CONNECTOR_QUEUE_PROTOCOL"),
        ("CONNECTOR_RUNANDTERMINATE", "CONNECTOR_RUN_AND_TERMINATE"),
        ("MQ_HOTS", "MQ_HOST"),
        ("S3_BUCKETREGION", "S3_BUCKET_REGION"),
        ("HTTPS_PROXI", "HTTPS_PROXY"),
        ("CONECTOR_ID", "CONNECTOR_ID"),
        ("VTREPROTER_COUNTRY", "VTREPORTER_COUNTRY"),
        ("connector_log_level", "CONNECTOR_LOG_LEVEL"),
    ] {
        assert_eq!(
            told(name, "SEEN"),
            format!("{name} is no setting; did you mean {meant}?")
        );
    }
    let yaml = "mq:\n  hots: a\nconnector:\n  loglevel: debug\n";
    assert_eq!(
        with_file(Some(yaml), &[]).unwrap().warnings,
        [
            "config.yml line 2: mq.hots is no setting; did you mean mq.host?",
            "config.yml line 4: connector.loglevel is no setting; did you mean connector.log_level?",
        ]
    );
    // What other connectors and the platform itself are told is no matter.
    for name in [
        "CONNECTOR_EXPOSE_METRICS",
        "CONNECTOR_METRICS_PORT",
        "CONNECTOR_AUTO_UPDATE",
        "CONNECTOR_MITRE_ID",
        "CONNECTOR_LISTEN_PROTOCOL",
        "CONNECTOR_LICENCE_KEY_PEM",
        "OPENCTI_ADMIN_TOKEN",
        "OPENCTI_BASE_URL",
        "OPENCTI_PORT",
        "OPENCTI_SERVICE_HOST",
        "OPENCTI_PORT_8080_TCP",
        "MQ_SERVICE_PORT",
        "SSL_CERT_DIR",
        "ALL_PROXY",
        "FTP_PROXY",
        "HOSTNAME",
        "PATH",
        "MQ",
    ] {
        assert_eq!(told(name, "x"), "", "{name}");
    }
}

#[test]
fn a_start_in_the_future_is_a_fault_and_durations_get_the_hint_that_fits() {
    for text in ["2026-11-22", "2026-11-21T12:00:01Z", "2126-01-01T00:00:00Z"] {
        let told = told("VTREPORTER_START", text);
        assert!(told.contains("lies in the future"), "{text}: {told}");
    }
    for text in [
        "2026-11-21",
        "2026-11-21T12:00:00Z",
        "2026-11-21T22:00:00+10:00",
    ] {
        assert!(with(&[("VTREPORTER_START", text)]).is_ok(), "{text}");
    }
    for (name, text, says) in [
        ("VTREPORTER_START", "P100Y", "is longer than 10 years"),
        (
            "CONNECTOR_DURATION_PERIOD",
            "P100Y",
            "is longer than 10 years",
        ),
        ("VTREPORTER_START", "24h", "did you mean PT24H?"),
        ("CONNECTOR_DURATION_PERIOD", "24h", "did you mean PT24H?"),
        (
            "CONNECTOR_DURATION_PERIOD",
            "86400",
            "did you mean PT86400S?",
        ),
        ("VTREPORTER_OVERLAP", "10 minutes", "did you mean PT10M?"),
        (
            "VTREPORTER_START",
            "yesterday",
            "is neither a duration nor a date",
        ),
    ] {
        let told = told(name, text);
        assert!(told.contains(says), "{name} {text}: {told}");
    }
}

#[test]
fn faults_come_in_the_order_of_the_samples() {
    let yaml = "vtreporter: [a]\n";
    let text = load(Some(yaml), &[("MQ_PORT", "x"), ("CONNECTOR_ID", "")]);
    let text = text.unwrap_err().to_string();
    let names: Vec<&str> = text
        .lines()
        .map(|line| line.split([' ', ':']).next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "config.yml",
            "OPENCTI_URL",
            "OPENCTI_TOKEN",
            "CONNECTOR_ID",
            "MQ_PORT"
        ],
        "{text}"
    );
}

#[test]
fn what_could_not_be_read_of_the_file_is_not_told_as_missing() {
    let rest = &LEAST[2..];
    for (yaml, lines) in [
        ("opencti:\n  url: http://a\n token: x\n", 1),
        ("opencti:\n\turl: http://a\n", 1),
        ("just text", 1),
        ("opencti: text", 1),
        ("opencti:\n  url: {a: b}\n  token: t", 1),
        ("opencti:\n  token: t\n  url: *x", 1),
        // What is missing all the same is told.
        ("mq: text", 3),
        ("opencti:\n  url: {a: b}", 2),
    ] {
        let text = load(Some(yaml), rest).unwrap_err().to_string();
        assert_eq!(text.lines().count(), lines, "{yaml:?}: {text}");
        let missing = text.matches("is missing").count();
        assert_eq!(missing, lines - 1, "{yaml:?}: {text}");
    }
    // Variables that the file cannot hold are missing whatever it looks like.
    let text = load(Some("just text"), &[]).unwrap_err().to_string();
    assert!(!text.contains("is missing"), "{text}");
}

/// A bracket too many would close ours, a quote would swallow it: country and
/// window would hold no more.
#[test]
fn extra_conditions_that_do_not_stand_by_themselves_are_a_fault() {
    let name = "VTREPORTER_EXTRA_QUERY";
    for text in [
        "tag:a)OR(tag:b",
        ")OR(",
        "tag:a) OR (tag:b",
        "(tag:a",
        "tag:a)",
        "name:\"a",
        "tag:a OR (name:\"b)\"",
    ] {
        let told = told(name, text);
        assert!(told.starts_with(name), "{text}: {told}");
        assert!(!told.contains("tag:a"), "{told}");
    }
    for text in [
        "(tag:a OR tag:b) NOT tag:c",
        "name:\"a) OR (b\"",
        "type:peexe",
    ] {
        let config = with(&[(name, text)]).unwrap();
        assert_eq!(config.import.extra_query.as_deref(), Some(text));
    }
}
