//! For roads that refuse what is too large: a bundle goes in halves, and what
//! cannot be cut goes lighter or stays behind, which is told. One object never
//! holds up everything after it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::opencti::error::Error;

use super::Sent;
use super::lighter::Behind;
use super::outgoing::Outgoing;
use super::parts::distinct;
use super::split::halves;

/// A road that refuses less than this takes nothing: then nothing is left
/// behind, for everything would be.
const LEAST: usize = 16 * 1024;

/// The pieces in which a bundle goes over a road:
///
/// ```text
/// while let Some(piece) = pieces.next()? {
///     let answer = push(&piece.text).await;
///     pieces.answered(piece, answer)?;
/// }
/// pieces.sent()
/// ```
pub(super) struct Pieces<'a> {
    objects: usize,
    /// The size of the smallest bundle that the road has refused: what is not
    /// smaller is cut before it is tried.
    refused: &'a AtomicUsize,
    /// The next one last.
    todo: Vec<Cow<'a, str>>,
    behind: Behind,
    taken: usize,
    counted: Option<usize>,
}

/// What to push next.
pub(super) struct Piece<'a> {
    pub(super) text: Cow<'a, str>,
    /// It cannot be cut, so it is tried whatever was refused before.
    whole: bool,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(bundle: Outgoing<'a>, refused: &'a AtomicUsize) -> Result<Self, Error> {
        Ok(Self {
            objects: bundle.objects()?,
            refused,
            todo: vec![Cow::Borrowed(bundle.text)],
            behind: Behind::default(),
            taken: 0,
            counted: Some(0),
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Piece<'a>>, Error> {
        while let Some(text) = self.todo.pop() {
            let Some(text) = self.behind.without_gone(text)? else {
                continue;
            };
            if text.len() < self.refused.load(Ordering::Relaxed) {
                return Ok(Some(Piece { text, whole: false }));
            }
            if !self.cut(&text)? {
                return Ok(Some(Piece { text, whole: true }));
            }
        }
        Ok(None)
    }

    /// What the road said to a piece: whether it is certain that its work will
    /// count it, once. An error that no smaller piece mends is
    /// handed back.
    pub(super) fn answered(
        &mut self,
        piece: Piece<'a>,
        answer: Result<bool, Error>,
    ) -> Result<(), Error> {
        let refusal = match answer {
            Ok(once) => return self.took(piece, once),
            Err(refusal @ Error::TooLarge { .. }) => refusal,
            Err(other) => return Err(other),
        };
        let text = &piece.text;
        self.refused.fetch_min(text.len(), Ordering::Relaxed);
        if !piece.whole && self.cut(text)? {
            return Ok(());
        }
        if text.len() < LEAST {
            return Err(refusal);
        }
        self.todo.extend(self.behind.lighter(text)?.map(Cow::Owned));
        Ok(())
    }

    pub(super) fn sent(self) -> Sent {
        Sent {
            objects: self.objects.saturating_sub(self.behind.objects()),
            bundles: self.taken,
            counted: self.counted,
            left: self.behind.left(),
        }
    }

    fn took(&mut self, piece: Piece<'a>, once: bool) -> Result<(), Error> {
        self.taken += 1;
        // Of halves, both hold what others need.
        let objects = match piece.text {
            Cow::Borrowed(_) => self.objects,
            Cow::Owned(part) => distinct(&part)?,
        };
        self.counted = self.counted.filter(|_| once).map(|before| before + objects);
        Ok(())
    }

    fn cut(&mut self, text: &str) -> Result<bool, Error> {
        let Some((first, second)) = halves(text)? else {
            return Ok(false);
        };
        let bytes = text.len();
        tracing::info!(
            bytes,
            "a bundle of {bytes} bytes is too large for the road: it goes in halves"
        );
        self.todo.push(Cow::Owned(second));
        self.todo.push(Cow::Owned(first));
        Ok(true)
    }
}
