//! How FAST we may call: evenly spaced permits, and pauses that a server asks
//! for. How MUCH we may call is the quota's business (`quota/`).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

use crate::base::clock::Clock;

type Limiter = RateLimiter<NotKeyed, InMemoryState, PaceClock, NoOpMiddleware<PaceInstant>>;

/// A pace shared by all its clones: `N` calls a minute, evenly spaced, the
/// first at once.
#[derive(Clone)]
pub struct Pace(Arc<Inner>);

struct Inner {
    clock: Clock,
    limiter: Mutex<Option<Limiter>>,
    /// Between two calls; `None` does not limit.
    apart: Mutex<Option<Duration>>,
    /// Nobody calls before this moment ([`Clock::elapsed`]).
    held_until: Mutex<Duration>,
}

impl Pace {
    /// `per_minute` calls a minute; `None` does not limit.
    pub fn new(per_minute: Option<NonZeroU32>, clock: Clock) -> Self {
        let pace = Self(Arc::new(Inner {
            clock,
            limiter: Mutex::new(None),
            apart: Mutex::new(None),
            held_until: Mutex::new(Duration::ZERO),
        }));
        pace.set(per_minute);
        pace
    }

    /// Changes the pace, for example once the licence's rate is known.
    pub fn set(&self, per_minute: Option<NonZeroU32>) {
        // A burst of one: `per_minute(4)` would let seven through in the first minute.
        let quota = per_minute
            .and_then(|n| Quota::with_period(Duration::from_secs(60) / n.get()))
            .map(|quota| quota.allow_burst(NonZeroU32::MIN));
        let limiter = quota
            .map(|quota| RateLimiter::direct_with_clock(quota, PaceClock(self.0.clock.clone())));
        *self.0.limiter.lock() = limiter;
        *self.0.apart.lock() = per_minute.map(|n| Duration::from_secs(60) / n.get());
    }

    /// The least time between two calls; `None`: there is no limit.
    pub fn apart(&self) -> Option<Duration> {
        *self.0.apart.lock()
    }

    /// Lets nobody through for `pause`, as a server asked.
    pub fn hold(&self, pause: Duration) {
        let until = self.0.clock.elapsed() + pause;
        let mut held = self.0.held_until.lock();
        *held = (*held).max(until);
    }

    /// Waits for a permit.
    pub async fn ready(&self) {
        while let Some(wait) = self.wait_time() {
            self.0.clock.sleep(wait).await;
        }
    }

    fn wait_time(&self) -> Option<Duration> {
        let held = self
            .0
            .held_until
            .lock()
            .saturating_sub(self.0.clock.elapsed());
        if !held.is_zero() {
            return Some(held);
        }
        let limiter = self.0.limiter.lock();
        let refused = limiter.as_ref()?.check().err()?;
        Some(refused.wait_time_from(PaceClock(self.0.clock.clone()).now()))
    }
}

/// Our clock in governor's terms.
#[derive(Clone, Debug)]
struct PaceClock(Clock);

impl GovernorClock for PaceClock {
    type Instant = PaceInstant;

    fn now(&self) -> PaceInstant {
        PaceInstant(self.0.elapsed())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PaceInstant(Duration);

impl std::ops::Add<Nanos> for PaceInstant {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}

impl Reference for PaceInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[tokio::test]
    async fn four_a_minute_means_fifteen_seconds_apart() {
        let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
        let pace = Pace::new(NonZeroU32::new(4), clock.clone());
        pace.ready().await;
        for passed in [15, 30, 45] {
            let next = tokio::spawn({
                let pace = pace.clone();
                async move { pace.ready().await }
            });
            hand.sleeping(Duration::from_secs(15)).await;
            hand.advance(Duration::from_secs(15));
            next.await.unwrap();
            assert_eq!(clock.elapsed(), Duration::from_secs(passed));
        }
    }

    #[tokio::test]
    async fn a_held_pace_lets_nobody_through_until_the_hold_ends() {
        let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
        let pace = Pace::new(None, clock);
        pace.hold(Duration::from_secs(60));
        let next = tokio::spawn({
            let pace = pace.clone();
            async move { pace.ready().await }
        });
        hand.sleeping(Duration::from_secs(60)).await;
        assert!(!next.is_finished());
        hand.advance(Duration::from_secs(60));
        next.await.unwrap();
    }
}
