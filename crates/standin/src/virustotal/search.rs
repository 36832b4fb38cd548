//! `GET /intelligence/search`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use url::form_urlencoded::Serializer;

use super::cursor::{Cursor, question};
use super::query::{Field, Node, Subject, parse};
use super::refusal::Refusal;
use super::route::Parameters;
use super::world::entry::quoted;
use super::world::json::push_list;
use super::world::{View, World};
use crate::server::lock;

/// Most objects a page can have.
const LARGEST_PAGE: usize = 300;

/// How many questions' answers are kept, so that a page need not look at every
/// file again.
const KEPT: usize = 4;

/// A file's value in the order, turned over for a descending one, and its place.
type Rank = (i64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    field: Field,
    descending: bool,
}

impl Order {
    fn read(text: Option<&str>) -> Result<Self, Refusal> {
        let text = text.unwrap_or("last_submission_date-");
        let (name, descending) = match text.strip_suffix('-') {
            Some(name) => (name, true),
            None => (text.strip_suffix('+').unwrap_or(text), false),
        };
        let field = match name {
            "first_submission_date" => Field::FirstSubmission,
            "last_submission_date" => Field::LastSubmission,
            "positives" => Field::Positives,
            "times_submitted" => Field::Submissions,
            "size" => Field::Size,
            _ => {
                return Err(Refusal::bad_argument(format!("Invalid order \"{text}\"")));
            }
        };
        Ok(Self { field, descending })
    }

    fn rank(self, subject: &Subject, place: u64) -> Rank {
        let value = subject.value(self.field).unwrap_or(0);
        // `!` turns the order of integers over, without their overflow.
        (if self.descending { !value } else { value }, place)
    }
}

#[derive(Debug)]
struct Found {
    query: Node,
    order: Order,
    /// Which state of the world it was found in.
    version: u64,
    ranks: Arc<Vec<Rank>>,
}

/// The searches that were made last, with all that they found.
#[derive(Debug, Default)]
pub(crate) struct Searches(Mutex<VecDeque<Found>>);

impl Searches {
    fn find(&self, world: &World, version: u64, query: Node, order: Order) -> Arc<Vec<Rank>> {
        let mut kept = lock(&self.0);
        let same = |found: &&Found| {
            found.version == version && found.order == order && found.query == query
        };
        if let Some(found) = kept.iter().find(same) {
            return found.ranks.clone();
        }
        let mut ranks: Vec<Rank> = world
            .entries()
            .filter_map(|(place, entry)| {
                let subject = Subject::new(entry);
                subject.is(&query).then(|| order.rank(&subject, place))
            })
            .collect();
        ranks.sort_unstable();
        let ranks = Arc::new(ranks);
        kept.truncate(KEPT - 1);
        kept.push_front(Found {
            query,
            order,
            version,
            ranks: ranks.clone(),
        });
        ranks
    }
}

/// What a search needs to know besides its parameters.
pub(crate) struct Ground<'a> {
    pub(crate) world: &'a World,
    pub(crate) version: u64,
    pub(crate) searches: &'a Searches,
    pub(crate) base: &'a str,
    pub(crate) now: DateTime<Utc>,
    /// Cursors of another epoch have expired.
    pub(crate) epoch: u64,
    /// Whether the last page with files has a cursor too.
    pub(crate) empty_page: bool,
    pub(crate) embedding: &'a Embedding,
    /// Whether `fs:T+` leaves `T` itself out.
    pub(crate) excluding: bool,
}

/// What a search does about `relationships`, which VirusTotal's own examples use
/// and nothing documents for it.
#[derive(Clone, Debug, Default)]
pub enum Embedding {
    /// Sends along what it is asked for.
    #[default]
    Given,
    /// 403 for the whole search, where it names one of these.
    Forbidden(Vec<&'static str>),
    /// These do not come along, as if they had not been asked for.
    LeftOut(Vec<&'static str>),
}

impl Embedding {
    fn apply(&self, mut asked: Vec<String>) -> Result<Vec<String>, Refusal> {
        match self {
            Self::Given => {}
            Self::Forbidden(names) => {
                if asked.iter().any(|name| names.contains(&name.as_str())) {
                    return Err(Refusal::forbidden());
                }
            }
            Self::LeftOut(names) => asked.retain(|name| !names.contains(&name.as_str())),
        }
        Ok(asked)
    }
}

/// One page, as JSON.
pub(crate) fn search(parameters: &Parameters, ground: &Ground) -> Result<String, Refusal> {
    let text = parameters
        .get("query")
        .ok_or_else(|| Refusal::bad_request("Parameter \"query\" is missing"))?;
    let limit = parameters.limit(LARGEST_PAGE)?;
    let order = Order::read(parameters.get("order"))?;
    let view = View {
        base: ground.base.to_owned(),
        exclude: parameters.list("exclude_attributes"),
        relationships: ground.embedding.apply(parameters.relationships()?)?,
        descriptors_only: parameters.flag("descriptors_only")?,
        bulk: ground.world.bulk(),
    };
    let of = of(parameters);
    let after = match parameters.get("cursor") {
        Some(cursor) => Cursor::read(cursor, of, ground.epoch)?,
        None => start(of, ground.epoch),
    };
    let query = parse(text, ground.now.timestamp())?;
    let query = match ground.excluding {
        true => query.excluding_edges(),
        false => query,
    };
    let ranks = ground
        .searches
        .find(ground.world, ground.version, query, order);
    let skip = ranks.partition_point(|&rank| rank <= (after.value, after.place));
    let page = &ranks[skip..ranks.len().min(skip + limit)];
    let more = skip + page.len() < ranks.len() || (ground.empty_page && !page.is_empty());
    let cursor = page.last().filter(|_| more).map(|&(value, place)| {
        let cursor = Cursor {
            value,
            place,
            ..after
        };
        cursor.text()
    });
    Ok(write(parameters, ground, &view, page, cursor))
}

/// A cursor that leads to the first page.
pub(crate) fn first_cursor(parameters: &Parameters, epoch: u64) -> String {
    start(of(parameters), epoch).text()
}

fn start(of: u64, epoch: u64) -> Cursor {
    Cursor {
        of,
        epoch,
        value: i64::MIN,
        place: 0,
    }
}

/// What a cursor is bound to.
fn of(parameters: &Parameters) -> u64 {
    let part = |name| parameters.get(name).unwrap_or_default();
    question(&["search", part("query"), part("order")])
}

fn write(
    parameters: &Parameters,
    ground: &Ground,
    view: &View,
    page: &[Rank],
    cursor: Option<String>,
) -> String {
    let guess = view.bulk.max(2_000) + 2_000;
    let mut out = String::with_capacity(page.len() * guess + 1_000);
    out.push_str("{\"data\":");
    let entries = page.iter().filter_map(|&(_, place)| ground.world.at(place));
    push_list(&mut out, entries, |out, entry| entry.write(out, view));
    let link = |cursor: Option<&str>| {
        let mut to = Serializer::new(format!("{}/intelligence/search?", ground.base));
        to.extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        to.extend_pairs(parameters.all().filter(|(name, _)| *name != "cursor"));
        quoted(&to.finish())
    };
    let own = link(parameters.get("cursor"));
    match cursor {
        Some(cursor) => {
            let next = link(Some(&cursor));
            out.push_str(",\"meta\":{\"cursor\":");
            out.push_str(&quoted(&cursor));
            out.push_str("},\"links\":{\"self\":");
            out.push_str(&own);
            out.push_str(",\"next\":");
            out.push_str(&next);
        }
        None => {
            out.push_str(",\"meta\":{},\"links\":{\"self\":");
            out.push_str(&own);
        }
    }
    out.push_str("}}");
    out
}
