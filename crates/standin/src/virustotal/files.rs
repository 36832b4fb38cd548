//! `GET /files/{hash}` and what lies below it.

use super::account::Licence;
use super::cursor::{offset, read_offset};
use super::refusal::Refusal;
use super::route::{Access, Parameters, relationship};
use super::world::entry::quoted;
use super::world::json::push_list;
use super::world::{Entry, Related, View, World};

/// Most objects a relationship's page can have.
const LARGEST_PAGE: usize = 40;

/// What a look-up needs to know besides its parameters.
pub(crate) struct Ground<'a> {
    pub(crate) world: &'a World,
    pub(crate) base: &'a str,
    pub(crate) licence: Licence,
}

impl<'a> Ground<'a> {
    fn find(&self, hash: &str) -> Result<Entry<'a>, Refusal> {
        self.world
            .find(hash)
            .ok_or_else(|| Refusal::not_found(format!("File \"{hash}\" not found")))
    }

    fn may_read(&self, name: &str) -> Result<(), Refusal> {
        match relationship(name) {
            Some(Access::Licensed) if self.licence == Licence::Free => Err(Refusal::forbidden()),
            Some(_) => Ok(()),
            None => Err(Refusal::not_found(format!(
                "Relationship \"{name}\" not found"
            ))),
        }
    }

    fn view(&self, parameters: &Parameters) -> Result<View, Refusal> {
        Ok(View {
            base: self.base.to_owned(),
            exclude: parameters.list("exclude_attributes"),
            relationships: parameters.relationships()?,
            descriptors_only: false,
            bulk: self.world.bulk(),
        })
    }
}

/// The file itself.
pub(crate) fn file(
    parameters: &Parameters,
    ground: &Ground,
    hash: &str,
) -> Result<String, Refusal> {
    let view = ground.view(parameters)?;
    let entry = ground.find(hash)?;
    let mut out = String::from("{\"data\":");
    entry.write(&mut out, &view);
    out.push('}');
    Ok(out)
}

/// A page of related objects, whole or as descriptors.
pub(crate) fn related(
    parameters: &Parameters,
    ground: &Ground,
    (hash, name): (&str, &str),
    descriptors: bool,
) -> Result<String, Refusal> {
    ground.may_read(name)?;
    let view = ground.view(parameters)?;
    let limit = parameters.limit(LARGEST_PAGE)?;
    let entry = ground.find(hash)?;
    let id = entry.id();
    let skip = match parameters.get("cursor") {
        Some(cursor) => read_offset(cursor, &id, name)?,
        None => 0,
    };
    let all = entry.related(name);
    let end = all.len().min(skip + limit);
    let page = all.get(skip..end).unwrap_or_default();
    let between = if descriptors { "/relationships" } else { "" };
    let own = format!("{}/files/{id}{between}/{name}?limit={limit}", ground.base);
    let next = (end < all.len()).then(|| offset(&id, name, end));
    Ok(write(page, &view, descriptors, (&own, all.len(), next)))
}

fn write(
    page: &[Related],
    view: &View,
    descriptors: bool,
    (own, count, next): (&str, usize, Option<String>),
) -> String {
    let mut out = String::from("{\"data\":");
    push_list(&mut out, page, |out, one| {
        if descriptors {
            one.write_descriptor(out);
        } else {
            one.write(out, view);
        }
    });
    out.push_str(&format!(",\"meta\":{{\"count\":{count}"));
    if let Some(cursor) = &next {
        out.push_str(&format!(",\"cursor\":\"{cursor}\""));
    }
    out.push_str(&format!("}},\"links\":{{\"self\":{}", quoted(own)));
    if let Some(cursor) = &next {
        out.push_str(&format!(
            ",\"next\":{}",
            quoted(&format!("{own}&cursor={cursor}"))
        ));
    }
    out.push_str("}}");
    out
}

/// Tactics and techniques by sandbox.
pub(crate) fn mitre_trees(ground: &Ground, hash: &str) -> Result<String, Refusal> {
    let entry = ground.find(hash)?;
    let trees = entry
        .mitre()
        .ok_or_else(|| Refusal::not_found(format!("File \"{hash}\" has no behaviour")))?;
    let own = format!("{}/files/{}/behaviour_mitre_trees", ground.base, entry.id());
    Ok(format!(
        "{{\"data\":{trees},\"links\":{{\"self\":{}}}}}",
        quoted(&own)
    ))
}
