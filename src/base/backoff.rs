//! How long to wait before something is tried again.

use std::time::Duration;

/// Pauses that double, from the first up to the longest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Backoff {
    pub(crate) const fn from_to(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause before the `tried`-th repetition; the first is 1.
    pub(crate) fn pause(self, tried: u32) -> Duration {
        let doubled = 1_u32.checked_shl(tried.saturating_sub(1));
        self.first
            .saturating_mul(doubled.unwrap_or(u32::MAX))
            .min(self.longest)
    }

    /// The same, [uneven].
    pub(crate) fn uneven(self, tried: u32) -> Duration {
        uneven(self.pause(tried))
    }
}

/// Up to a quarter longer, by chance: several that failed at the same moment
/// do not come back at the same moment.
pub(crate) fn uneven(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + fastrand::f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const PAUSES: Backoff = Backoff::from_to(seconds(1), seconds(30));

    #[test]
    fn pauses_double_up_to_the_longest_however_often_it_is_tried() {
        let pauses = [0, 1, 2, 3, 5, 6, 7, 32, 33, u32::MAX].map(|tried| PAUSES.pause(tried));
        assert_eq!(pauses, [1, 1, 2, 4, 16, 30, 30, 30, 30, 30].map(seconds));
        let endless = Backoff::from_to(seconds(1), Duration::MAX);
        assert!(endless.pause(u32::MAX) > endless.pause(32));
    }

    #[test]
    fn chance_makes_a_pause_up_to_a_quarter_longer_and_never_shorter() {
        let pauses: Vec<Duration> = (0..1000).map(|_| PAUSES.uneven(3)).collect();
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*least >= seconds(4) && *most <= seconds(5) && least < most);
    }
}
