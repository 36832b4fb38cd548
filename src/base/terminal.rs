//! The terminal that a person may sit at: progress at its end, and lines that
//! go above it. Where standard error is no terminal, there are lines only.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two steps of the sign of life.
const TICK: Duration = Duration::from_millis(200);

/// Cheap to clone; clones are one terminal.
#[derive(Clone)]
pub struct Terminal(MultiProgress);

impl Terminal {
    /// Standard error, if it is a terminal.
    pub fn stderr() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }

    /// One that shows no progress.
    pub fn hidden() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }

    /// A new progress at the end of the terminal. `template` is indicatif's.
    pub fn progress(&self, template: &str) -> Progress {
        if self.0.is_hidden() {
            return Progress(ProgressBar::hidden());
        }
        let bar = self.0.add(ProgressBar::new(100));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(TICK);
        Progress(bar)
    }
}

/// Lines on standard error, above what shows progress.
impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Something that goes on; its last line goes when this is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Shows how far it is, and what there is to say of that.
    pub fn show(&self, percent: u64, message: String) {
        self.0.set_position(percent);
        self.0.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
