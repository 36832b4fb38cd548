//! What a user can ask for. Commands combine the rooms below, and never each other.

use crate::{opencti, virustotal};

/// As `println!`, but a reader that went away (`vtreporter plan | head -1`) is
/// no reason to fail, let alone to panic.
macro_rules! say {
    ($($text:tt)*) => {
        {
            use std::io::Write as _;
            let _ = writeln!(std::io::stdout().lock(), $($text)*);
        }
    };
}

pub mod cache;
pub mod check;
#[cfg(feature = "demo")]
pub mod demo;
pub mod manual;
pub mod plan;
pub mod preview;
mod progress;
pub mod quota;
pub mod run;

pub use progress::Bar;

/// Why a command did not do everything. `main` prints it and turns it into an exit code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exit {
    /// Exit code 2: something in the settings has to change.
    #[error("{0}")]
    Settings(String),
    /// Exit code 3: not everything could be done, and why.
    #[error("{0}")]
    NotEverything(String),
}

impl Exit {
    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Settings(_) => 2,
            Self::NotEverything(_) => 3,
        }
    }
}

impl From<&opencti::Error> for Exit {
    fn from(error: &opencti::Error) -> Self {
        match error.remedy() {
            opencti::Remedy::Fix => Self::Settings(error.to_string()),
            _ => Self::NotEverything(error.to_string()),
        }
    }
}

impl From<&virustotal::Error> for Exit {
    fn from(error: &virustotal::Error) -> Self {
        match error.remedy() {
            virustotal::Remedy::Fix => Self::Settings(error.to_string()),
            _ => Self::NotEverything(error.to_string()),
        }
    }
}
