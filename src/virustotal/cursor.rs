//! From page to page of a list, and never in circles.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Watches the cursors of one list: none may come twice, and there is an end to
/// the pages.
#[derive(Clone, Debug)]
pub struct CursorGuard {
    seen: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    most: usize,
}

/// Why a search is not followed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loop {
    /// A cursor came back.
    #[error("VirusTotal's pages go round in circles: a cursor came twice")]
    Repeated,
    /// The cap on pages is reached.
    #[error("the search has more than {0} pages")]
    TooManyPages(usize),
}

impl CursorGuard {
    /// Lets at most `most` cursors through.
    pub fn new(most: usize) -> Self {
        Self {
            seen: HashSet::default(),
            most,
        }
    }

    /// Takes the cursor that a page came with (or the one a run goes on from),
    /// and returns the one to ask with: `None` at the end.
    pub fn accept(&mut self, cursor: Option<String>) -> Result<Option<String>, Loop> {
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        if !self.seen.insert(self.seen.hasher().hash_one(&cursor)) {
            return Err(Loop::Repeated);
        }
        if self.seen.len() > self.most {
            return Err(Loop::TooManyPages(self.most));
        }
        Ok(Some(cursor))
    }
}

impl Default for CursorGuard {
    /// 10,000 pages: three million files.
    fn default() -> Self {
        Self::new(10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cursor_comes_twice_and_pages_have_an_end() {
        let mut guard = CursorGuard::new(3);
        let cursor = |text: &str| Some(text.to_owned());
        assert_eq!(guard.accept(cursor("a")), Ok(cursor("a")));
        assert_eq!(guard.accept(cursor("b")), Ok(cursor("b")));
        assert_eq!(guard.accept(cursor("a")), Err(Loop::Repeated));
        assert_eq!(guard.accept(None), Ok(None));
        assert_eq!(guard.accept(cursor("")), Ok(None));
        assert_eq!(guard.accept(cursor("c")), Ok(cursor("c")));
        assert_eq!(guard.accept(cursor("d")), Err(Loop::TooManyPages(3)));
    }
}
