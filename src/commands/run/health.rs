//! Says whether the service is well, without a port, a file or a volume: over
//! a Unix socket in the abstract namespace of Linux, which an empty read-only
//! image has too. `vtreporter healthcheck` asks there.
//!
//! The name of the socket is the connector's id, and only one process can hold
//! it: so it also keeps a second one with the same id from starting.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::debug;

use super::heartbeat::Heartbeat;
use crate::commands::Exit;

/// A heart that has not tried to beat for so long hangs. A platform that does
/// not answer is no reason: a restart here would not help it.
const SILENCE: Duration = Duration::from_secs(300);

/// A process that is just ending still holds its place for a moment.
const LEAVING: Duration = Duration::from_millis(100);
const LEAVING_TRIES: u32 = 10;

/// How long the asking side waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// The place of a connector on this machine, or in its network namespace: held
/// as long as this lives. Without one where there are no such sockets.
pub(super) struct Post(Option<socket::Listener>);

impl Post {
    /// Takes the place of this id.
    ///
    /// # Errors
    /// [`Exit::Settings`] when another process holds it, and keeps it.
    pub(super) async fn take(id: &str) -> Result<Self, Exit> {
        let mut tries = 1;
        loop {
            match socket::Listener::bind(id) {
                Ok(listener) => return Ok(Self(Some(listener))),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    if tries == LEAVING_TRIES {
                        return Err(taken(id));
                    }
                    tries += 1;
                    tokio::time::sleep(LEAVING).await;
                }
                Err(error) => {
                    debug!(error = %error, "no health socket; `vtreporter healthcheck` will say: not running");
                    return Ok(Self(None));
                }
            }
        }
    }

    /// Answers whoever asks, for ever. As long as there is no `heart` the
    /// connector waits for a platform that is slow to start, and is well.
    pub(super) async fn answer(&self, heartbeat: &OnceLock<Arc<Heartbeat>>) -> Infallible {
        let Some(listener) = &self.0 else {
            return std::future::pending().await;
        };
        loop {
            let silence = || match heartbeat.get() {
                Some(heartbeat) => heartbeat.silence(),
                None => Duration::ZERO,
            };
            listener.answer(async || well(silence())).await;
        }
    }
}

fn taken(id: &str) -> Exit {
    Exit::Settings(format!(
        "another connector with CONNECTOR_ID {id} runs on this machine: two with one id would \
         overwrite each other's state; stop the other one, or give this one a CONNECTOR_ID of its \
         own"
    ))
}

fn well(silence: Duration) -> String {
    if silence < SILENCE {
        "well".to_owned()
    } else {
        format!("no sign of life for {} s", silence.as_secs())
    }
}

/// Asks the service with this id.
pub async fn ask(id: &str) -> Result<(), Exit> {
    let answer = tokio::time::timeout(PATIENCE, socket::read(id))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    match answer.as_deref() {
        Ok("well") => Ok(()),
        Ok(other) => Err(Exit::NotEverything(other.to_owned())),
        Err(error) => Err(Exit::NotEverything(format!(
            "no service with CONNECTOR_ID {id} answers here ({error})"
        ))),
    }
}

#[cfg(target_os = "linux")]
mod socket {
    use std::io;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};

    /// Before the next try, where a connection cannot be taken.
    const SHORT_OF_FILES: Duration = Duration::from_secs(1);

    pub(super) struct Listener(UnixListener);

    impl Listener {
        pub(super) fn bind(id: &str) -> io::Result<Self> {
            let listener = StdListener::bind_addr(&address(id)?)?;
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener).map(Self)
        }

        /// Answers the next one who asks.
        pub(super) async fn answer(&self, say: impl AsyncFnOnce() -> String) {
            match self.0.accept().await {
                Ok((mut stream, _)) => {
                    // Whoever asked may be gone.
                    let _ = stream.write_all(say().await.as_bytes()).await;
                }
                Err(_) => tokio::time::sleep(SHORT_OF_FILES).await,
            }
        }
    }

    pub(super) async fn read(id: &str) -> io::Result<String> {
        let stream = StdStream::connect_addr(&address(id)?)?;
        stream.set_nonblocking(true)?;
        let mut answer = String::new();
        UnixStream::from_std(stream)?
            .read_to_string(&mut answer)
            .await?;
        Ok(answer)
    }

    fn address(id: &str) -> io::Result<SocketAddr> {
        // The name's length is limited to 107 bytes; ids are UUIDs.
        let id: String = id.chars().take(80).filter(char::is_ascii_graphic).collect();
        SocketAddr::from_abstract_name(format!("vtreporter/{id}"))
    }
}

/// Other systems have no sockets that are gone with their process.
#[cfg(not(target_os = "linux"))]
mod socket {
    use std::convert::Infallible;
    use std::io;

    pub(super) struct Listener(Infallible);

    impl Listener {
        pub(super) fn bind(_id: &str) -> io::Result<Self> {
            Err(only_on_linux())
        }

        pub(super) async fn answer(&self, _say: impl AsyncFnOnce() -> String) {
            match self.0 {}
        }
    }

    pub(super) async fn read(_id: &str) -> io::Result<String> {
        Err(only_on_linux())
    }

    fn only_on_linux() -> io::Error {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "the health check works on Linux only",
        )
    }
}
