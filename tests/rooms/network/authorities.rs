use super::*;

/// The sides by their addresses, over TLS.
fn direct(fronts: &Fronts) -> [(&'static str, String); 2] {
    [
        ("VTREPORTER_API_URL", fronts.virustotal.url() + "/api/v3"),
        ("OPENCTI_URL", fronts.opencti.url()),
    ]
}

async fn check(fronts: &Fronts, more: &[(&str, &str)]) -> Told {
    let direct = direct(fronts);
    let direct = direct.iter().map(|(name, value)| (*name, value.as_str()));
    let settings: Vec<_> = direct.chain(more.iter().copied()).collect();
    fronts.sides.check(&settings).await
}

#[tokio::test]
async fn an_authority_that_nobody_knows_is_refused_with_the_setting_that_helps() {
    let fronts = Fronts::start().await;
    let told = check(&fronts, &[]).await;
    for side in ["VirusTotal", "OpenCTI"] {
        let line = told.wrong(side);
        assert!(line.contains("HTTPS_CA_CERTIFICATES"), "{line}");
        assert!(line.contains("UnknownIssuer"), "{line}");
    }
    assert_eq!(fronts.sides.asked(), [0, 0]);
}

#[tokio::test]
async fn an_authority_is_given_as_text_or_file_or_by_ssl_cert_file() {
    let fronts = Fronts::start().await;
    let pem = fronts.authority.pem();
    let one_line = pem.replace('\n', "\\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &pem).unwrap();
    let file = file.to_str().unwrap();
    for setting in [
        ("HTTPS_CA_CERTIFICATES", pem.as_str()),
        ("HTTPS_CA_CERTIFICATES", one_line.as_str()),
        ("HTTPS_CA_CERTIFICATES", file),
        ("SSL_CERT_FILE", file),
    ] {
        check(&fronts, &[setting]).await.fine();
    }
    let [virustotal, opencti] = fronts.sides.asked();
    assert!(virustotal == 4 && opencti >= 4, "{virustotal} {opencti}");
}

#[tokio::test]
async fn another_authority_does_not_help_and_a_missing_file_does_not_hurt() {
    let fronts = Fronts::start().await;
    let other = Authority::new().pem();
    let told = check(&fronts, &[("HTTPS_CA_CERTIFICATES", &other)]).await;
    let line = told.wrong("OpenCTI");
    assert!(line.contains("HTTPS_CA_CERTIFICATES"), "{line}");
    // A file that is set for every container and is not there.
    let missing = ("SSL_CERT_FILE", "/nowhere/ca.pem");
    let own = fronts.authority.pem();
    let told = check(&fronts, &[("HTTPS_CA_CERTIFICATES", &own), missing]).await;
    told.fine().says("SSL_CERT_FILE the file cannot be read");
}

#[tokio::test]
async fn unverified_is_the_platform_only_and_said_loudly() {
    let fronts = Fronts::start().await;
    let told = check(&fronts, &[("OPENCTI_SSL_VERIFY", "false")]).await;
    told.says("OPENCTI_SSL_VERIFY is false: the platform's certificate is not verified");
    let line = told.wrong("VirusTotal");
    assert!(line.contains("HTTPS_CA_CERTIFICATES"), "{line}");
    told.says("OpenCTI     fine");
    assert_eq!(fronts.sides.asked()[0], 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_as_such() {
    let fronts = Fronts::start().await;
    let own = fronts.authority.pem();
    let url = fronts.opencti.url().replace("127.0.0.1", "localhost");
    let settings = [
        ("HTTPS_CA_CERTIFICATES", own.as_str()),
        ("OPENCTI_URL", &url),
    ];
    let told = check(&fronts, &settings).await;
    let line = told.wrong("OpenCTI");
    assert!(
        line.contains("the certificate is for another name"),
        "{line}"
    );
}

#[tokio::test]
async fn headers_of_the_operators_own_go_to_the_platform_and_nowhere_else() {
    let fronts = Fronts::start().await;
    let own = fronts.authority.pem();
    let proxy = fronts.proxy(None).await;
    let address = proxy.url("");
    let [virustotal, opencti] = fronts.named();
    let settings = [
        virustotal,
        opencti,
        ("HTTPS_CA_CERTIFICATES", own.as_str()),
        ("HTTPS_PROXY", address.as_str()),
        (
            "OPENCTI_CUSTOM_HEADERS",
            "X-Gateway:opensesame; X-Team : blue ",
        ),
    ];
    fronts.sides.check(&settings).await.fine();
    for request in fronts.sides.opencti.requests() {
        assert_eq!(request.header("x-gateway"), Some("opensesame"));
        assert_eq!(request.header("x-team"), Some("blue"));
    }
    for request in fronts.sides.virustotal.requests() {
        assert!(!format!("{request:?}").contains("gateway"), "{request:?}");
    }
    assert!(!proxy.seen().contains("gateway"));
}
