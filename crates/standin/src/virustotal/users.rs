//! `GET /users/{id}`, its quotas and its usage.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use super::account::{Account, Counter, Licence};
use super::refusal::Refusal;
use super::route::Parameters;

/// The most days that one question for the usage may span, and the default.
const LONGEST: i64 = 30;

/// The owner's user object.
pub(crate) fn user(parameters: &Parameters, account: &Account, base: &str) -> String {
    let id = &account.user;
    let intelligence = match account.licence {
        Licence::Free => json!({ "granted": false }),
        _ => json!({
            "granted": true,
            "inherited_from": "acme",
            "inherited_via": "intelligence_quota_group",
        }),
    };
    let quotas: Map<String, Value> = account
        .quotas
        .iter()
        .filter_map(|(name, quota)| Some((name.clone(), block(quota.user?))))
        .collect();
    let mut data = json!({
        "type": "user",
        "id": id,
        "links": { "self": format!("{base}/users/{id}") },
        "attributes": {
            "apikey": account.key,
            "first_name": "CTI",
            "status": "active",
            "user_since": 1_601_510_400,
            "reputation": 1,
            "privileges": { "intelligence": intelligence, "admin": { "granted": false } },
            "quotas": quotas,
        },
    });
    let names = parameters.list("relationships");
    if !names.is_empty() {
        let group = |name: &String| {
            let one = json!({ "type": "group", "id": "acme" });
            let many = name == "groups";
            let data = if many { json!([one]) } else { one };
            (name.clone(), json!({ "data": data }))
        };
        data["relationships"] = Value::Object(names.iter().map(group).collect());
    }
    json!({ "data": data }).to_string()
}

/// `overall_quotas`: straight under `data`, without attributes; the group's
/// block is absent where the quota is not inherited.
pub(crate) fn overall_quotas(account: &Account) -> String {
    let mut data = Map::new();
    for (name, quota) in &account.quotas {
        let mut both = Map::new();
        if let Some(user) = quota.user {
            both.insert("user".to_owned(), block(user));
        }
        if let Some(group) = quota.group {
            let mut group = block(group);
            group["inherited_from"] = json!(quota.inherited_from);
            both.insert("group".to_owned(), group);
        }
        data.insert(name.clone(), Value::Object(both));
    }
    json!({ "data": data }).to_string()
}

fn block(counter: Counter) -> Value {
    json!({ "allowed": counter.allowed, "used": counter.used })
}

/// `api_usage`: requests by day and endpoint.
pub(crate) fn api_usage(
    parameters: &Parameters,
    account: &Account,
    now: DateTime<Utc>,
) -> Result<String, Refusal> {
    let date = |name: &str| {
        let Some(text) = parameters.get(name) else {
            return Ok(None);
        };
        NaiveDate::parse_from_str(text, "%Y%m%d")
            .map(Some)
            .map_err(|_| Refusal::bad_argument(format!("Invalid date \"{text}\" for {name}")))
    };
    let end = date("end_date")?.unwrap_or(now.date_naive());
    // A year that no calendar holds has no month before it.
    let month = end.checked_sub_days(Days::new(LONGEST as u64));
    let start = date("start_date")?.or(month).unwrap_or(end);
    if start > end || (end - start).num_days() > LONGEST {
        return Err(Refusal::bad_argument("Invalid date range"));
    }
    let mut daily = [Map::new(), Map::new()];
    let mut total: [BTreeMap<&str, u64>; 2] = Default::default();
    for (day, usage) in account.usage.range(start..=end) {
        for (nth, map) in [&usage.charged, &usage.free].into_iter().enumerate() {
            daily[nth].insert(day.to_string(), json!(map));
            for (endpoint, count) in map {
                *total[nth].entry(endpoint).or_default() += count;
            }
        }
    }
    Ok(json!({ "data": {
        "daily": daily[0],
        "daily_endpoints_not_consuming_quota": daily[1],
        "total": total[0],
        "total_endpoints_not_consuming_quota": total[1],
    } })
    .to_string())
}
