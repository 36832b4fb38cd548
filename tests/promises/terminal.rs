//! What somebody sees who sits at a terminal, and what a pipe gets instead.

use std::io::Read;
use std::process::Stdio;

use nix::pty::{Winsize, openpty};
use vtreporter::standin::virustotal::{Answer, Fault, On};

use crate::program::{COMMANDS, command, ended, wait};
use crate::rig::{PATIENCE, Rig, file_at};

/// What a program writes to standard error, where that is a terminal so wide.
async fn on_a_terminal(rig: &Rig, arguments: &[&str], columns: u16) -> (Option<i32>, String) {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = openpty(Some(&size), None).unwrap();
    let mut program = rig.program(arguments);
    let child = program.env("TERM", "xterm").stderr(Stdio::from(pty.slave));
    let child = child.spawn().unwrap();
    // The last holder of the other end: reading ends when the program does.
    drop(program);
    let reading = std::thread::spawn(move || {
        let (mut screen, mut bytes) = (std::fs::File::from(pty.master), Vec::new());
        // A terminal that nobody holds any more ends in an error.
        let _ = screen.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let ended = wait(child).await;
    (ended.code, reading.join().unwrap())
}

async fn with_files(count: u32) -> Rig {
    let rig = Rig::live(vtreporter::standin::virustotal::World::empty()).await;
    let world = (0..count).fold(
        vtreporter::standin::virustotal::World::empty(),
        |world, n| {
            let first = rig.clock.now() - chrono::TimeDelta::seconds(i64::from(60 + count - n));
            world.with_file(file_at(n, "MEDIUM", first))
        },
    );
    rig.vt.set_world(world);
    rig
}

#[tokio::test]
async fn a_bar_shows_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let preview = ["preview", "--out", out];
    let rig = with_files(350).await;
    let (code, screen) = on_a_terminal(&rig, &preview, 100).await;
    assert_eq!(code, Some(0), "{screen}");
    for part in ["[", "] ", " % ", "AU: page ", " files", "Australia: asking"] {
        assert!(screen.contains(part), "{part:?}: {screen:?}");
    }
    let piped = rig.run(&preview).await;
    assert!(!piped.stderr.contains("AU: "), "{}", piped.stderr);
    // Whoever looks at a preview is a person: plain lines.
    let plain = |line: &str| line.starts_with("20") && line.contains(" INFO ");
    assert!(piped.stderr.lines().all(plain), "{}", piped.stderr);
    // The service's lines stay whole above the bar.
    let rig = rig.set("CONNECTOR_RUN_AND_TERMINATE", "true");
    let (code, screen) = on_a_terminal(&rig, &["run"], 100).await;
    assert_eq!(code, Some(0), "{screen}");
    let whole = screen
        .split(['\r', '\n'])
        .filter_map(|line| line.find("{\"timestamp\"").map(|at| &line[at..]))
        .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert!(whole.count() >= 3, "{screen:?}");
    assert!(screen.contains("AU: page "), "{screen:?}");
    let piped = rig.run(&["run"]).await;
    let lines = piped.stderr.lines();
    assert!(
        lines.clone().all(|line| line.starts_with('{')),
        "{}",
        piped.stderr
    );
}

/// Bytes in the files of a folder.
fn size(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}

#[tokio::test]
async fn a_preview_that_is_cut_off_says_so_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let rig = with_files(350).await;
    rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
    let child = rig.program(&["preview", "--out", out]).spawn().unwrap();
    let asked = |all: &[_]| {
        all.iter()
            .filter(|one: &&vtreporter::standin::virustotal::Logged| one.is_search())
            .count()
            == 2
    };
    rig.vt.wait_for(asked).await;
    // The second page is asked for while the first one is written.
    let written = async {
        while size(folder.path()) == 0 {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, written)
        .await
        .expect("the first page is written");
    let id = nix::unistd::Pid::from_raw(child.id().unwrap().cast_signed());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    let ended = wait(child).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("Australia: 300 files matched, 300 kept"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("AU: stopped before its end"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn every_help_fits_the_terminal() {
    let mut helps = vec![vec!["--help"]];
    helps.extend(COMMANDS.map(|name| vec![name, "--help"]));
    for arguments in helps {
        for columns in [50, 80, 300] {
            let help = ended(command(&arguments).env("COLUMNS", columns.to_string())).await;
            assert_eq!(help.code, Some(0));
            let widest = help.stdout.lines().map(|line| line.chars().count()).max();
            // No line is longer than an eye follows, however wide the window.
            assert!(
                widest.unwrap() <= columns.min(100),
                "{arguments:?}: {}",
                help.stdout
            );
        }
    }
}

#[tokio::test]
async fn a_shell_completes_commands_and_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ended(&mut command(&["completions", shell])).await;
        assert_eq!(script.code, Some(0), "{}", script.stderr);
        for word in ["healthcheck", "offline"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(
        ended(&mut command(&["completions", "cmd"])).await.code,
        Some(2)
    );
    // As bash does it when somebody presses the tabulator.
    let script = "source <(\"$PROGRAM\" completions bash); COMP_WORDS=(vtreporter \"$@\"); \
                  COMP_CWORD=$#; _vtreporter vtreporter \"${@: -1}\" \"${@: -2:1}\"; \
                  echo \"${COMPREPLY[@]}\"";
    for (typed, completed) in [(&["chec"][..], "check"), (&["check", "--off"], "--offline")] {
        let bash = tokio::process::Command::new("bash")
            .args(["-c", script, "bash"])
            .args(typed)
            .env("PROGRAM", env!("CARGO_BIN_EXE_vtreporter"))
            .output()
            .await
            .unwrap();
        let told = String::from_utf8_lossy(&bash.stdout);
        assert_eq!(
            told.trim(),
            completed,
            "{}",
            String::from_utf8_lossy(&bash.stderr)
        );
    }
}

#[tokio::test]
async fn there_is_a_manual_page_of_all_and_of_each_command() {
    let page = ended(&mut command(&["man"])).await;
    assert_eq!(page.code, Some(0), "{}", page.stderr);
    for part in [".TH vtreporter 1", "Exit codes", "vtreporter\\-check(1)"] {
        assert!(page.stdout.contains(part), "{part}: {}", page.stdout);
    }
    for name in COMMANDS {
        let page = ended(&mut command(&["man", name])).await;
        assert_eq!(page.code, Some(0), "{}", page.stderr);
        let title = format!(".TH vtreporter-{name} 1");
        assert!(page.stdout.contains(&title), "{title}: {}", page.stdout);
        assert!(page.stdout.contains("Example: "), "{name}");
    }
    let unknown = ended(&mut command(&["man", "frobnicate"])).await;
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("run, check, plan"),
        "{}",
        unknown.stderr
    );
}
