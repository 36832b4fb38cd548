//! Every form in which a value may be written.

use super::*;

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
    let date = |text: &str| Some(Start::At(text.parse().unwrap()));
    assert_eq!(
        start("P1M").unwrap(),
        Some(Start::Ago(Period {
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
        config::load(None, pairs(&all), Needs::BOTH, now(), &read)
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
fn an_authority_that_is_none_is_told_and_only_a_setting_of_our_own_keeps_us_from_starting() {
    // A PEM block that can be read, with nothing in it that makes sense.
    let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let told = told("HTTPS_CA_CERTIFICATES", none);
    let fault = "HTTPS_CA_CERTIFICATES: holds no certificate that can be used";
    assert!(told.starts_with(fault), "{told}");
    let made = rcgen::generate_simple_self_signed(vec!["ca.example.net".to_owned()]).unwrap();
    let both = format!("{none}{}", made.cert.pem());
    let config = with(&[("HTTPS_CA_CERTIFICATES", &both), ("SSL_CERT_FILE", none)]).unwrap();
    let expected = [
        "SSL_CERT_FILE holds no certificate that can be used; it is not used",
        "HTTPS_CA_CERTIFICATES holds certificates that cannot be used: 1",
    ];
    for warning in expected {
        assert!(
            config.warnings.iter().any(|told| told == warning),
            "{:?}",
            config.warnings
        );
    }
    let options = config.opencti.unwrap().http;
    assert_eq!(options.extra_roots.len(), 1);
    vtreporter::base::http::client(&options).unwrap();
}

#[test]
fn virustotal_may_have_a_proxy_of_its_own_and_odd_elements_of_no_proxy_are_told() {
    let config = with(&[
        ("HTTPS_PROXY", "http://user:SEEN@all.example.net"),
        ("VTREPORTER_PROXY", "vt.example.net:3128"),
        ("NO_PROXY", "a.example.net,192.0.2.0/99"),
    ])
    .unwrap();
    let warning = "NO_PROXY has `192.0.2.0/99`, which is no host, network or port; it is not used";
    assert_eq!(config.warnings, [warning]);
    assert!(!format!("{config:?}").contains("SEEN"));
    let [platform, virustotal] = [
        config.opencti.unwrap().http.proxies,
        config.virustotal.unwrap().http.proxies,
    ];
    let url = url::Url::parse("https://a.example.net").unwrap();
    let shown = |proxies: &vtreporter::base::http::proxy::Proxies| {
        proxies.of(&url).map(ToString::to_string)
    };
    assert_eq!(shown(&platform), None);
    assert_eq!(
        shown(&virustotal).unwrap(),
        "the proxy http://vt.example.net:3128 of VTREPORTER_PROXY"
    );
}

#[test]
fn an_unverified_platform_is_warned_of_and_virustotal_stays_verified() {
    let config = with(&[("OPENCTI_SSL_VERIFY", "false")]).unwrap();
    assert!(!config.opencti.unwrap().http.verify && config.virustotal.unwrap().http.verify);
    assert!(config.warnings[0].starts_with("OPENCTI_SSL_VERIFY is false"));
}
