//! The addresses of VirusTotal's web pages, for people.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const GUI: &str = "https://www.virustotal.com/gui/";

/// All but what means nothing wherever it stands in an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A page of VirusTotal's about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuiPage {
    /// Of a file, by any of its hashes.
    File,
    /// Of an IP address.
    IpAddress,
    /// Of a domain.
    Domain,
    /// Of a URL, by VirusTotal's id of it.
    Url,
    /// What a search finds: a query, or a URL to the letter.
    Search,
}

impl GuiPage {
    fn path(self) -> &'static str {
        match self {
            Self::File => "file/",
            Self::IpAddress => "ip-address/",
            Self::Domain => "domain/",
            Self::Url => "url/",
            Self::Search => "search/",
        }
    }

    /// The page of what is known by `id`, which holds nothing that an address
    /// may not: a hash, an address, a domain name.
    pub fn of(self, id: &str) -> String {
        let mut link = String::with_capacity(GUI.len() + self.path().len() + id.len());
        link.push_str(GUI);
        link.push_str(self.path());
        link.push_str(id);
        link
    }

    /// The page of any text: it is encoded, and stands there to the letter.
    pub fn of_text(self, text: &str) -> String {
        let mut link = String::with_capacity(GUI.len() + self.path().len() + text.len() * 2);
        link.push_str(GUI);
        link.push_str(self.path());
        link.extend(utf8_percent_encode(text, ENCODED));
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_the_query_to_the_letter() {
        assert_eq!(
            GuiPage::Search.of_text("p:1+ (a OR \"b\") é"),
            "https://www.virustotal.com/gui/search/p%3A1%2B%20%28a%20OR%20%22b%22%29%20%C3%A9"
        );
    }

    #[test]
    fn a_link_by_an_id_holds_the_id() {
        let table = [
            (GuiPage::File, "https://www.virustotal.com/gui/file/x"),
            (
                GuiPage::IpAddress,
                "https://www.virustotal.com/gui/ip-address/x",
            ),
            (GuiPage::Domain, "https://www.virustotal.com/gui/domain/x"),
            (GuiPage::Url, "https://www.virustotal.com/gui/url/x"),
        ];
        for (page, link) in table {
            assert_eq!(page.of("x"), link);
        }
    }
}
