//! What the files of a block are related to.

use super::block::{Block, Code, Severity, Shelf, aspect};
use super::dice::{Dice, fingerprint, mix};
use super::json::push_hex;
use super::words::{HOST_ENDS, HOST_WORDS, PATHS};

/// A related thing of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// `ip_address`, `domain`, `url`.
    pub(crate) kind: &'static str,
    /// The address, the name, the URL.
    pub(crate) text: String,
}

impl Network {
    /// VirusTotal's id: of a URL a hash.
    pub(crate) fn id(&self) -> String {
        if self.kind != "url" {
            return self.text.clone();
        }
        let front = fingerprint(&self.text);
        let mut id = String::with_capacity(64);
        push_hex(&mut id, front);
        for nth in 1..4 {
            push_hex(&mut id, mix(front ^ mix(nth)));
        }
        id
    }
}

impl Block {
    /// The files at the other end of `similar_files` or `dropped_files`; empty
    /// for other relationships.
    pub(crate) fn related_files(&self, code: Code, relationship: &str) -> Vec<Code> {
        let salt = match relationship {
            "similar_files" => 1,
            "dropped_files" => 2,
            _ => return Vec::new(),
        };
        let mut dice = Dice::new(self.key(code), aspect::RELATED + (salt << 8));
        let count = self.related_number(code, &mut dice, relationship);
        // Neighbouring files share their relations: families are like that.
        let base = dice.below(u64::from(self.related_count() / 16)) * 16;
        let mut list = Vec::with_capacity(count as usize);
        for nth in 0..count {
            let related = self.one_related(code, &mut dice, (base + nth, nth), salt == 2);
            if related != code && !list.contains(&related) {
                list.push(related);
            }
        }
        list
    }

    fn one_related(&self, code: Code, dice: &mut Dice, at: (u64, u64), dropped: bool) -> Code {
        let (place, nth) = at;
        match dice.below(24) {
            // Another file that the search finds by itself.
            0..=3 => Code {
                shelf: Shelf::Main,
                number: ((u64::from(code.number) + 1 + nth) % u64::from(self.count.max(1))) as u32,
            },
            4 if dropped => Code {
                shelf: Shelf::Missing,
                number: dice.throw() as u32,
            },
            _ => Code {
                shelf: Shelf::Related,
                number: (place % u64::from(self.related_count())) as u32,
            },
        }
    }

    /// The ends of `contacted_ips`, `contacted_domains` and `contacted_urls`;
    /// empty for other relationships.
    pub(crate) fn network(&self, code: Code, relationship: &str) -> Vec<Network> {
        let (salt, make): (u64, fn(u64) -> Network) = match relationship {
            "contacted_ips" => (1, address),
            "contacted_domains" => (2, domain),
            "contacted_urls" => (3, url),
            _ => return Vec::new(),
        };
        let mut dice = Dice::new(self.key(code), aspect::NETWORK + (salt << 8));
        let count = self.related_number(code, &mut dice, relationship);
        let base = dice.below(3000);
        (base..base + count).map(make).collect()
    }

    fn related_number(&self, code: Code, dice: &mut Dice, relationship: &str) -> u64 {
        if code.shelf != Shelf::Main {
            return 0;
        }
        let (some, many) = match relationship {
            "similar_files" => (12, 60),
            "dropped_files" => (6, 50),
            _ => (5, 34),
        };
        match self.facts(code).severity {
            Severity::High if dice.chance(1, 5) => dice.between(21, many),
            Severity::High => dice.between(0, some),
            Severity::Medium if dice.chance(1, 2) => dice.between(0, some),
            Severity::Low if dice.chance(1, 4) => dice.between(0, 3),
            _ => 0,
        }
    }
}

fn address(number: u64) -> Network {
    let last = 1 + number % 254;
    let text = match (number / 254) % 4 {
        0 => format!("192.0.2.{last}"),
        1 => format!("198.51.100.{last}"),
        2 => format!("203.0.113.{last}"),
        _ => format!("2001:db8:{:x}::{last:x}", number / 1016),
    };
    Network {
        kind: "ip_address",
        text,
    }
}

fn host(number: u64) -> String {
    let word = HOST_WORDS[(number % HOST_WORDS.len() as u64) as usize];
    let end = HOST_ENDS[(mix(number) % HOST_ENDS.len() as u64) as usize];
    format!("{word}{number}.{end}")
}

fn domain(number: u64) -> Network {
    Network {
        kind: "domain",
        text: host(number),
    }
}

fn url(number: u64) -> Network {
    let path = PATHS[(mix(number ^ 5) % PATHS.len() as u64) as usize];
    let scheme = if number.is_multiple_of(3) {
        "http"
    } else {
        "https"
    };
    let host = if number.is_multiple_of(11) {
        format!("203.0.113.{}:8080", 1 + number % 254)
    } else {
        host(number)
    };
    Network {
        kind: "url",
        text: format!("{scheme}://{host}{path}"),
    }
}
