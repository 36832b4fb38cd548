//! Relationships of a file: those whose descriptors come with the page and say
//! it all, and those whose objects need a call.
//!
//! | relationship                         | comes with the page       | asked for by a call         |
//! |--------------------------------------|---------------------------|-----------------------------|
//! | contacted ips, domains, urls and so on | descriptors: all we need | where it is not told        |
//! | similar, dropped files and so on     | descriptors: whether any  | where there are some or it is not told |

use super::objects::File;
use super::page::{Loss, Odd, Page};

/// Objects a page; VirusTotal refuses more.
pub const PAGE: u32 = 40;

/// Relationships that every key may read; the others need a premium licence.
const EVERYONE: [&str; 13] = [
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

/// Whether the relationship `name` needs a premium licence.
pub(crate) fn is_premium(name: &str) -> bool {
    !EVERYONE.contains(&name)
}

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
    let Some(data) = &relationship.data else {
        return Embedded::NotTold;
    };
    let count = data.iter().filter(|one| one.error.is_none()).count();
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

/// A page of a relationship: files, or descriptors.
#[derive(Debug)]
pub struct Listed<T> {
    /// Those that could be read.
    pub found: Vec<T>,
    /// What could not.
    pub odd: Vec<Odd>,
    /// Where the next page begins; `None` on the last one.
    pub cursor: Option<String>,
}

impl From<Page> for Listed<File> {
    fn from(page: Page) -> Self {
        Self {
            found: page.files,
            odd: page.odd,
            cursor: page.cursor,
        }
    }
}

/// Related objects, as far as they could be had.
#[derive(Debug)]
pub struct Related<T, E> {
    /// At most as many as were asked for.
    pub found: Vec<T>,
    /// What could not be read.
    pub odd: Vec<Odd>,
    /// There are more than the cap lets through.
    pub more: bool,
    /// What ended it early; what came before is in `found`.
    pub failed: Option<E>,
}

/// Fetches related objects page by page, at most `most` of them. `fetch` gets
/// the page's size and the cursor. A failure keeps what came before it.
pub async fn gather<T, E>(
    most: u32,
    fetch: impl AsyncFn(u32, Option<String>) -> Result<Listed<T>, E>,
) -> Related<T, E> {
    let mut related = Related {
        found: Vec::new(),
        odd: Vec::new(),
        more: false,
        failed: None,
    };
    let mut cursors = super::cursor::CursorGuard::new(most.max(1) as usize);
    let mut cursor = None;
    let mut left = most;
    while left > 0 {
        let page = match fetch(left.min(PAGE), cursor).await {
            Ok(page) => page,
            Err(error) => {
                related.failed = Some(error);
                break;
            }
        };
        // Stubs count too: they took a place on the page.
        let stubs = page.odd.iter().filter(|odd| odd.loss != Loss::Attributes);
        let came = page.found.len() + stubs.count();
        related.found.extend(page.found);
        related.odd.extend(page.odd);
        left = left.saturating_sub(u32::try_from(came).unwrap_or(u32::MAX));
        // A cursor that repeats ends it: the objects so far are sound.
        cursor = cursors.accept(page.cursor).unwrap_or(None);
        if cursor.is_none() {
            break;
        }
        related.more = left == 0;
    }
    related.more |= related.found.len() > most as usize;
    related.found.truncate(most as usize);
    related
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn page(from: usize, count: usize, cursor: Option<&str>) -> Listed<File> {
        let files = (from..from + count).map(|n| File {
            id: format!("{n:064x}"),
            ..File::default()
        });
        Listed {
            found: files.collect(),
            odd: Vec::new(),
            cursor: cursor.map(str::to_owned),
        }
    }

    /// Gathers `most` from a server that has `total`; returns what came and
    /// what was asked for.
    async fn gathered(most: u32, total: usize) -> (Related<File, ()>, Vec<u32>) {
        let asked = RefCell::new(Vec::new());
        let related = gather(most, async |limit, cursor: Option<String>| {
            asked.borrow_mut().push(limit);
            let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            let count = (limit as usize).min(total - from);
            let next = (from + count < total).then(|| (from + count).to_string());
            Ok(page(from, count, next.as_deref()))
        })
        .await;
        (related, asked.into_inner())
    }

    #[tokio::test]
    async fn all_pages_are_read_up_to_the_cap() {
        for (most, total, came, more, asked) in [
            (40, 25, 25, false, vec![40]),
            (40, 40, 40, false, vec![40]),
            (40, 41, 40, true, vec![40]),
            (100, 90, 90, false, vec![40, 40, 20]),
            (50, 90, 50, true, vec![40, 10]),
            (0, 90, 0, false, vec![]),
        ] {
            let (related, limits) = gathered(most, total).await;
            assert_eq!(
                (related.found.len(), related.more),
                (came, more),
                "{most} of {total}"
            );
            assert_eq!(limits, asked, "{most} of {total}");
        }
    }

    #[tokio::test]
    async fn a_failure_keeps_what_came_before_it_and_a_circle_ends() {
        let related = gather(100, async |_, cursor: Option<String>| match cursor {
            None => Ok(page(0, 40, Some("next"))),
            Some(_) => Err("503"),
        })
        .await;
        assert_eq!((related.found.len(), related.failed), (40, Some("503")));
        let circle = gather(1000, async |_, _| Ok::<_, ()>(page(0, 5, Some("same")))).await;
        assert_eq!(circle.found.len(), 10);
    }

    #[test]
    fn a_call_is_needed_only_where_descriptors_say_so_or_say_nothing() {
        let file: File = serde_json::from_str(
            r#"{"id":"x","relationships":{
                "similar_files":{"data":[]},
                "dropped_files":{"data":[{"type":"file","id":"a"},{"type":"file","id":"b","error":{"code":"NotFoundError"}}],"meta":{"cursor":"c"}},
                "execution_parents":{"error":{"code":"ForbiddenError"}},
                "overlay_parents":{"data":null}}}"#,
        )
        .unwrap();
        assert_eq!(embedded(&file, "similar_files"), Embedded::None);
        for name in ["overlay_parents", "execution_parents"] {
            assert_eq!(embedded(&file, name), Embedded::NotTold, "{name}");
        }
        let some = Embedded::Some {
            count: 1,
            more: true,
        };
        assert_eq!(embedded(&file, "dropped_files"), some);
        assert_eq!(embedded(&file, "bundled_files"), Embedded::NotTold);
        assert_eq!(objects("contacted_urls"), Objects::Network);
        assert_eq!(objects("similar_files"), Objects::Files);
    }
}
