//! Relationships of a file: those whose descriptors come with the page and say
//! it all, and those whose objects need a call.
//!
//! | relationship                         | comes with the page       | asked for by a call         |
//! |--------------------------------------|---------------------------|-----------------------------|
//! | contacted ips, domains, urls and so on | descriptors: all we need | never                       |
//! | similar, dropped files and so on     | descriptors: whether any  | where there are some or it is not told |

use super::client::RELATED_PAGE;
use super::objects::File;
use super::page::{Odd, Page};

/// What the objects of a relationship are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Addresses, names or URLs: a descriptor says it all.
    Network,
    /// Files: a descriptor has the id only, hashes and severity need a call.
    Files,
}

/// What the objects of the relationship `name` are, by VirusTotal's naming:
/// `..._ips`, `..._domains`, `..._urls` are network objects.
pub fn objects(name: &str) -> Objects {
    let network = ["_ips", "_domains", "_urls"];
    if network.iter().any(|ending| name.ends_with(ending)) {
        Objects::Network
    } else {
        Objects::Files
    }
}

/// What came with the page about a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedded {
    /// There are none: no call is needed.
    None,
    /// There are so many, and possibly more.
    Some {
        /// Descriptors that came along.
        count: usize,
        /// There are more than came along.
        more: bool,
    },
    /// The page does not say: the relationship was not asked for, or refused.
    NotTold,
}

/// What came with the page about the relationship `name` of `file`.
pub fn embedded(file: &File, name: &str) -> Embedded {
    let Some(relationship) = file.relationships.get(name) else {
        return Embedded::NotTold;
    };
    let count = relationship
        .data
        .iter()
        .filter(|one| one.error.is_none())
        .count();
    let more = relationship
        .meta
        .cursor
        .as_deref()
        .is_some_and(|cursor| !cursor.is_empty());
    if count == 0 && !more {
        return Embedded::None;
    }
    Embedded::Some { count, more }
}

/// Related files, as far as they could be had.
#[derive(Debug)]
pub struct Related<E> {
    /// At most as many as were asked for.
    pub files: Vec<File>,
    /// What could not be read.
    pub odd: Vec<Odd>,
    /// There are more than the cap lets through.
    pub more: bool,
    /// What ended it early; what came before is in `files`.
    pub failed: Option<E>,
}

/// Fetches related files page by page, at most `most` of them. `fetch` gets the
/// page's size and the cursor. A failure keeps what came before it.
pub async fn gather<E>(
    most: u32,
    fetch: impl AsyncFn(u32, Option<String>) -> Result<Page, E>,
) -> Related<E> {
    let mut related = Related {
        files: Vec::new(),
        odd: Vec::new(),
        more: false,
        failed: None,
    };
    let mut cursors = super::search::CursorGuard::new(most.max(1) as usize);
    let mut cursor = None;
    let mut left = most;
    while left > 0 {
        let page = match fetch(left.min(RELATED_PAGE), cursor).await {
            Ok(page) => page,
            Err(error) => {
                related.failed = Some(error);
                break;
            }
        };
        // Stubs count too: they took a place on the page.
        let came = page.files.len() + page.odd.iter().filter(|odd| odd.lost).count();
        related.files.extend(page.files);
        related.odd.extend(page.odd);
        left = left.saturating_sub(u32::try_from(came).unwrap_or(u32::MAX));
        // A cursor that repeats ends it: the objects so far are sound.
        cursor = cursors.accept(page.cursor).unwrap_or(None);
        if cursor.is_none() {
            break;
        }
        related.more = left == 0;
    }
    related.more |= related.files.len() > most as usize;
    related.files.truncate(most as usize);
    related
}
