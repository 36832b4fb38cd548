//! A bundle as a road takes it.

use crate::opencti::error::Error;
use crate::stix::bundle::Bundle;

use super::parts::distinct;

/// A bundle on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    pub(super) text: &'a str,
    /// Different objects, where whoever made it has counted them.
    counted: Option<usize>,
}

impl Outgoing<'_> {
    /// How many different objects it holds: what a worker splits it into.
    pub(super) fn objects(&self) -> Result<usize, Error> {
        self.counted.map_or_else(|| distinct(self.text), Ok)
    }
}

impl<'a> From<&'a Bundle> for Outgoing<'a> {
    /// One of our own, whose objects are in it once each: it need not be read
    /// once more.
    fn from(bundle: &'a Bundle) -> Self {
        Self {
            text: &bundle.text,
            counted: Some(bundle.objects),
        }
    }
}

impl<'a> From<&'a str> for Outgoing<'a> {
    fn from(text: &'a str) -> Self {
        Self {
            text,
            counted: None,
        }
    }
}

impl<'a> From<&'a String> for Outgoing<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}
