//! The report as the platform shows it under "Content" (`x_opencti_content`).
//!
//! The platform opens that text in an editor that keeps only what its buttons
//! could have made: headings, paragraphs and their alignment, lists, links,
//! plain tables, bold, code and the colour of text. It drops scripts, style
//! elements, inline SVG, and widths, borders and backgrounds of table cells.
//! Images stay, but some releases' PDF export fails on embedded ones. So bars
//! are drawn with block characters in coloured text: they show in the editor
//! and in the PDF, on light and dark ground, and can be copied. Colours have a
//! contrast of at least 3 to 1 on both grounds, and never carry the meaning
//! alone.

use askama::Template;

use super::facts::ReportFacts;
use super::headlines::Piece;
use super::view::View;

/// Blocks of the longest bar.
const BLOCKS: u64 = 24;

/// Bars of the timeline: one table row each.
const TIMES: usize = 31;

/// Writes the content. It fails only where writing into memory does.
pub fn content(facts: &ReportFacts, marking: &str) -> Result<String, askama::Error> {
    Content {
        view: View::of(facts, marking, TIMES),
    }
    .render()
}

#[derive(Template)]
#[template(path = "report/content.html")]
struct Content<'a> {
    view: View<'a>,
}

impl Content<'_> {
    /// Draws a bar of so many thousandths.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn blocks(&self, length: &u64) -> String {
        match (length * BLOCKS + 500) / 1000 {
            0 if *length > 0 => "▏".to_owned(),
            blocks => "█".repeat(usize::try_from(blocks).unwrap_or(0)),
        }
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn colour(&self, level: &str) -> &'static str {
        match level {
            "HIGH" => "#d9483b",
            "MEDIUM" => "#b8741a",
            "LOW" => "#4e8f34",
            "unknown" => "#8a76c9",
            _ => "#7a8594",
        }
    }
}
