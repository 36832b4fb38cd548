//! What time it is: the one place that asks the machine, or a clock that a
//! test moves by hand.
//!
//! No runtime is named here: whoever makes a clock of the machine's hands in
//! how it waits, and a clock moved by hand needs nobody to wake its sleepers.

#![warn(missing_docs)]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// How a runtime lets time pass.
pub type Timer = fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// The time, and waiting for it. Cheap to clone; clones share one time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System {
        /// Start of the program: [`Clock::elapsed`] counts from here and does
        /// not jump when the machine's date is set.
        start: Instant,
        /// How it waits.
        timer: Timer,
    },
    /// A clock that stands still until [`ManualClock::advance`].
    Manual(ManualClock),
}

impl Clock {
    /// The machine's clock, which waits with `timer`.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door the rule points to"
    )]
    pub fn system(timer: Timer) -> Self {
        Self::System {
            start: Instant::now(),
            timer,
        }
    }

    /// A clock for tests, standing at `now`, and the handle that moves it.
    pub fn manual(now: DateTime<Utc>) -> (Self, ManualClock) {
        let clock = ManualClock::new(now);
        (Self::Manual(clock.clone()), clock)
    }

    /// Now, UTC, cut to milliseconds: what STIX and OpenCTI can carry.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door the rule points to"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System { .. } => Utc::now().trunc_subsecs(3),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Time since the clock was made; never goes backwards.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::System { start, .. } => start.elapsed(),
            Self::Manual(clock) => clock.elapsed(),
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System { timer, .. } => timer(duration).await,
            Self::Manual(clock) => clock.sleep(duration).await,
        }
    }

    /// Waits until it is `moment`. Looks at the date again every minute, so
    /// that a machine that was suspended or whose date was set wakes in time.
    pub async fn sleep_until(&self, moment: DateTime<Utc>) {
        loop {
            let left = (moment - self.now()).to_std().unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return;
            }
            self.sleep(left.min(Duration::from_secs(60))).await;
        }
    }
}

/// The hand-moved clock behind [`Clock::Manual`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    start: DateTime<Utc>,
    shown: Mutex<Shown>,
}

/// What changes, and who wants to know.
#[derive(Debug)]
struct Shown {
    now: DateTime<Utc>,
    sleepers: Vec<DateTime<Utc>>,
    waiting: Vec<Waker>,
}

impl ManualClock {
    fn new(start: DateTime<Utc>) -> Self {
        Self(Arc::new(Manual {
            start,
            shown: Mutex::new(Shown {
                now: start,
                sleepers: Vec::new(),
                waiting: Vec::new(),
            }),
        }))
    }

    /// What the clock shows.
    pub fn now(&self) -> DateTime<Utc> {
        self.shown().now
    }

    /// Moves the clock forward and wakes whoever waited for it.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        self.change(|shown| shown.now += by);
    }

    /// Waits until some task sleeps for `at_least` from now on: the test's way
    /// of knowing that it is time to [`ManualClock::advance`].
    pub async fn sleeping(&self, at_least: Duration) {
        let at_least = TimeDelta::from_std(at_least).unwrap_or(TimeDelta::MAX);
        let now = self.now();
        self.wait_for(|shown| shown.sleepers.iter().any(|&until| until - now >= at_least))
            .await;
    }

    fn elapsed(&self) -> Duration {
        (self.now() - self.0.start).to_std().unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let _entry = Sleeper::enter(self, until);
        self.wait_for(|shown| shown.now >= until).await;
    }

    /// No panic can leave a change half made: each is one statement.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is shown, and lets all who wait look at it again.
    fn change(&self, with: impl FnOnce(&mut Shown)) {
        let waiting = {
            let mut shown = self.shown();
            with(&mut shown);
            std::mem::take(&mut shown.waiting)
        };
        // A waker may run whatever it likes, this clock's own methods too.
        waiting.into_iter().for_each(Waker::wake);
    }

    async fn wait_for(&self, wanted: impl Fn(&Shown) -> bool) {
        poll_fn(|context| {
            let mut shown = self.shown();
            if wanted(&shown) {
                return Poll::Ready(());
            }
            let waker = context.waker();
            if !shown.waiting.iter().any(|known| known.will_wake(waker)) {
                shown.waiting.push(waker.clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// An entry in the list of sleepers, gone when the sleep ends or is dropped.
struct Sleeper<'a> {
    clock: &'a ManualClock,
    until: DateTime<Utc>,
}

impl<'a> Sleeper<'a> {
    fn enter(clock: &'a ManualClock, until: DateTime<Utc>) -> Self {
        clock.change(|shown| shown.sleepers.push(until));
        Self { clock, until }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.change(|shown| {
            if let Some(at) = shown.sleepers.iter().position(|&until| until == self.until) {
                shown.sleepers.swap_remove(at);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Wake};

    use super::*;

    /// A task as far as a clock can see one.
    #[derive(Default)]
    struct Task(AtomicBool);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    impl Task {
        fn polls(self: &Arc<Self>, future: Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
            let waker = Waker::from(self.clone());
            future.poll(&mut Context::from_waker(&waker))
        }

        fn was_woken(&self) -> bool {
            self.0.swap(false, Ordering::Relaxed)
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_sleep_on_the_manual_clock_ends_when_the_clock_is_moved_past_it() {
        let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
        let task = Arc::new(Task::default());
        let mut sleep = pin!(clock.sleep(2 * MINUTE));
        assert!(task.polls(sleep.as_mut()).is_pending());
        hand.advance(MINUTE);
        assert!(task.was_woken() && task.polls(sleep.as_mut()).is_pending());
        hand.advance(MINUTE);
        assert!(task.was_woken() && task.polls(sleep.as_mut()).is_ready());
        assert_eq!(clock.elapsed(), 2 * MINUTE);
        assert_eq!(clock.now().timestamp(), 120);
    }

    #[test]
    fn the_hand_waits_for_a_sleep_as_long_as_it_wants_that_nobody_has_given_up() {
        let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
        let (sleeper, watcher) = (Arc::new(Task::default()), Arc::new(Task::default()));
        let mut long = pin!(hand.sleeping(MINUTE));
        assert!(watcher.polls(long.as_mut()).is_pending());
        {
            let mut short = pin!(clock.sleep(MINUTE / 2));
            assert!(sleeper.polls(short.as_mut()).is_pending());
            assert!(watcher.was_woken() && watcher.polls(long.as_mut()).is_pending());
            let mut given_up = pin!(clock.sleep(MINUTE));
            assert!(sleeper.polls(given_up.as_mut()).is_pending());
        }
        assert!(watcher.was_woken() && watcher.polls(long.as_mut()).is_pending());
        let mut sleep = pin!(clock.sleep(MINUTE));
        assert!(sleeper.polls(sleep.as_mut()).is_pending());
        assert!(watcher.was_woken() && watcher.polls(long.as_mut()).is_ready());
    }
}
