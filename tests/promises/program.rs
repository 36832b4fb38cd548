//! The real program with an environment of its own.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::rig::Rig;

/// Every command of the program.
pub(crate) const COMMANDS: [&str; 8] = [
    "run",
    "check",
    "plan",
    "preview",
    "demo",
    "completions",
    "man",
    "healthcheck",
];

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtreporter"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn ended(command: &mut Command) -> Ended {
    wait(command.spawn().unwrap()).await
}

pub(crate) async fn wait(child: Child) -> Ended {
    // A program that hangs must not hang the tests.
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
    let output = output.await.expect("the program hangs").unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Rig {
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.envs(&self.env);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.program(arguments)).await
    }
}

pub(crate) fn terminate(child: &Child) {
    let id = nix::unistd::Pid::from_raw(child.id().unwrap().cast_signed());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
}
