//! The report as one page for people: nothing to load, every text escaped.
//!
//! `view::View` holds what is shown, for this page and for the
//! [content](super::content) alike; one template a section
//! (`templates/report/`). Charts are SVG, not coloured boxes: browsers print
//! them without being asked to.

use askama::Template;

use super::facts::ReportFacts;
use super::headlines::Piece;
use super::view::View;

/// Writes the page; `marking` is the report's, `TLP:AMBER`. It fails only where
/// writing into memory does.
pub fn page(facts: &ReportFacts, marking: &str) -> Result<String, askama::Error> {
    HtmlPage {
        view: View::of(facts, marking, usize::MAX),
    }
    .render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct HtmlPage<'a> {
    view: View<'a>,
}
