//! Which proxy a request goes through. Pure.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use crate::base::secret::Secret;

/// A proxy, and which setting named it.
///
/// Its address may hold credentials: `Debug` and `Display` show it without them.
#[derive(Clone, PartialEq)]
pub struct Via {
    setting: &'static str,
    address: Secret,
    shown: String,
}

impl Via {
    /// A proxy by its address; `http://` may be left out.
    ///
    /// # Errors
    /// What is wrong with the address, without showing it.
    pub fn parse(setting: &'static str, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&whole).map_err(|error| format!("is no address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("is neither http nor https".to_owned());
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no host".to_owned());
        }
        Ok(Self {
            setting,
            shown: url.origin().ascii_serialization(),
            address: Secret::new(url),
        })
    }

    /// The whole address, credentials and all.
    pub fn expose(&self) -> &str {
        self.address.expose()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {} of {}", self.shown, self.setting)
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The proxies of one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proxies {
    /// For http addresses.
    pub http: Option<Via>,
    /// For https addresses.
    pub https: Option<Via>,
    /// What is reached without.
    pub bypass: Bypass,
}

impl Proxies {
    /// One proxy for whatever is asked.
    pub fn always(via: Via) -> Self {
        Self {
            http: Some(via.clone()),
            https: Some(via),
            bypass: Bypass::default(),
        }
    }

    /// The proxy for an address; `None` is the direct way.
    pub fn of(&self, url: &Url) -> Option<&Via> {
        let via = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        };
        via.filter(|_| !self.bypass.covers(url))
    }
}

/// `NO_PROXY`: what is reached without a proxy.
///
/// | element                      | covers                                     |
/// |------------------------------|--------------------------------------------|
/// | `*`                          | everything                                 |
/// | `example.net`                | that host and all below it                 |
/// | `.example.net`, `*.example.net` | the same                                |
/// | `192.0.2.7`, `2001:db8::7`   | that address, where the URL has an address |
/// | `192.0.2.0/24`, `2001:db8::/32` | all addresses of the network            |
/// | any but the networks with `:8080` | only that port (`[2001:db8::7]:8080`) |
///
/// reqwest's own reading lacks the ports, and its `*` leaves addresses out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bypass(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    host: Covered,
    /// `None` = any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Covered {
    Everything,
    /// In lower case, without dots at its ends.
    Domain(String),
    Network(IpNet),
}

impl Bypass {
    /// Reads a list parted by commas or spaces; also returns the elements that
    /// make no sense and are left out.
    pub fn parse(list: &str) -> (Self, Vec<String>) {
        let mut rules = Vec::new();
        let mut odd = Vec::new();
        let elements = list.split(|c: char| c == ',' || c.is_whitespace());
        for element in elements.filter(|element| !element.is_empty()) {
            match rule(element) {
                Some(rule) => rules.push(rule),
                None => odd.push(element.to_owned()),
            }
        }
        (Self(rules), odd)
    }

    /// Whether an address is reached without a proxy.
    pub fn covers(&self, url: &Url) -> bool {
        let Some(host) = url.host() else {
            return false;
        };
        let port = url.port_or_known_default();
        let fits = |rule: &Rule| rule.port.is_none() || rule.port == port;
        self.0
            .iter()
            .any(|rule| fits(rule) && rule.host.covers(&host))
    }
}

impl Covered {
    fn covers(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::Everything, _) => true,
            (Self::Domain(domain), Host::Domain(host)) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host.strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network(network), Host::Ipv4(host)) => network.contains(&IpAddr::V4(*host)),
            (Self::Network(network), Host::Ipv6(host)) => network.contains(&host.to_canonical()),
            _ => false,
        }
    }
}

fn rule(element: &str) -> Option<Rule> {
    let anywhere = |host| Rule { host, port: None };
    if element.contains('/') {
        return element.parse().ok().map(Covered::Network).map(anywhere);
    }
    // Before the port: an IPv6 address is full of colons.
    if let Ok(address) = element.parse() {
        return Some(anywhere(single(address)));
    }
    let (host, port) = match element.rsplit_once(':') {
        Some((host, port)) if !element.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (element, None),
    };
    let host = covered(host)?;
    Some(Rule { host, port })
}

fn covered(host: &str) -> Option<Covered> {
    if host == "*" {
        return Some(Covered::Everything);
    }
    let below = host.strip_prefix('*').unwrap_or(host);
    let domain = below.strip_prefix('.').unwrap_or(below);
    match Host::parse(domain.trim_end_matches('.')).ok()? {
        Host::Domain(domain) => Some(Covered::Domain(domain)),
        // Not "192.168." or "10", which the standard of URLs reads as an address too.
        Host::Ipv4(address) if domain == address.to_string() => Some(single(address.into())),
        Host::Ipv4(_) => None,
        Host::Ipv6(address) => Some(single(address.into())),
    }
}

fn single(address: IpAddr) -> Covered {
    Covered::Network(address.to_canonical().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(list: &str, url: &str) -> bool {
        let (bypass, odd) = Bypass::parse(list);
        assert!(odd.is_empty(), "{odd:?}");
        bypass.covers(&Url::parse(url).unwrap())
    }

    fn all(table: &[(&str, &str, bool)]) {
        for (list, url, covered) in table {
            assert_eq!(covers(list, url), *covered, "NO_PROXY={list} for {url}");
        }
    }

    #[test]
    fn a_star_covers_everything_and_nothing_covers_nothing() {
        all(&[
            ("", "http://example.net", false),
            ("*", "http://192.0.2.1:81", true),
            ("*", "https://example.net", true),
            ("*:81", "http://192.0.2.1:81", true),
            ("*:81", "http://192.0.2.1", false),
        ]);
    }

    #[test]
    fn a_name_covers_that_host_and_all_below_it() {
        all(&[
            ("example.net", "http://example.net", true),
            ("example.net", "http://a.b.example.net", true),
            ("example.net", "http://notexample.net", false),
            ("example.net", "http://example.net.org", false),
            (".example.net", "http://a.example.net", true),
            (".example.net", "http://example.net", true),
            (".example.net", "http://notexample.net", false),
            ("*.example.net", "http://a.example.net", true),
            ("Example.NET.", "http://eXample.net", true),
            ("example.net", "http://example.net./", true),
            (
                "münchen.example.net",
                "http://xn--mnchen-3ya.example.net",
                true,
            ),
            ("opencti", "http://opencti:8080/graphql", true),
        ]);
    }

    #[test]
    fn a_port_is_the_schemes_own_where_the_address_has_none() {
        all(&[
            ("example.net:8080", "http://example.net:8080", true),
            ("example.net:8080", "http://example.net", false),
            ("example.net:443", "https://example.net", true),
            (".example.net:443", "https://a.example.net", true),
        ]);
    }

    #[test]
    fn an_address_covers_only_itself_however_it_is_written() {
        all(&[
            ("192.0.2.7", "http://192.0.2.7:9", true),
            ("192.0.2.7:8", "http://192.0.2.7:9", false),
            ("192.0.2.7", "http://192.0.2.70", false),
            ("2001:db8::7", "http://[2001:db8:0::7]", true),
            ("[2001:db8::7]", "http://[2001:db8::7]:8080", true),
            ("[2001:db8::7]:8080", "http://[2001:db8::7]", false),
            ("127.0.0.1", "http://localhost", false),
        ]);
    }

    #[test]
    fn a_network_covers_its_addresses_and_no_others() {
        all(&[
            ("192.0.2.0/24", "http://192.0.2.255", true),
            ("192.0.2.99/24", "http://192.0.2.1", true),
            ("192.0.2.0/24", "http://192.0.3.0", false),
            ("192.0.2.0/31", "http://192.0.2.2", false),
            ("0.0.0.0/0", "http://203.0.113.9", true),
            ("0.0.0.0/0", "http://[2001:db8::1]", false),
            ("192.0.2.0/24", "http://[::ffff:192.0.2.1]", true),
            ("2001:db8::/33", "http://[2001:db8:7fff::1]", true),
            ("2001:db8::/33", "http://[2001:db8:8000::1]", false),
        ]);
    }

    #[test]
    fn a_list_is_parted_by_commas_or_spaces() {
        all(&[
            (
                " a.example.net ,\tb.example.net",
                "http://b.example.net",
                true,
            ),
            (
                "a.example.net b.example.net,,",
                "http://b.example.net",
                true,
            ),
        ]);
    }

    #[test]
    fn what_makes_no_sense_is_told_and_the_rest_holds() {
        let odd = ["192.0.2.0/33", "192.0.2", "example.net:http", "a/b", "a<b"];
        let (bypass, told) = Bypass::parse(&format!("{},example.net", odd.join(",")));
        assert_eq!(told, odd);
        assert!(bypass.covers(&Url::parse("http://example.net").unwrap()));
        assert_eq!(bypass.0.len(), 1);
    }

    #[test]
    fn the_scheme_decides_and_no_proxy_comes_before() {
        let via = |setting, address| Via::parse(setting, address).ok();
        let proxies = Proxies {
            http: via("HTTP_PROXY", "one.example.net:3128"),
            https: via("HTTPS_PROXY", "https://two.example.net"),
            bypass: Bypass::parse("direct.example.net").0,
        };
        let of = |url: &str| proxies.of(&Url::parse(url).unwrap()).map(Via::expose);
        assert_eq!(
            of("http://a.example.net"),
            Some("http://one.example.net:3128/")
        );
        assert_eq!(
            of("https://a.example.net"),
            Some("https://two.example.net/")
        );
        assert_eq!(of("https://direct.example.net"), None);
        assert_eq!(
            Proxies::default().of(&Url::parse("http://a.net").unwrap()),
            None
        );
    }

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        let via = Via::parse(
            "HTTPS_PROXY",
            "http://user:s3cret@proxy.example.net:3128/?x",
        )
        .unwrap();
        let shown = format!("{via} {via:?} {:?}", Proxies::always(via.clone()));
        assert!(shown.starts_with("the proxy http://proxy.example.net:3128 of HTTPS_PROXY"));
        assert!(
            !shown.contains("s3cret") && !shown.contains("user"),
            "{shown}"
        );
        assert!(via.expose().contains("user:s3cret@"));
    }
}
