//! What every room stands on: it knows nobody above.

pub(crate) mod backoff;
pub mod clock;
pub mod country;
pub mod http;
pub mod log;
pub mod number;
pub mod pace;
pub mod period;
pub mod secret;
pub mod terminal;
pub mod text;
