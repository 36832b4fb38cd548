//! The report of a run: what people read of it, and its STIX object. Pure: it
//! is handed what was converted and what was delivered, and asks for nothing.
//!
//! [`growing::GrowingReport`] owns it for the time of a run:
//!
//! ```text
//! units ── object::pack ── chunks ── tally ── facts ── headlines, comparison, bars
//!                             │                  │
//!                             ▼                  ├─ markdown  description
//!                          object  ◄─────────────┼─ content   page under "Content"
//!                             │                  ├─ html      attached page
//!                             ▼                  └─ part_csv  attached CSVs
//!                   bundle with the report as far as it has grown
//! ```

mod bars;
pub mod cell;
mod charts;
mod comparison;
pub mod content;
pub mod counted;
pub mod counts;
mod defang;
pub mod facts;
mod file_csv;
pub mod growing;
mod headlines;
pub mod html;
pub mod infrastructure;
pub mod listed;
mod load;
pub mod markdown;
mod marks;
pub mod network_csv;
pub mod object;
pub mod part_csv;
pub mod parts;
pub mod profile;
pub mod ranking;
pub mod tally;
pub mod timeline;
mod times;
pub mod totals;
mod view;
pub mod worst_files;
