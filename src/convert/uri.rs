//! URLs as STIX wants them: RFC 3986, nothing in them that it does not allow.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Host;

/// What is encoded in each part of a URL: all but what RFC 3986 lets stand there.
const HOST: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');
const USER: &AsciiSet = &HOST.remove(b':');
const PATH: &AsciiSet = &USER.remove(b'@').remove(b'/');
const QUERY: &AsciiSet = &PATH.remove(b'?');

/// The URL with everything percent-encoded that may not stand there as it is;
/// what may stays to the letter. `None` where that makes no URL of it.
///
/// Malware writes `http://example.net/a b"c`, and servers answer to it: the
/// encoded form is what went over the wire.
pub(crate) fn uri(text: &str) -> Option<Cow<'_, str>> {
    let (scheme, rest) = text.split_once("://")?;
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !named || rest.is_empty() {
        return None;
    }
    let cut = |text: &'_ str, at: Option<usize>| at.unwrap_or(text.len());
    let (rest, fragment) = rest.split_at(cut(rest, rest.find('#')));
    let (rest, query) = rest.split_at(cut(rest, rest.find('?')));
    let (authority, path) = rest.split_at(cut(rest, rest.find('/')));
    let mut out = String::with_capacity(text.len());
    out.push_str(scheme);
    out.push_str("://");
    write_authority(&mut out, authority)?;
    encode(&mut out, path, PATH);
    for (mark, part) in [("?", query), ("#", fragment)] {
        if let Some(part) = part.strip_prefix(mark) {
            out.push_str(mark);
            encode(&mut out, part, QUERY);
        }
    }
    Some(if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    })
}

fn write_authority(out: &mut String, authority: &str) -> Option<()> {
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    if let Some(user) = user {
        encode(out, user, USER);
        out.push('@');
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !place.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    if let Some(inner) = host.strip_prefix('[') {
        inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        out.push_str(host);
    } else if host.is_ascii() {
        encode(out, host, HOST);
    } else {
        // As it is looked up.
        let _ = write!(out, "{}", Host::parse(host).ok()?);
    }
    if let Some(port) = port {
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        out.push(':');
        out.push_str(port);
    }
    Some(())
}

/// Writes a part, encoded but for what is encoded already.
fn encode(out: &mut String, part: &str, set: &'static AsciiSet) {
    let mut pieces = part.split('%');
    out.extend(utf8_percent_encode(pieces.next().unwrap_or_default(), set));
    for piece in pieces {
        let digits = piece.as_bytes().get(..2);
        let encoded = digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        out.push_str(if encoded { "%" } else { "%25" });
        out.extend(utf8_percent_encode(piece, set));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_in_a_url_stays_to_the_letter() {
        for text in [
            "http://example.net",
            "HTTP://Example.NET:8080/A/../b//c;d=e?f=g&h=/?#i/?",
            "https://user:pass@example.net/%41",
            "http://[2001:db8::1]:80/",
            "http://192.0.2.1/~a/!$&'()*+,;=:@-._",
            "ftp://files.example.org/x",
            "tcp://example.net:4444",
        ] {
            assert!(
                matches!(uri(text), Some(Cow::Borrowed(same)) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn what_may_not_is_encoded_as_on_the_wire() {
        for (text, expected) in [
            ("http://a.net/x y", "http://a.net/x%20y"),
            (
                "http://a.net/?b=\"c\"|{d}",
                "http://a.net/?b=%22c%22%7C%7Bd%7D",
            ),
            (
                "http://a.net/[click](http://b.net)",
                "http://a.net/%5Bclick%5D(http://b.net)",
            ),
            ("http://a.net/%", "http://a.net/%25"),
            ("http://a.net/%4%41%4", "http://a.net/%254%41%254"),
            ("http://a.net/#b#c", "http://a.net/#b%23c"),
            ("http://a.net\\b", "http://a.net%5Cb"),
            ("http://a.net/\u{fc}", "http://a.net/%C3%BC"),
            ("http://b\u{fc}cher.net/", "http://xn--bcher-kva.net/"),
            ("http://a@b@c.net/", "http://a%40b@c.net/"),
            ("http://under_score.net/", "http://under_score.net/"),
        ] {
            assert_eq!(uri(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_url_is_none() {
        for text in [
            "",
            "example.net/a",
            "http://",
            "1http://a.net",
            "ht tp://a.net",
            "http://a.net:port/",
            "http://[2001:db8::g]/",
            "http://[2001:db8::1/",
            "http://b\u{fc}cher..net:x/",
        ] {
            assert_eq!(uri(text), None, "{text}");
        }
    }

    #[test]
    fn an_encoded_url_is_not_encoded_again() {
        for text in ["http://a.net/x y%", "http://a.net/?[]\"#|"] {
            let once = uri(text).unwrap().into_owned();
            assert_eq!(uri(&once).as_deref(), Some(once.as_str()));
        }
    }
}
