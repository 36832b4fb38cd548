//! Starts a connector and reads what it took.
//!
//! A small process of this program stands between: the system hands a new
//! process its parent's peak memory, and this one holds the stand-ins.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command as Plain, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use vtreporter::base::clock::{self, Clock};

use crate::sides::Sides;

/// A connector.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) command: Vec<OsString>,
}

impl Subject {
    pub(crate) fn is_python(&self) -> bool {
        self.name == "python"
    }
}

/// What a process took. Seconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) code: Option<i32>,
    pub(crate) wall: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) rss_kb: u64,
}

/// The first thing the process between says.
#[derive(Serialize, Deserialize)]
struct Started {
    pid: u32,
    /// Microseconds since 1970.
    at: i64,
}

/// One run.
pub(crate) struct Measured {
    pub(crate) usage: Usage,
    pub(crate) first_ms: Option<f64>,
    pub(crate) first_rss_kb: Option<u64>,
}

/// The process between: starts what it is told, waits, says what it took.
pub(crate) fn child(command: &[String]) -> ExitCode {
    let clock = clock::system();
    let at = clock.now().timestamp_micros();
    let started = clock.elapsed();
    let mut child = Plain::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the connector starts");
    say(&Started {
        pid: child.id(),
        at,
    });
    let status = child.wait().expect("the connector ends");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a usage");
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    say(&Usage {
        code: status.code(),
        wall: (clock.elapsed() - started).as_secs_f64(),
        user: seconds(usage.user_time()),
        system: seconds(usage.system_time()),
        rss_kb: u64::try_from(usage.max_rss()).unwrap_or(0),
    });
    ExitCode::SUCCESS
}

fn say(what: &impl Serialize) {
    let line = serde_json::to_string(what).expect("plain numbers");
    println!("{line}");
    let _ = std::io::stdout().flush();
}

/// Runs a connector once, to its end.
pub(crate) async fn once(
    subject: &Subject,
    sides: &Sides,
    clock: &Clock,
) -> std::io::Result<Measured> {
    let mut between = Command::new(std::env::current_exe()?)
        .arg("--measure")
        .args(&subject.command)
        .env_clear()
        .envs(sides.settings(true))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let out = between.stdout.take();
    let mut lines = BufReader::new(out.ok_or_else(|| odd("no output"))?).lines();
    let started: Started = next(&mut lines).await?;
    let mut first = None;
    let usage: Usage = tokio::select! {
        // A connector that asks nothing ends without.
        usage = next(&mut lines) => usage?,
        () = sides.first_request() => {
            let at = clock.now().timestamp_micros();
            let rss = status(started.pid, "VmHWM:");
            first = Some(((at - started.at) as f64 / 1e3, rss));
            next(&mut lines).await?
        }
    };
    between.wait().await?;
    Ok(Measured {
        usage,
        first_ms: first.map(|(ms, _)| ms),
        first_rss_kb: first.and_then(|(_, rss)| rss),
    })
}

/// Runs a connector as a service until its first run is over and it rests;
/// returns what it holds then and its peak, in kB.
pub(crate) async fn idle(subject: &Subject, sides: &Sides) -> std::io::Result<(u64, u64)> {
    let mut child = Command::new(&subject.command[0])
        .args(&subject.command[1..])
        .env_clear()
        .envs(sides.settings(false))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().ok_or_else(|| odd("no process"))?;
    sides.run_is_over().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (resting, peak) = (status(pid, "VmRSS:"), status(pid, "VmHWM:"));
    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
    child.wait().await?;
    Ok((resting.unwrap_or(0), peak.unwrap_or(0)))
}

async fn next<T: for<'de> Deserialize<'de>>(
    lines: &mut Lines<BufReader<ChildStdout>>,
) -> std::io::Result<T> {
    let line = lines.next_line().await?;
    Ok(serde_json::from_str(
        &line.ok_or_else(|| odd("the process between ended early"))?,
    )?)
}

/// A number of /proc/PID/status, in kB.
fn status(pid: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn odd(what: &str) -> std::io::Error {
    std::io::Error::other(what.to_owned())
}
