//! What is asked of VirusTotal.

use std::sync::atomic::Ordering;

use serde_json::Value;
use tracing::warn;

use super::answer::Subject;
use super::behaviour::{self, Technique};
use super::client::{Call, VirusTotal};
use super::descriptors;
use super::error::Error;
use super::objects::Descriptor;
use super::page::{Page, is_sha256, why};
use super::quota::{Quotas, User};
use super::relations::{Listed, PAGE as RELATED_PAGE, is_premium};
use super::search::{Search, UNDOCUMENTED, Without, named, parameters};
use crate::base::text::quoted;

impl VirusTotal {
    /// One page of a search: one request, and more only where a transient fault,
    /// an undocumented parameter or a forbidden relationship makes it try again.
    pub async fn search(&self, search: &Search, cursor: Option<&str>) -> Result<Page, Error> {
        let known = self.without();
        let refusal = match self.search_once(search, cursor, &known).await {
            Err(error) if refuses(&error) => error,
            other => return other,
        };
        for less in self.suspects(search, cursor, &refusal) {
            let without = known.clone().and(&less);
            match self.search_once(search, cursor, &without).await {
                Err(error) if refuses(&error) => {}
                Err(error) => return Err(error),
                Ok(page) => {
                    warn!(vt.parameters = %less.names().join(","), vt.said = %refusal,
                        "VirusTotal refuses the search for what it is asked to send along; going on without that");
                    self.go_without(&less);
                    return Ok(page);
                }
            }
        }
        if !matches!(refusal, Error::NotLicensed { .. }) {
            self.probed().store(true, Ordering::Relaxed);
        }
        Err(refusal)
    }

    /// What a refused search may pass without, most likely first.
    fn suspects(&self, search: &Search, cursor: Option<&str>, refusal: &Error) -> Vec<Without> {
        let sent = parameters(search, cursor, &self.without());
        let is_sent = |name: &&str| sent.iter().any(|(sent, _)| sent == name);
        let said = match refusal {
            Error::BadQuery { said } | Error::CursorRefused { said } => said,
            _ => return forbidden(&sent),
        };
        let mut named = named(said);
        named.retain(is_sent);
        if !named.is_empty() {
            return vec![Without::these(&named)];
        }
        // Behind a page that passed it is the cursor; and once is enough.
        if cursor.is_some() || self.probed().load(Ordering::Relaxed) {
            return Vec::new();
        }
        let unproven: Vec<_> = UNDOCUMENTED.into_iter().filter(is_sent).collect();
        let mut sets: Vec<_> = unproven
            .iter()
            .map(|&name| Without::these(&[name]))
            .collect();
        if unproven.len() > 1 {
            sets.push(Without::these(&unproven));
        }
        sets
    }

    async fn search_once(
        &self,
        search: &Search,
        cursor: Option<&str>,
        without: &Without,
    ) -> Result<Page, Error> {
        let mut url = self.url(&["intelligence", "search"]);
        url.query_pairs_mut()
            .extend_pairs(parameters(search, cursor, without));
        let call = Call {
            url,
            path: "/intelligence/search".to_owned(),
            subject: Subject {
                name: "the Intelligence search".to_owned(),
                is_search: true,
                by_cursor: cursor.is_some(),
            },
            endpoint: "intelligence_search",
            charged: true,
        };
        self.get(&call, Page::parse).await
    }

    /// Full objects of a relationship whose objects are files, at most 40 a page.
    pub async fn related_files(
        &self,
        sha256: &str,
        relationship: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page, Error> {
        let call = self.related((sha256, relationship), &[relationship], limit, cursor)?;
        self.get(&call, Page::parse).await
    }

    /// Descriptors of a relationship, at most 40 a page: all there is to know of
    /// an address, a domain or a URL.
    pub async fn descriptors(
        &self,
        sha256: &str,
        relationship: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Descriptor>, Error> {
        let path = ["relationships", relationship];
        let call = self.related((sha256, relationship), &path, limit, cursor)?;
        self.get(&call, descriptors::parse).await
    }

    /// The call for a page of a file's relationship; `path` stands behind the
    /// file's.
    fn related(
        &self,
        (sha256, relationship): (&str, &str),
        path: &[&str],
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Call, Error> {
        let name = format!("{} of {}", quoted(relationship), quoted(sha256));
        if !is_sha256(sha256) {
            return Err(Error::BadRequest {
                what: name,
                said: "not sent: no SHA-256".to_owned(),
            });
        }
        let path = [&["files", sha256], path].concat();
        let mut url = self.url(&path);
        let limit = limit.clamp(1, RELATED_PAGE).to_string();
        url.query_pairs_mut().append_pair("limit", &limit);
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let shown: Vec<_> = path.iter().map(|part| quoted(part)).collect();
        Ok(Call {
            path: format!("/{}", shown.join("/")),
            url,
            subject: Subject {
                name,
                is_search: false,
                by_cursor: cursor.is_some(),
            },
            endpoint: "file_relationships",
            charged: true,
        })
    }

    /// Techniques that sandboxes saw a file use. One that no sandbox ran is not
    /// found, or has none.
    pub async fn techniques(&self, sha256: &str) -> Result<Vec<Technique>, Error> {
        const NAME: &str = "behaviour_mitre_trees";
        let name = format!("{NAME} of {}", quoted(sha256));
        if !is_sha256(sha256) {
            return Err(Error::BadRequest {
                what: name,
                said: "not sent: no SHA-256".to_owned(),
            });
        }
        let call = Call {
            url: self.url(&["files", sha256, NAME]),
            path: format!("/files/{sha256}/{NAME}"),
            subject: subject(&name),
            endpoint: "file_behaviour_mitre_trees",
            charged: true,
        };
        self.get(&call, behaviour::parse).await
    }

    /// How much of the quotas is used. Free; the account's id is learned first.
    pub async fn overall_quotas(&self) -> Result<Quotas, Error> {
        let user = self.user().await?;
        let call = Call {
            url: self.url(&["users", &user.id, "overall_quotas"]),
            path: "/users/{id}/overall_quotas".to_owned(),
            subject: subject("the account's quotas"),
            endpoint: "user_overall_quotas",
            charged: false,
        };
        self.get(&call, |body| {
            let data = data(body)?;
            Quotas::parse(&data).ok_or_else(|| "its `data` is not a map of quotas".to_owned())
        })
        .await
    }

    /// The account that the key belongs to; asked for once.
    ///
    /// `/users/me` keeps the key out of the address, and is documented nowhere;
    /// where it is not answered the documented `/users/{key}` is asked, over
    /// HTTPS or to this machine only.
    pub async fn user(&self) -> Result<User, Error> {
        let key = self.key();
        let user = key.user.get_or_try_init(|| async {
            let refusal = match self.user_at("me", "/users/me").await {
                Ok(user) => return Ok(user),
                Err(
                    error @ (Error::NotFound { .. }
                    | Error::BadRequest { .. }
                    | Error::NotLicensed { .. }),
                ) => error,
                Err(error) => return Err(error),
            };
            let id = key.secret.expose();
            if !self.is_private() || [".", ".."].contains(&id) {
                return Err(refusal);
            }
            match self.user_at(id, "/users/{key}").await {
                // A key that it does not know is refused (401), and one that it
                // knows has an account: this is not VirusTotal's API.
                Err(Error::NotFound { what, said }) => Err(Error::WrongAddress { what, said }),
                answer => answer,
            }
        });
        user.await.cloned()
    }

    async fn user_at(&self, id: &str, path: &str) -> Result<User, Error> {
        let call = Call {
            url: self.url(&["users", id]),
            path: path.to_owned(),
            subject: subject("the account of the key"),
            endpoint: "user_info",
            // Counted, as nobody promises that it is free.
            charged: true,
        };
        self.get(&call, |body| {
            let data = data(body)?;
            let user = User::parse(&data).ok_or_else(|| "it names no user".to_owned())?;
            // The id gets shown; the key must not.
            if user.id.eq_ignore_ascii_case(self.key().secret.expose()) {
                return Err("it names the key instead of a user".to_owned());
            }
            Ok(user)
        })
        .await
    }
}

/// Whether a search is refused for what stands in it.
fn refuses(error: &Error) -> bool {
    matches!(
        error,
        Error::BadQuery { .. } | Error::CursorRefused { .. } | Error::NotLicensed { .. }
    )
}

/// A key that may not search gets the same 403 as one that names a relationship
/// it may not read: only a search without tells. Tried at every such refusal, at
/// most two requests more, since a licence can change while the connector runs.
fn forbidden(sent: &[(&'static str, String)]) -> Vec<Without> {
    let relationships = sent.iter().find(|(name, _)| *name == "relationships");
    let Some((name, list)) = relationships else {
        return Vec::new();
    };
    let premium = list.split(',').any(is_premium);
    let others = !list.split(',').all(is_premium);
    let sets = [
        premium.then(Without::premium),
        others.then(|| Without::these(&[name])),
    ];
    sets.into_iter().flatten().collect()
}

pub(super) fn subject(name: &str) -> Subject {
    Subject {
        name: name.to_owned(),
        is_search: false,
        by_cursor: false,
    }
}

/// The `data` of an answer that is small.
pub(super) fn data(body: &[u8]) -> Result<Value, String> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| why(&error))?;
    value
        .get_mut("data")
        .map(Value::take)
        .ok_or_else(|| "it has no `data`".to_owned())
}
