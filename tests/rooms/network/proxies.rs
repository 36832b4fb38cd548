use super::*;

const USER: &str = "reporter:p@ss:word";
/// The same in an address.
const IN_ADDRESS: &str = "reporter:p%40ss:word";

#[tokio::test]
async fn https_goes_through_a_tunnel_and_the_proxy_reads_no_secret() {
    let fronts = Fronts::start().await;
    let proxy = fronts.proxy(None).await;
    let own = fronts.authority.pem();
    let address = proxy.url("");
    let [virustotal, opencti] = fronts.named();
    let settings = [
        virustotal,
        opencti,
        ("HTTPS_CA_CERTIFICATES", own.as_str()),
        ("HTTPS_PROXY", address.as_str()),
    ];
    fronts.sides.check(&settings).await.fine();
    let seen = proxy.seen();
    let expected = [
        "CONNECT vt.example.net:443",
        "CONNECT opencti.example.org:443",
    ];
    assert_eq!(seen.asked, expected);
    for secret in [
        fronts.sides.virustotal.key().as_str(),
        TOKEN,
        "x-apikey",
        "bearer",
    ] {
        assert!(!seen.contains(secret), "the proxy saw {secret}");
    }
}

#[tokio::test]
async fn http_goes_in_absolute_form_by_the_proxy_for_http() {
    let sides = Sides::start().await;
    let [virustotal, opencti] = sides.addresses();
    let proxy = Proxy::start(&[], Some(USER)).await;
    let (right, other) = (proxy.url(IN_ADDRESS), "http://192.0.2.1:9".to_owned());
    let settings = [("http_proxy", right.as_str()), ("HTTPS_PROXY", &other)];
    sides.check(&settings).await.fine();
    let asked = proxy.seen().asked;
    assert!(
        asked.contains(&format!("GET http://{virustotal}")),
        "{asked:?}"
    );
    assert!(
        asked.contains(&format!("POST http://{opencti}")),
        "{asked:?}"
    );
    assert_eq!(asked.len(), sides.asked().iter().sum::<usize>());
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_directly() {
    let sides = Sides::start().await;
    let [virustotal, opencti] = sides.addresses();
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    for (direct, through) in [
        ("127.0.0.0/8".to_owned(), vec![]),
        ("*".to_owned(), vec![]),
        (opencti.clone(), vec!["GET"]),
        (format!("localhost,*:{}", port(&virustotal)), vec!["POST"]),
        (".example.net,127.0.0.1:1".to_owned(), vec!["GET", "POST"]),
    ] {
        let proxy = Proxy::start(&[], None).await;
        let address = proxy.url("");
        let settings = [("HTTP_PROXY", address.as_str()), ("NO_PROXY", &direct)];
        sides.check(&settings).await.fine();
        let asked = proxy.seen().asked;
        let mut methods: Vec<_> = asked
            .iter()
            .filter_map(|one| one.split(' ').next())
            .collect();
        methods.dedup();
        assert_eq!(methods, through, "NO_PROXY={direct}");
    }
}

#[tokio::test]
async fn the_proxy_for_virustotal_is_for_nobody_else() {
    let sides = Sides::start().await;
    let proxy = Proxy::start(&[], None).await;
    let general = Proxy::start(&[], None).await;
    let (own, other) = (proxy.url(""), general.url(""));
    let only = ("VTREPORTER_PROXY", own.as_str());
    sides.check(&[only]).await.fine();
    assert_eq!(proxy.seen().asked.len(), sides.asked()[0]);
    assert_eq!(general.seen().asked.len(), 0);
    // It wins over the general one, and over what that one leaves out.
    let both = [only, ("HTTP_PROXY", other.as_str())];
    sides.check(&both).await.fine();
    let of_opencti = general.seen().asked;
    assert!(!of_opencti.is_empty());
    assert!(of_opencti.iter().all(|one| one.starts_with("POST ")));
    let direct = [only, ("HTTP_PROXY", other.as_str()), ("NO_PROXY", "*")];
    sides.check(&direct).await.fine();
    assert_eq!(general.seen().asked.len(), of_opencti.len());
    assert_eq!(proxy.seen().asked.len(), sides.asked()[0]);
}

#[tokio::test]
async fn a_wrong_password_of_a_proxy_is_told_with_its_setting_and_not_shown() {
    let fronts = Fronts::start().await;
    let proxy = fronts.proxy(Some(USER)).await;
    let own = fronts.authority.pem();
    let (right, wrong) = (proxy.url(IN_ADDRESS), proxy.url("reporter:hunter2"));
    let named = fronts.named();
    let check = async |proxies: &[(&str, &str)]| {
        let mut settings = vec![("HTTPS_CA_CERTIFICATES", own.as_str())];
        settings.extend(named);
        settings.extend(proxies);
        fronts.sides.check(&settings).await
    };
    check(&[("HTTPS_PROXY", &right)]).await.fine();
    let plain = proxy.url("");
    for (proxies, virustotal, opencti) in [
        (
            vec![("HTTPS_PROXY", wrong.as_str())],
            "of HTTPS_PROXY ",
            "of HTTPS_PROXY ",
        ),
        (
            vec![("https_proxy", plain.as_str())],
            "of HTTPS_PROXY ",
            "of HTTPS_PROXY ",
        ),
        (
            vec![
                ("HTTPS_PROXY", plain.as_str()),
                ("VTREPORTER_PROXY", wrong.as_str()),
            ],
            "of VTREPORTER_PROXY ",
            "of HTTPS_PROXY ",
        ),
    ] {
        let told = check(&proxies).await;
        for (side, setting) in [("VirusTotal", virustotal), ("OpenCTI", opencti)] {
            let line = told.wrong(side);
            assert!(line.contains(setting) && line.contains("(407)"), "{line}");
            assert!(line.contains(&plain), "{line}");
        }
        assert!(!told.text.contains("hunter2"), "{}", told.text);
    }
    // One try each: a wrong password does not get better.
    assert_eq!(proxy.seen().refused, 6);
}

#[tokio::test]
async fn a_wrong_password_is_told_alike_where_nothing_is_encrypted() {
    let sides = Sides::start().await;
    let proxy = Proxy::start(&[], Some(USER)).await;
    let wrong = proxy.url("reporter:hunter2");
    let told = sides.check(&[("HTTP_PROXY", &wrong)]).await;
    for side in ["VirusTotal", "OpenCTI"] {
        let line = told.wrong(side);
        assert!(
            line.contains("of HTTP_PROXY does not accept our user"),
            "{line}"
        );
    }
    assert!(!told.text.contains("hunter2"));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let fronts = Fronts::start().await;
    let own = fronts.authority.pem();
    let gone = fronts.proxy(None).await.url("reporter:hunter2");
    let [virustotal, _] = fronts.named();
    let settings = [
        virustotal,
        ("HTTPS_CA_CERTIFICATES", own.as_str()),
        ("VTREPORTER_PROXY", gone.as_str()),
    ];
    let told = fronts.sides.check(&settings).await;
    assert_eq!(told.code, 3, "{}", told.text);
    told.says("through the proxy http://127.0.0.1:")
        .says("of VTREPORTER_PROXY");
    assert!(!told.text.contains("hunter2"), "{}", told.text);
}

#[tokio::test]
async fn nothing_in_the_environment_acts_behind_the_settings() {
    let sides = Sides::start().await;
    let proxy = Proxy::start(&[], None).await;
    let address = proxy.url("");
    let settings = [("ALL_PROXY", address.as_str()), ("all_proxy", &address)];
    sides.check(&settings).await.fine();
    assert_eq!(proxy.seen().asked, Vec::<String>::new());
}
