//! How much is left: `overall_quotas` and `users` as they arrive.
//!
//! | shape                                          | meaning                             |
//! |------------------------------------------------|-------------------------------------|
//! | `allowed` of 1,000,000,000 and more            | not capped here                     |
//! | `allowed` of 0, whatever was used              | says nothing: the group's counts    |
//! | no `group`                                     | the quota is not shared             |
//! | neither block usable                           | unknown, which is not "none left"   |

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::text::quoted;

/// From here on an allowance is VirusTotal's way of writing "not capped".
const UNCAPPED: u64 = 1_000_000_000;

/// The answer of `overall_quotas`: quotas by name, an open list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas(pub BTreeMap<String, Quota>);

/// One quota: the user's own block, and the group's where it is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// What the user itself may use and has used.
    pub user: Option<Allowance>,
    /// What all members together may use and have used.
    pub group: Option<Allowance>,
}

/// How much is allowed, how much is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// `None`: not told, or not a number.
    pub allowed: Option<u64>,
    /// `None`: not told, or not a number.
    pub used: Option<u64>,
    /// The group it comes from.
    pub inherited_from: Option<String>,
}

/// What one block of a quota says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// So much may be used.
    At {
        /// Used so far.
        used: u64,
        /// Allowed in all.
        allowed: u64,
    },
    /// No cap here.
    None,
    /// It says nothing.
    Unknown,
}

impl Allowance {
    /// What this block says about how much may be used.
    pub fn cap(&self) -> Cap {
        match (self.allowed, self.used) {
            (Some(allowed), _) if allowed >= UNCAPPED => Cap::None,
            (Some(allowed), Some(used)) if allowed > 0 => Cap::At { used, allowed },
            _ => Cap::Unknown,
        }
    }
}

impl Quotas {
    /// Reads the `data` of an answer. Entries that are not quotas are left out.
    /// `None`: not a map at all.
    pub fn parse(data: &Value) -> Option<Self> {
        let mut map = data.as_object()?;
        // Documented without this layer; other collections have it.
        if let Some(inner) = map.get("attributes").and_then(Value::as_object) {
            map = inner;
        }
        let quota = |value: &Value| {
            let value = value.as_object()?;
            let quota = Quota {
                user: value.get("user").and_then(allowance),
                group: value.get("group").and_then(allowance),
            };
            (quota != Quota::default()).then_some(quota)
        };
        let quotas = map
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), quota(value)?)));
        Some(Self(quotas.collect()))
    }
}

fn allowance(value: &Value) -> Option<Allowance> {
    let value = value.as_object()?;
    let number = |name| value.get(name).and_then(whole);
    Some(Allowance {
        allowed: number("allowed"),
        used: number("used"),
        inherited_from: value
            .get("inherited_from")
            .and_then(Value::as_str)
            .map(quoted),
    })
}

/// A count, also where it came as a float or a text of digits.
fn whole(value: &Value) -> Option<u64> {
    let float = |number: f64| {
        // Beyond 2^53 a float is no count; the cast saturates, which is right for a cap.
        (number.is_finite() && number >= 0.0).then_some(number as u64)
    };
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(float)),
        Value::String(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| text.parse().ok().and_then(float))
        }
        _ => None,
    }
}

/// The account that the key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name in paths.
    pub id: String,
    /// Whether it has VirusTotal Intelligence; `None` where it is not told.
    pub intelligence: Option<bool>,
}

impl User {
    /// Reads the `data` of an answer. `None`: no usable id.
    pub fn parse(data: &Value) -> Option<Self> {
        let id = data.get("id")?.as_str()?;
        // It becomes a part of a path.
        let usable = !id.is_empty() && id.len() <= 200 && ![".", ".."].contains(&id);
        usable.then(|| Self {
            id: id.to_owned(),
            intelligence: data
                .pointer("/attributes/privileges/intelligence/granted")
                .and_then(Value::as_bool),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sentinels_zeros_floats_and_texts_are_understood() {
        let data = json!({
            "api_requests_hourly": { "user": { "allowed": 60000000000u64, "used": 0 },
                                     "group": { "allowed": "60000", "used": 652.0, "inherited_from": "acme" } },
            "intelligence_searches_monthly": { "user": { "allowed": 0, "used": 46 } },
            "api_requests_daily": { "user": { "allowed": -1, "used": null } },
            "new_thing": { "user": { "allowed": 5, "used": 2 } },
            "odd": 7, "odder": {}, "oddest": { "user": [] }
        });
        let quotas = Quotas::parse(&data).unwrap().0;
        let cap = |name: &str, group: bool| {
            let quota = &quotas[name];
            let block = if group { &quota.group } else { &quota.user };
            block.as_ref().map(Allowance::cap)
        };
        assert_eq!(cap("api_requests_hourly", false), Some(Cap::None));
        let group = Cap::At {
            used: 652,
            allowed: 60_000,
        };
        assert_eq!(cap("api_requests_hourly", true), Some(group));
        assert_eq!(
            cap("intelligence_searches_monthly", false),
            Some(Cap::Unknown)
        );
        assert_eq!(cap("intelligence_searches_monthly", true), None);
        assert_eq!(cap("api_requests_daily", false), Some(Cap::Unknown));
        assert_eq!(
            cap("new_thing", false),
            Some(Cap::At {
                used: 2,
                allowed: 5
            })
        );
        assert_eq!(quotas.len(), 4);
    }

    #[test]
    fn an_attributes_layer_is_tolerated_and_anything_but_a_map_is_unknown() {
        let inner = json!({ "api_requests_daily": { "user": { "allowed": 500, "used": 1 } } });
        assert_eq!(
            Quotas::parse(&json!({ "attributes": inner.clone() })),
            Quotas::parse(&inner)
        );
        for odd in [json!(null), json!([]), json!("x")] {
            assert_eq!(Quotas::parse(&odd), None);
        }
    }

    #[test]
    fn a_user_without_privileges_is_known_by_its_id_only() {
        let user = |value| User::parse(&value);
        let granted = json!({ "id": "bot", "attributes": { "privileges": { "intelligence": { "granted": false } } } });
        assert_eq!(user(granted).unwrap().intelligence, Some(false));
        assert_eq!(user(json!({ "id": "bot" })).unwrap().intelligence, None);
        for odd in [
            json!({ "id": ".." }),
            json!({ "id": "" }),
            json!({ "id": 5 }),
            json!(null),
        ] {
            assert_eq!(user(odd), None);
        }
    }
}
