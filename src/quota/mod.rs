//! The guard: HOW MUCH may still be asked. Decisions pure, in `decide`.

/// When the guard warns and when it stops. Percent of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Over this, the log and the work's message warn.
    pub warn_percent: u8,
    /// A request that would pass this is not sent: the run pauses.
    pub stop_percent: u8,
    /// What to do when VirusTotal does not say what is left.
    pub on_unknown: OnUnknown,
}

/// What to do when VirusTotal does not say what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Go on, and say so.
    Continue,
    /// Pause until the next UTC day.
    Pause,
}
