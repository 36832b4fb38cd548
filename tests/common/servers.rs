//! Server programs for tests: each on a free port, in a folder of its own,
//! and gone with the test, however that ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

#[path = "skipped.rs"]
mod skipped;
use skipped::skipped;

/// A program by one of its names, looked for in `folders` and then in `PATH`.
///
/// Without it a test is skipped loudly; with `VTREPORTER_TEST_REQUIRE_SERVERS=1`
/// it fails.
pub(crate) fn program(names: &[&str], folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().map(PathBuf::from);
    let all: Vec<PathBuf> = all.chain(std::env::split_paths(&path)).collect();
    let found = all
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        skipped(&format!("the program `{}` is not installed", names[0]));
    }
    found
}

/// Names the folder that goes with a server.
const REMOVE: &str = "VTREPORTER_TEST_REMOVE";

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A running program and everything that it started.
///
/// A shell in a process group of its own starts it and waits for the end of
/// its standard input: when this process is gone, in whatever way, the shell
/// ends its group.
pub(crate) struct Server {
    shell: Child,
}

impl Server {
    /// Starts `commands` (shell, one a line, each in the background) and waits
    /// until one prints a line with `ready`. When this process is gone before
    /// [`Server::kill`], the folder `remove` goes too.
    pub(crate) fn start(
        commands: &str,
        env: &[(&str, String)],
        log: &Path,
        ready: &str,
        remove: Option<&Path>,
    ) -> Self {
        let watch = "exec 3<&0 </dev/null";
        // The folder first: after the kill nobody is left to remove it. 0 is
        // the group of the shell itself.
        let end = "cat <&3 >/dev/null; [ -z \"$VTREPORTER_TEST_REMOVE\" ] || rm -rf -- \"$VTREPORTER_TEST_REMOVE\"; kill -s KILL 0";
        let mut shell = Command::new("sh")
            .args(["-c", &format!("{watch}\n{commands}\n{end}")])
            .envs(env.iter().map(|(name, value)| (name, value)))
            .env(REMOVE, remove.unwrap_or_else(|| Path::new("")))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log).unwrap())
            .spawn()
            .unwrap();
        let output = shell.stdout.take().unwrap();
        let mut lines = BufReader::new(output).lines();
        let mut said = String::new();
        let up = lines.by_ref().map_while(Result::ok).any(|line| {
            said.push_str(&line);
            said.push('\n');
            line.contains(ready)
        });
        let errors = std::fs::read_to_string(log).unwrap_or_default();
        assert!(up, "the server did not come up:\n{said}\n{errors}");
        // Read on, so that the program never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { shell }
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.shell.id().cast_signed());
        // The group is ours: its leader is the shell that we started.
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.shell.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.shell.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// A RabbitMQ of the test's own.
pub(crate) struct Rabbit {
    program: PathBuf,
    folder: TempDir,
    pub(crate) port: u16,
    pub(crate) tls_port: Option<u16>,
    dist_port: u16,
    epmd_port: u16,
    server: Option<Server>,
}

impl Rabbit {
    /// A broker, or `None` (said loudly) where RabbitMQ is not installed.
    /// `tls` holds authority, certificate and key in PEM.
    pub(crate) fn start(tls: Option<[&str; 3]>) -> Option<Self> {
        Self::start_with(tls, "")
    }

    /// As [`Rabbit::start`], with lines of its configuration.
    pub(crate) fn start_with(tls: Option<[&str; 3]>, lines: &str) -> Option<Self> {
        // Debian's script in PATH changes the user; the one behind it does not.
        let rabbit = program(&["rabbitmq-server"], &["/usr/lib/rabbitmq/bin"])?;
        program(&["epmd"], &[])?;
        let mut rabbit = Self {
            program: rabbit,
            folder: TempDir::with_prefix("vtreporter-rabbit").unwrap(),
            port: free_port(),
            tls_port: tls.is_some().then(free_port),
            dist_port: free_port(),
            epmd_port: free_port(),
            server: None,
        };
        rabbit.configure(tls, lines);
        rabbit.run();
        Some(rabbit)
    }

    fn configure(&self, tls: Option<[&str; 3]>, lines: &str) {
        let folder = self.folder.path();
        let mut config = format!(
            "listeners.tcp.local = 127.0.0.1:{}\nloopback_users.guest = true\n{lines}",
            self.port
        );
        if let (Some(pems), Some(port)) = (tls, self.tls_port) {
            config.push_str(&format!("listeners.ssl.local = 127.0.0.1:{port}\n"));
            for (name, pem) in ["cacertfile", "certfile", "keyfile"].iter().zip(pems) {
                let file = folder.join(format!("{name}.pem"));
                std::fs::write(&file, pem).unwrap();
                config.push_str(&format!("ssl_options.{name} = {}\n", file.display()));
            }
            config.push_str("ssl_options.verify = verify_peer\n");
            config.push_str("ssl_options.fail_if_no_peer_cert = true\n");
        }
        std::fs::write(folder.join("rabbitmq.conf"), config).unwrap();
        std::fs::write(folder.join("plugins"), "[].\n").unwrap();
    }

    /// Starts it, after [`Rabbit::kill`] with what it had on disk.
    pub(crate) fn run(&mut self) {
        let folder = self.folder.path();
        let inside = |name: &str| folder.join(name).display().to_string();
        let env = [
            ("HOME", inside("")),
            ("ERL_EPMD_PORT", self.epmd_port.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            (
                "RABBITMQ_NODENAME",
                format!("vtreporter{}@localhost", self.port),
            ),
            ("RABBITMQ_NODE_PORT", self.port.to_string()),
            ("RABBITMQ_DIST_PORT", self.dist_port.to_string()),
            ("RABBITMQ_MNESIA_BASE", inside("data")),
            ("RABBITMQ_LOG_BASE", inside("log")),
            ("RABBITMQ_LOGS", inside("log/rabbit.log")),
            ("RABBITMQ_PID_FILE", inside("pid")),
            ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
            ("RABBITMQ_CONF_ENV_FILE", inside("none")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("plugins")),
        ];
        let commands = format!(
            "epmd -port {} &\n'{}' &",
            self.epmd_port,
            self.program.display()
        );
        let log = folder.join("errors");
        self.server = Some(Server::start(
            &commands,
            &env,
            &log,
            "completed with",
            Some(folder),
        ));
    }

    /// Ends it at once, as a power cut would; its data stays.
    pub(crate) fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }
}
