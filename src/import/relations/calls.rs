//! Calls that flow: a few under way at once, their answers in the order of the
//! files. None waits for the end of a batch, and one that is slow, or tried
//! again, holds back only those far behind it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::vec;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::Semaphore;

use super::{Answer, Kind, Off, ask};
use crate::quota::{CallError, Guard};
use crate::virustotal::Remedy;
use crate::virustotal::objects::File;

/// Calls under way at once; the pace decides how fast they start.
const AT_ONCE: usize = 4;

/// Calls begun whose answers are not used yet: so many are lost at most when a
/// run stops.
const AHEAD: usize = 2 * AT_ONCE;

/// `None` where its relationship is not asked for any more.
type Answering<'f> = LocalBoxFuture<'f, Option<Answer>>;

/// What every call needs.
pub(super) struct Ground<'f> {
    pub(super) guard: &'f Guard,
    /// Of a file, for each relationship.
    pub(super) most: u32,
    pub(super) off: Arc<Off>,
}

/// The calls for files that follow each other.
pub(in crate::import) struct Calls<'f> {
    ground: Ground<'f>,
    at_once: Arc<Semaphore>,
    /// Files whose answers were used.
    passed: usize,
    /// The file and the kind of each call whose answer was not.
    planned: VecDeque<(usize, Kind)>,
    /// Files whose contacted addresses nobody asks for.
    untold: VecDeque<usize>,
    /// Those that have not begun.
    waiting: vec::IntoIter<(Kind, &'f File)>,
    under_way: FuturesOrdered<Answering<'f>>,
    /// Answered while something else was waited for.
    here: VecDeque<Option<Answer>>,
}

impl<'f> Calls<'f> {
    pub(super) fn new(
        needed: Vec<(usize, Kind, &'f File)>,
        untold: Vec<usize>,
        ground: Ground<'f>,
    ) -> Self {
        let planned = needed.iter().map(|&(at, kind, _)| (at, kind)).collect();
        let waiting = needed.into_iter().map(|(_, kind, file)| (kind, file));
        Self {
            ground,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            passed: 0,
            planned,
            untold: untold.into(),
            waiting: waiting.collect::<Vec<_>>().into_iter(),
            under_way: FuturesOrdered::new(),
            here: VecDeque::new(),
        }
    }

    /// The next answer that belongs to one of the next `count` files, with the
    /// file's place among those.
    pub(super) async fn next(&mut self, count: usize) -> Option<(usize, Kind, Option<Answer>)> {
        let &(at, kind) = self.planned.front()?;
        let place = at.checked_sub(self.passed).filter(|&at| at < count)?;
        let answer = match self.here.pop_front() {
            Some(answer) => answer,
            None => {
                self.fill();
                self.under_way.next().await?
            }
        };
        self.planned.pop_front();
        Some((place, kind, answer))
    }

    /// Those of the next `count` files whose contacted addresses nobody asks
    /// for, by their place among them.
    pub(super) fn untold(&mut self, count: usize) -> impl Iterator<Item = usize> {
        let passed = self.passed;
        let these = self.untold.partition_point(|&at| at < passed + count);
        self.untold.drain(..these).map(move |at| at - passed)
    }

    /// The next `count` files are done with.
    pub(super) fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    /// Goes on with the calls, for as long as something else is waited for.
    pub(in crate::import) async fn go_on(&mut self) -> Infallible {
        loop {
            self.fill();
            match self.under_way.next().await {
                Some(answer) => self.here.push_back(answer),
                None => return pending().await,
            }
        }
    }

    /// Begins no more, and waits for none.
    pub(in crate::import) fn abandon(&mut self) {
        self.planned.clear();
        self.waiting = Vec::new().into_iter();
        self.under_way.clear();
        self.here.clear();
    }

    fn fill(&mut self) {
        while self.under_way.len() + self.here.len() < AHEAD
            && let Some((kind, file)) = self.waiting.next()
        {
            let at_once = self.at_once.clone();
            let call = self.ground.call(kind, file);
            self.under_way.push_back(Box::pin(async move {
                let _one = at_once.acquire().await;
                call.await
            }));
        }
    }
}

impl<'f> Ground<'f> {
    fn call(&self, kind: Kind, file: &'f File) -> impl Future<Output = Option<Answer>> + use<'f> {
        let (guard, most, off) = (self.guard, self.most, self.off.clone());
        async move {
            if off.has(kind) {
                return None;
            }
            let answer = ask(guard, kind, file, most).await;
            if let Some(CallError::Failed(error)) = &answer.failed
                && error.remedy() == Remedy::Disable
            {
                off.put(kind);
            }
            Some(answer)
        }
    }
}
