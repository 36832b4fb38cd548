//! The judges' own Python: a virtual environment of exact versions, made once
//! under the target folder.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::skipped::skipped;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A Python that has the judges.
pub(crate) struct Python(&'static Path);

impl Python {
    /// The judges, or `None` (said loudly) where there is no Python or no
    /// package index to get them from.
    pub(crate) fn ready() -> Option<Self> {
        static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match READY.get_or_init(ready) {
            Ok(program) => Some(Self(program)),
            Err(why) => {
                skipped(why);
                None
            }
        }
    }

    /// Runs one of our scripts on a value and returns what it makes of it.
    pub(crate) async fn ask(&self, script: &str, input: &Value) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let [question, answer] =
            ["question.json", "answer.json"].map(|name| folder.path().join(name));
        std::fs::write(&question, input.to_string()).unwrap();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let output = tokio::process::Command::new(self.0)
            .arg(scripts.join(script))
            .args([&question, &answer])
            // Neither a proxy nor settings of this machine may reach a judge.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
        let text = std::fs::read_to_string(&answer).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

fn ready() -> Result<PathBuf, String> {
    let version = run("python3", ["--version"])?;
    let mut hasher = DefaultHasher::new();
    (REQUIREMENTS, version).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = folder.join(format!("peers-{:016x}", hasher.finish()));
    let python = |environment: &Path| environment.join("bin/python");
    if !made.is_dir() {
        // Under another name until it is whole: an interrupted one is never used.
        let half = folder.join(format!("peers-{}.half", std::process::id()));
        run(
            "python3",
            [OsStr::new("-m"), "venv".as_ref(), half.as_ref()],
        )?;
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/requirements.txt");
        let install = "-m pip install --quiet --no-input --disable-pip-version-check --no-deps -r";
        let arguments = install.split(' ').map(OsStr::new).chain([list.as_os_str()]);
        run(python(&half), arguments)?;
        if std::fs::rename(&half, &made).is_err() {
            // Somebody else was faster; theirs is the same.
            let _ = std::fs::remove_dir_all(&half);
        }
    }
    Ok(python(&made))
}

fn run<P: AsRef<OsStr>>(
    program: P,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String, String> {
    let program = program.as_ref();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} does not start: {error}", program.display()))?;
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{} failed: {told}", program.display()))
    }
}
