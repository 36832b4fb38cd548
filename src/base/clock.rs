//! The machine's time, waited for as this program waits.

pub use clock::{Clock, ManualClock};

/// The machine's clock.
pub fn system() -> Clock {
    Clock::system(|duration| Box::pin(tokio::time::sleep(duration)))
}
