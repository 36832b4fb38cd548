//! What time it is: the one place that asks the machine, or a clock that a
//! test moves by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;

/// The time, and waiting for it. Cheap to clone; clones share one time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System {
        /// Start of the program: [`Clock::elapsed`] counts from here and does
        /// not jump when the machine's date is set.
        start: Instant,
    },
    /// A clock that stands still until [`ManualClock::advance`].
    Manual(ManualClock),
}

impl Clock {
    /// The machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door the rule points to"
    )]
    pub fn system() -> Self {
        Self::System {
            start: Instant::now(),
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
            Self::System { start } => start.elapsed(),
            Self::Manual(clock) => clock.elapsed(),
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System { .. } => tokio::time::sleep(duration).await,
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
    now: watch::Sender<DateTime<Utc>>,
    sleepers: watch::Sender<Vec<DateTime<Utc>>>,
}

impl ManualClock {
    fn new(start: DateTime<Utc>) -> Self {
        Self(Arc::new(Manual {
            start,
            now: watch::Sender::new(start),
            sleepers: watch::Sender::new(Vec::new()),
        }))
    }

    /// What the clock shows.
    pub fn now(&self) -> DateTime<Utc> {
        *self.0.now.borrow()
    }

    /// Moves the clock forward and wakes whoever waited for it.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        self.0.now.send_modify(|now| *now += by);
    }

    /// Waits until some task sleeps for `at_least` from now on: the test's way
    /// of knowing that it is time to [`ManualClock::advance`].
    pub async fn sleeping(&self, at_least: Duration) {
        let at_least = TimeDelta::from_std(at_least).unwrap_or(TimeDelta::MAX);
        let now = self.now();
        let mut sleepers = self.0.sleepers.subscribe();
        // The sender lives in `self`, so this cannot end early.
        let _ = sleepers
            .wait_for(|until| until.iter().any(|&until| until - now >= at_least))
            .await;
    }

    fn elapsed(&self) -> Duration {
        (self.now() - self.0.start).to_std().unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let _entry = Sleeper::enter(&self.0.sleepers, until);
        let mut now = self.0.now.subscribe();
        let _ = now.wait_for(|&now| now >= until).await;
    }
}

/// An entry in the list of sleepers, gone when the sleep ends or is dropped.
struct Sleeper<'a> {
    sleepers: &'a watch::Sender<Vec<DateTime<Utc>>>,
    until: DateTime<Utc>,
}

impl<'a> Sleeper<'a> {
    fn enter(sleepers: &'a watch::Sender<Vec<DateTime<Utc>>>, until: DateTime<Utc>) -> Self {
        sleepers.send_modify(|list| list.push(until));
        Self { sleepers, until }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.sleepers.send_modify(|list| {
            if let Some(at) = list.iter().position(|&until| until == self.until) {
                list.swap_remove(at);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_on_the_manual_clock_ends_when_the_clock_is_moved_past_it() {
        let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_secs(90)).await;
                clock.now()
            }
        });
        hand.sleeping(Duration::from_secs(90)).await;
        hand.advance(Duration::from_secs(60));
        assert!(!sleeper.is_finished());
        hand.advance(Duration::from_secs(30));
        assert_eq!(sleeper.await.unwrap().timestamp(), 90);
        assert_eq!(clock.elapsed(), Duration::from_secs(90));
    }
}
