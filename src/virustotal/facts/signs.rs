//! By what files can be told again: rules that matched, vulnerabilities,
//! extracted configurations, signers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::base::text::clean;
use crate::virustotal::objects::FileAttributes;

/// Characters of a rule's or signer's name.
const MAX_NAME: usize = 100;

/// Characters of an address in a configuration.
const MAX_ADDRESS: usize = 200;

/// Signs of a kind that one file may have; no honest file has more.
const MOST: usize = 100;

/// Stands between family and address: cleaned text holds no such character.
const BETWEEN: char = '\t';

/// A kind of signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// A crowdsourced YARA rule, by its name.
    Yara,
    /// A Sigma rule that matched what the file did in a sandbox, by its title.
    Sigma,
    /// A rule for network traffic, by its message.
    Ids,
    /// A vulnerability that a tag names.
    Cve,
    /// Family and address from an extracted configuration.
    Config,
    /// Who signed it, where VirusTotal could verify that.
    Signer,
    /// Who is said to have signed it, where VirusTotal could not.
    Unverified,
}

impl Sign {
    /// All of them, most telling first.
    pub const ALL: [Self; 7] = [
        Self::Config,
        Self::Cve,
        Self::Yara,
        Self::Sigma,
        Self::Ids,
        Self::Signer,
        Self::Unverified,
    ];
}

/// The signs of a file, each once.
pub fn of(attributes: &FileAttributes) -> Vec<(Sign, Box<str>)> {
    let mut signs = Signs(Vec::new());
    signs.config(attributes);
    signs.names(Sign::Cve, cves(attributes));
    let yara = attributes.crowdsourced_yara_results.iter();
    signs.texts(Sign::Yara, yara.map(|rule| &rule.rule_name));
    let sigma = attributes.sigma_analysis_results.iter();
    signs.texts(Sign::Sigma, sigma.map(|rule| &rule.rule_title));
    let ids = attributes.crowdsourced_ids_results.iter();
    signs.texts(Sign::Ids, ids.map(|rule| &rule.rule_msg));
    signs.signer(attributes);
    signs.0
}

/// Family and address of a [`Sign::Config`].
pub fn family_and_address(config: &str) -> (&str, &str) {
    config.split_once(BETWEEN).unwrap_or(("", config))
}

struct Signs(Vec<(Sign, Box<str>)>);

impl Signs {
    fn texts<'a>(&mut self, sign: Sign, texts: impl Iterator<Item = &'a Option<String>>) {
        let names = texts.flatten().take(MOST);
        self.names(sign, names.map(|name| clean(name, MAX_NAME)));
    }

    fn names<'a>(&mut self, sign: Sign, names: impl Iterator<Item = Cow<'a, str>>) {
        let first = self.0.len();
        for name in names {
            if !name.is_empty() && !self.0[first..].iter().any(|(_, known)| **known == *name) {
                self.0.push((sign, name.into()));
            }
        }
    }

    fn config(&mut self, attributes: &FileAttributes) {
        let families = attributes.malware_config.iter();
        let mut found = Vec::new();
        for family in families.flat_map(|config| &config.families) {
            let name = clean(family.family.as_deref().unwrap_or_default(), MAX_NAME);
            let connections = family.configs.iter().filter_map(|it| it.net_info.as_ref());
            for connection in connections.flat_map(|it| &it.connections) {
                let texts = [&connection.url, &connection.host].into_iter().flatten();
                let mut texts = texts.map(|text| clean(text, MAX_ADDRESS));
                if let Some(address) = texts.find(|text| !text.is_empty()) {
                    found.push(Cow::Owned(format!("{name}{BETWEEN}{address}")));
                }
            }
        }
        found.truncate(MOST);
        self.names(Sign::Config, found.into_iter());
    }

    fn signer(&mut self, attributes: &FileAttributes) {
        let Some(info) = &attributes.signature_info else {
            return;
        };
        // The one whose certificate it is, then those who vouch for it.
        let signers = info.signers.as_deref().unwrap_or_default();
        let signer = signers.split(';').next().unwrap_or_default();
        let sign = match info.verified.as_deref() {
            Some("Signed") => Sign::Signer,
            _ => Sign::Unverified,
        };
        self.names(sign, std::iter::once(clean(signer, MAX_NAME)));
    }
}

/// `CVE-2017-11882` of the tag `cve-2017-11882`.
fn cves(attributes: &FileAttributes) -> impl Iterator<Item = Cow<'_, str>> {
    let tags = attributes.tags.iter().flatten();
    tags.filter_map(|tag| {
        let tag = tag.trim();
        let (cve, number) = tag.split_at_checked(4)?;
        let (year, number) = number.split_once('-')?;
        let digits = |text: &str, least, most| {
            (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_one =
            cve.eq_ignore_ascii_case("cve-") && digits(year, 4, 4) && digits(number, 4, 10);
        is_one.then(|| Cow::Owned(tag.to_ascii_uppercase()))
    })
    .take(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virustotal::objects::File;

    fn told(attributes: serde_json::Value) -> Vec<(Sign, String)> {
        let object = serde_json::json!({ "id": "x", "attributes": attributes });
        let file: File = serde_json::from_value(object).unwrap();
        let signs = of(&file.attributes).into_iter();
        signs.map(|(sign, name)| (sign, name.into())).collect()
    }

    #[test]
    fn each_sign_of_a_file_is_told_once() {
        let rules = serde_json::json!([
            { "rule_name": "Win_X", "rule_title": "Odd Child", "rule_msg": "ET TROJAN X" },
            { "rule_name": "Win_X", "rule_title": "Odd Child", "rule_msg": "ET TROJAN X" },
            { "rule_name": null, "rule_title": " ", "rule_msg": "\u{202e}" },
        ]);
        let given = serde_json::json!({
            "crowdsourced_yara_results": rules,
            "sigma_analysis_results": rules,
            "crowdsourced_ids_results": rules,
        });
        let one = |sign, name: &str| (sign, name.to_owned());
        assert_eq!(
            told(given),
            [
                one(Sign::Yara, "Win_X"),
                one(Sign::Sigma, "Odd Child"),
                one(Sign::Ids, "ET TROJAN X"),
            ]
        );
    }

    #[test]
    fn a_tag_names_a_vulnerability_only_in_its_own_form() {
        let tags = [
            "cve-2017-11882",
            "CVE-2017-11882",
            "exploit",
            "cve-x",
            "cve-2017-1",
            "é",
        ];
        let told = told(serde_json::json!({ "tags": tags }));
        assert_eq!(told, [(Sign::Cve, "CVE-2017-11882".to_owned())]);
    }

    #[test]
    fn a_configuration_names_its_family_and_each_address_without_what_cannot_be_seen() {
        let config = serde_json::json!({ "families": [{ "family": "remcos", "configs": [
            { "net_info": { "connections": [
                { "host": "203.0.\u{0}113.9", "url": "tcp://203.0.\u{0}113.9:599" },
                { "host": "c2.example.net" },
                { "categories": ["C2"] },
            ] } },
            { "net_info": null },
        ] }, { "family": null, "configs": null }] });
        let told = told(serde_json::json!({ "malware_config": config }));
        let read: Vec<_> = told
            .iter()
            .map(|(_, name)| family_and_address(name))
            .collect();
        let expected = [
            ("remcos", "tcp://203.0.113.9:599"),
            ("remcos", "c2.example.net"),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn only_a_verified_signature_names_a_signer() {
        let signed = |verified: &str| {
            told(serde_json::json!({ "signature_info": {
                "verified": verified, "signers": "Example Pty Ltd; Example CA; Example Root",
            } }))
        };
        let name = "Example Pty Ltd".to_owned();
        assert_eq!(signed("Signed"), [(Sign::Signer, name.clone())]);
        assert_eq!(signed("Unsigned"), [(Sign::Unverified, name)]);
        assert_eq!(
            told(serde_json::json!({ "signature_info": { "product": "x" } })),
            []
        );
    }
}
