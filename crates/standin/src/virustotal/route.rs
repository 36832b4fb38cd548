//! Which call a path is, and whether its parameters are good.

use super::refusal::Refusal;

/// A call, as far as the stand-in knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/intelligence/search`
    Search,
    /// `/files/{hash}`
    File(String),
    /// `/files/{hash}/{relationship}`
    Related(String, String),
    /// `/files/{hash}/relationships/{relationship}`
    Descriptors(String, String),
    /// `/files/{hash}/behaviour_mitre_trees`
    MitreTrees(String),
    /// `/users/me`
    Me,
    /// `/users/{id or key}`
    User(String),
    /// `/users/{id or key}/overall_quotas`
    OverallQuotas(String),
    /// `/users/{id or key}/api_usage`
    ApiUsage(String),
    /// Anything else.
    Unknown,
}

/// Relationships that everyone may read.
const COMMON: &[&str] = &[
    "behaviours",
    "bundled_files",
    "collections",
    "comments",
    "contacted_domains",
    "contacted_ips",
    "contacted_urls",
    "dropped_files",
    "execution_parents",
    "graphs",
    "pe_resource_children",
    "pe_resource_parents",
    "votes",
];

/// Relationships that need a licence.
const LICENSED: &[&str] = &[
    "analyses",
    "submissions",
    "screenshots",
    "similar_files",
    "compressed_parents",
    "email_attachments",
    "email_parents",
    "embedded_domains",
    "embedded_ips",
    "embedded_urls",
    "itw_domains",
    "itw_ips",
    "itw_urls",
    "memory_pattern_domains",
    "memory_pattern_ips",
    "memory_pattern_urls",
    "overlay_children",
    "overlay_parents",
    "pcap_children",
    "pcap_parents",
    "urls_for_embedded_js",
    "related_threat_actors",
    "malware_families",
];

impl Route {
    /// Reads a method and a path below the server's root.
    pub(crate) fn read(method: &str, path: &str) -> Self {
        let Some(path) = path.strip_prefix("/api/v3/") else {
            return Self::Unknown;
        };
        if method != "GET" {
            return Self::Unknown;
        }
        let owned = |text: &&str| (*text).to_owned();
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["intelligence", "search"] => Self::Search,
            ["files", hash] => Self::File(owned(hash)),
            ["files", hash, "behaviour_mitre_trees"] => Self::MitreTrees(owned(hash)),
            ["files", hash, name] => Self::Related(owned(hash), owned(name)),
            ["files", hash, "relationships", name] => Self::Descriptors(owned(hash), owned(name)),
            ["users", "me"] => Self::Me,
            ["users", id] => Self::User(owned(id)),
            ["users", id, "overall_quotas"] => Self::OverallQuotas(owned(id)),
            ["users", id, "api_usage"] => Self::ApiUsage(owned(id)),
            _ => Self::Unknown,
        }
    }

    /// What `api_usage` calls it.
    pub(crate) fn endpoint(&self) -> &'static str {
        match self {
            Self::Search => "/api/v3/(intelligence_search)",
            Self::File(_) => "/api/v3/(file_info)",
            Self::Related(..) | Self::Descriptors(..) => "/api/v3/(file_relationships)",
            Self::MitreTrees(_) => "/api/v3/(file_behaviour_mitre_trees)",
            Self::Me | Self::User(_) => "/api/v3/(user_info)",
            Self::OverallQuotas(_) => "/api/v3/(user_overall_quotas)",
            Self::ApiUsage(_) => "/api/v3/(user_api_usage)",
            Self::Unknown => "/api/v3/(unknown)",
        }
    }

    /// Parameters that it takes.
    fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::Search => &[
                "query",
                "limit",
                "order",
                "cursor",
                "descriptors_only",
                "relationships",
                "exclude_attributes",
            ],
            Self::File(_) => &["relationships", "exclude_attributes"],
            Self::Related(..) => &["limit", "cursor", "exclude_attributes"],
            Self::Descriptors(..) => &["limit", "cursor"],
            Self::Me | Self::User(_) => &["relationships"],
            Self::ApiUsage(_) => &["start_date", "end_date"],
            Self::MitreTrees(_) | Self::OverallQuotas(_) | Self::Unknown => &[],
        }
    }
}

/// Whether a file has a relationship of this name, and who may read it.
pub(crate) fn relationship(name: &str) -> Option<Access> {
    if COMMON.contains(&name) {
        Some(Access::Everyone)
    } else {
        LICENSED.contains(&name).then_some(Access::Licensed)
    }
}

/// Who may read a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Everyone,
    Licensed,
}

/// The parameters of a request, each known and given once.
#[derive(Debug)]
pub(crate) struct Parameters<'a>(&'a [(String, String)]);

impl<'a> Parameters<'a> {
    /// Checks the names.
    pub(crate) fn read(route: &Route, query: &'a [(String, String)]) -> Result<Self, Refusal> {
        for (nth, (name, _)) in query.iter().enumerate() {
            if !route.parameters().contains(&name.as_str()) {
                return Err(Refusal::bad_request(format!(
                    "Unknown parameter \"{name}\""
                )));
            }
            if query[..nth].iter().any(|(earlier, _)| earlier == name) {
                return Err(Refusal::bad_request(format!(
                    "Parameter \"{name}\" is given twice"
                )));
            }
        }
        Ok(Self(query))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `limit`, 10 when not given.
    pub(crate) fn limit(&self, most: usize) -> Result<usize, Refusal> {
        let Some(text) = self.get("limit") else {
            return Ok(10);
        };
        let wrong = || Refusal::bad_request(format!("Invalid limit \"{text}\""));
        let limit = text.parse().map_err(|_| wrong())?;
        match limit {
            0 => Err(wrong()),
            limit if limit > most => Err(Refusal::bad_request(format!(
                "Limit can't be larger than {most}"
            ))),
            limit => Ok(limit),
        }
    }

    /// A list with commas; empty when not given.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// `relationships`, each of which a file has.
    pub(crate) fn relationships(&self) -> Result<Vec<String>, Refusal> {
        let list = self.list("relationships");
        match list.iter().find(|name| relationship(name).is_none()) {
            Some(unknown) => Err(Refusal::bad_request(format!(
                "Relationship \"{unknown}\" not found"
            ))),
            None => Ok(list),
        }
    }

    /// `true` or `false`; false when not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false" | "False") => Ok(false),
            Some("true" | "True") => Ok(true),
            Some(other) => Err(Refusal::bad_request(format!(
                "Invalid value \"{other}\" for {name}"
            ))),
        }
    }
}
