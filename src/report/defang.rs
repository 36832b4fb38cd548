//! Network names that nobody opens by accident.

use crate::virustotal::facts::signs::{Sign, family_and_address};

/// Writes an address, domain or URL so that no viewer makes a link of it and no
/// browser follows it: every dot in brackets, and another scheme. Whoever needs
/// the name itself turns both back.
pub(crate) fn defang(name: &str) -> String {
    // It has no dots; the colon says that it is defanged.
    if name.parse::<std::net::Ipv6Addr>().is_ok() {
        return name.replacen(':', "[:]", 1);
    }
    let mut out = String::with_capacity(name.len() + 16);
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let (scheme, instead) = match rest.as_bytes() {
            [b'h' | b'H', b't' | b'T', b't' | b'T', b'p' | b'P', ..] => (4, "hxxp"),
            [b'f' | b'F', b't' | b'T', b'p' | b'P', b':', ..] => (3, "fxp"),
            _ => (0, ""),
        };
        if scheme > 0 {
            out.push_str(instead);
            rest = &rest[scheme..];
            continue;
        }
        match c {
            '.' => out.push_str("[.]"),
            // Wide forms that browsers read as dots.
            '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => {
                out.push('[');
                out.push(c);
                out.push(']');
            }
            c => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// A sign of a file as people may see it: no address in it can be opened.
pub(crate) fn sign(sign: Sign, name: &str) -> String {
    match sign {
        Sign::Config => {
            let (family, address) = family_and_address(name);
            format!("{family} {}", defang(address)).trim().to_owned()
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::defang;

    #[test]
    fn no_name_stays_one_that_can_be_opened() {
        let table = [
            ("c2.example.net", "c2[.]example[.]net"),
            ("203.0.113.9", "203[.]0[.]113[.]9"),
            ("2001:db8::1", "2001[:]db8::1"),
            (
                "https://a.example/x.php?u=HTTP://b.example/",
                "hxxps://a[.]example/x[.]php?u=hxxp://b[.]example/",
            ),
            ("ftp://a.example", "fxp://a[.]example"),
            ("tcp://203.0.113.9:599", "tcp://203[.]0[.]113[.]9:599"),
            ("bücher。example", "bücher[。]example"),
            ("", ""),
        ];
        for (name, expected) in table {
            assert_eq!(defang(name), expected);
        }
    }
}
