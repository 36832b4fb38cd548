//! What lies between us and both sides: authorities of one's own, proxies.
//!
//! The program itself is run, with the settings that an operator would write;
//! `check` asks both sides one question each.

mod authorities;
mod proxies;
mod proxy;
mod tls;

use std::process::Stdio;

use proxy::Proxy;
use tls::{Authority, Front};
use vtreporter::standin::opencti::{OpenCtiWorld, Release, StandIn as OpenCti};
use vtreporter::standin::virustotal::{StandIn as VirusTotal, World};

const TOKEN: &str = "token-of-a-connector";

/// Both sides on loopback, in the clear.
struct Sides {
    virustotal: VirusTotal,
    opencti: OpenCti,
}

impl Sides {
    async fn start() -> Self {
        let world = OpenCtiWorld::new(Release::V7, TOKEN);
        Self {
            virustotal: VirusTotal::start(World::default()).await.unwrap(),
            opencti: OpenCti::start(world).await.unwrap(),
        }
    }

    fn addresses(&self) -> [String; 2] {
        let host = |url: &str| {
            let url = url::Url::parse(url).unwrap();
            format!("127.0.0.1:{}", url.port().unwrap())
        };
        [host(&self.virustotal.url()), host(&self.opencti.url())]
    }

    /// How often each was asked.
    fn asked(&self) -> [usize; 2] {
        let of_opencti = self.opencti.requests().len();
        [self.virustotal.requests().len(), of_opencti]
    }

    /// What `check` says with these settings over the ones that every run has.
    async fn check(&self, settings: &[(&str, &str)]) -> Told {
        let key = self.virustotal.key();
        let [virustotal, opencti] = [self.virustotal.url(), self.opencti.url()];
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_vtreporter"))
            .arg("check")
            .env_clear()
            .envs([
                ("OPENCTI_URL", opencti.as_str()),
                ("OPENCTI_TOKEN", TOKEN),
                ("CONNECTOR_ID", "0d3f9f39-5b0f-4b8e-8f0c-2f2b7a9f2c11"),
                ("CONNECTOR_QUEUE_PROTOCOL", "api"),
                ("VTREPORTER_API_URL", virustotal.as_str()),
                ("VTREPORTER_API_KEY", key.as_str()),
            ])
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let told = Told {
            code: output.status.code().unwrap(),
            text: text(output.stdout) + &text(output.stderr),
        };
        for secret in [key.as_str(), TOKEN] {
            assert!(!told.text.contains(secret), "{}", told.text);
        }
        told
    }
}

/// What a run ended with and said.
struct Told {
    code: i32,
    text: String,
}

impl Told {
    fn fine(&self) -> &Self {
        assert_eq!(self.code, 0, "{}", self.text);
        self
    }

    /// A fault of the settings, and what it says of that side.
    fn wrong(&self, side: &str) -> &str {
        assert_eq!(self.code, 2, "{}", self.text);
        let mut lines = self.text.lines();
        let line = lines.find(|line| line.starts_with(side));
        let line = line.unwrap_or_else(|| panic!("{}", self.text));
        assert!(line.contains("WRONG"), "{line}");
        line
    }

    fn says(&self, part: &str) -> &Self {
        assert!(self.text.contains(part), "{}", self.text);
        self
    }
}

/// Both sides behind TLS that one authority signs, under names that only the
/// proxy knows.
struct Fronts {
    sides: Sides,
    authority: Authority,
    virustotal: Front,
    opencti: Front,
}

impl Fronts {
    async fn start() -> Self {
        let sides = Sides::start().await;
        let authority = Authority::new();
        let [virustotal, opencti] = sides.addresses();
        Self {
            virustotal: Front::start(&authority, "vt.example.net", &virustotal).await,
            opencti: Front::start(&authority, "opencti.example.org", &opencti).await,
            sides,
            authority,
        }
    }

    /// The sides under the names that only a proxy knows.
    fn named(&self) -> [(&'static str, &'static str); 2] {
        [
            ("VTREPORTER_API_URL", "https://vt.example.net/api/v3"),
            ("OPENCTI_URL", "https://opencti.example.org"),
        ]
    }

    /// A proxy that knows those names.
    async fn proxy(&self, user: Option<&str>) -> Proxy {
        let names = [
            ("vt.example.net:443", self.virustotal.address()),
            ("opencti.example.org:443", self.opencti.address()),
        ];
        Proxy::start(&names, user).await
    }
}
