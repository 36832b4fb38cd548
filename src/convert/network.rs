//! Contacted addresses, from the descriptors that come with a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::indicator::{self, ForNetwork};
use super::left_out::{LeftOut, Reasons};
use super::relationship::{Links, Way};
use super::role::Role;
use super::uri::uri;
use crate::base::text::is_hexadecimal;
use crate::stix::Object;
use crate::stix::id::{self, Id};
use crate::stix::sco::{Provenance, Value};
use crate::virustotal::gui::GuiPage;
use crate::virustotal::objects::{Descriptor, File};

/// Bytes of a URL. A longer one is left out: cut, it would be another URL.
pub const MAX_URL: usize = 4096;

/// What is known of a file's contacts.
#[derive(Clone, Copy)]
pub(crate) struct Contacted<'a> {
    /// What came with it.
    pub(crate) file: &'a File,
    /// What had to be asked for, by relationship.
    pub(crate) asked: &'a BTreeMap<&'static str, Vec<Descriptor>>,
    /// At most so many of each relationship.
    pub(crate) most: usize,
}

impl<'a> Contacted<'a> {
    /// The descriptors of a relationship, and whether VirusTotal has more.
    fn of(&self, name: &str) -> (&'a [Descriptor], bool) {
        if let Some(asked) = self.asked.get(name) {
            return (asked, false);
        }
        let Some(relationship) = self.file.relationships.get(name) else {
            return (&[], false);
        };
        let cursor = relationship.meta.cursor.as_deref();
        let more = cursor.is_some_and(|cursor| !cursor.is_empty());
        (relationship.data.as_deref().unwrap_or_default(), more)
    }
}

/// Adds what a file contacts.
///
/// | STIX          | VirusTotal                                    | relationship |
/// |---------------|-----------------------------------------------|--------------|
/// | `ipv4-addr`   | `contacted_ips`, `id`                         | `communicates-with` |
/// | `ipv6-addr`   | `contacted_ips`, `id`, in its shortest form   | `communicates-with` |
/// | `domain-name` | `contacted_domains`, `id`, in lower case      | `communicates-with` |
/// | `url`         | `contacted_urls`, `context_attributes.url`, encoded where STIX wants it | `related-to` |
///
/// Addresses that name no host on the Internet are left out: a sandbox's own
/// network would tie together files that have nothing to do with each other.
///
/// `indicators` is what an indicator for each is made with; `None` = no indicators.
pub(crate) fn descriptors(
    contacted: Contacted<'_>,
    parent: Id,
    indicators: Option<ForNetwork<'_>>,
    links: &Links<'_>,
    into: &mut Vec<Object>,
    left_out: &mut Reasons<LeftOut>,
) {
    let kinds: [(&str, Way, Convert); 3] = [
        ("contacted_ips", Way::ContactsAddress, address),
        ("contacted_domains", Way::ContactsDomain, domain),
        ("contacted_urls", Way::ContactsUrl, url),
    ];
    for (name, way, convert) in kinds {
        let (told, cut) = contacted.of(name);
        if cut {
            left_out.add(LeftOut::MoreAtSource);
        }
        let mut kept = 0;
        for descriptor in told {
            if kept == contacted.most {
                left_out.add(LeftOut::RelatedOverCap);
            } else if let Some(error) = &descriptor.error {
                left_out.add(match error.code.as_str() {
                    "NotFoundError" => LeftOut::RelatedNotThere,
                    _ => LeftOut::RelatedUnreadable,
                });
            } else {
                match convert(descriptor, links.provenance) {
                    Ok((object, value)) => {
                        let id = object.id();
                        into.push(object);
                        into.push(links.link(way, parent, id));
                        if let Some(wanted) = indicators {
                            let links = links.shared();
                            indicator::of_network(id, &value, wanted, &links, into);
                        }
                        kept += 1;
                    }
                    Err(reason) => left_out.add(reason),
                }
            }
        }
    }
}

/// The observable and its value, as the object has it.
type Found<'a> = Result<(Object, Cow<'a, str>), LeftOut>;

type Convert = fn(&Descriptor, Provenance) -> Found<'_>;

fn address(descriptor: &Descriptor, provenance: Provenance) -> Found<'_> {
    let address: IpAddr = descriptor
        .id
        .trim()
        .parse()
        .map_err(|_| LeftOut::BadAddress)?;
    let address = address.to_canonical();
    let public = match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    };
    if !public {
        return Err(LeftOut::NotPublic);
    }
    let value = address.to_string();
    let (id, role) = match address {
        IpAddr::V4(_) => (id::ipv4(&value), Role::Ipv4),
        IpAddr::V6(_) => (id::ipv6(&value), Role::Ipv6),
    };
    let object = observable(id, role, provenance, &value, GuiPage::IpAddress, &value);
    Ok((object, value.into()))
}

/// Documentation ranges count as public: they are what examples are made of,
/// and no sandbox's network.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    !(first == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || first >= 240
        // Shared address space of carriers (RFC 6598).
        || (first == 100 && (64..128).contains(&second)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local())
}

fn domain(descriptor: &Descriptor, provenance: Provenance) -> Found<'_> {
    let name = descriptor.id.trim();
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    if !is_domain(&name) {
        return Err(LeftOut::BadDomain);
    }
    let id = id::domain(&name);
    let object = observable(id, Role::Domain, provenance, &name, GuiPage::Domain, &name);
    Ok((object, name.into()))
}

/// Two labels or more of letters, digits, hyphens and underscores; letters of
/// any script, since names arrive in their readable form too.
fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_') || is_mark(c))
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        // The last label of a name is never a number; that of an address is.
        && name
            .rsplit('.')
            .next()
            .is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Marks that words of some scripts are written with, and the two joiners that
/// internationalised names allow are not among them: they cannot be seen.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}'
        | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}'
        | '\u{e31}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

fn url(descriptor: &Descriptor, provenance: Provenance) -> Found<'_> {
    let text = descriptor.url().ok_or(LeftOut::UrlText)?.trim();
    let text = readable(text).ok_or(LeftOut::BadUrl)?;
    let page = descriptor.id.as_str();
    let known = page.len() == 64 && is_hexadecimal(page);
    let id = id::url(&text);
    let object = if known {
        observable(id, Role::Url, provenance, &text, GuiPage::Url, page)
    } else {
        Object::new(&Value::new(id, provenance, &text, None), Role::Url.tag())
    };
    Ok((object, text))
}

/// A URL without anything that cannot be seen: that is left out, never cleaned,
/// since without it it would be another URL.
fn readable(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > MAX_URL || crate::base::text::clean(text, MAX_URL) != text {
        return None;
    }
    uri(text).filter(|url| url.len() <= MAX_URL)
}

fn observable(
    id: Id,
    role: Role,
    provenance: Provenance,
    value: &str,
    page: GuiPage,
    key: &str,
) -> Object {
    let link = page.of(key);
    Object::new(&Value::new(id, provenance, value, Some(&link)), role.tag())
}
