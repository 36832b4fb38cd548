//! Says whether the service is well, without a port, a file or a volume: over
//! a Unix socket in the abstract namespace, which an empty read-only image has
//! too. `vtreporter healthcheck` asks there.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tracing::debug;

use super::ping::Heart;
use crate::commands::Exit;

/// A heart that has not tried to beat for so long hangs. A platform that does
/// not answer is no reason: a restart here would not help it.
const SILENCE: Duration = Duration::from_secs(300);

/// How long the asking side waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// Answers whoever connects, for ever. `id` is the connector's: two instances
/// in one network namespace do not meet.
pub async fn serve(id: String, heart: Arc<Heart>) {
    let listener = match listen(&id) {
        Ok(listener) => listener,
        Err(error) => {
            debug!(error = %error, "no health socket; `vtreporter healthcheck` will say: not running");
            return;
        }
    };
    while let Ok((mut stream, _)) = listener.accept().await {
        let silence = heart.silence().await;
        let answer = if silence < SILENCE {
            "well".to_owned()
        } else {
            format!("no sign of life for {} s", silence.as_secs())
        };
        // Whoever asked may be gone.
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

/// Asks the service with this id.
pub async fn ask(id: &str) -> Result<(), Exit> {
    let answer = tokio::time::timeout(PATIENCE, read(id))
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

async fn read(id: &str) -> io::Result<String> {
    let stream = StdStream::connect_addr(&address(id)?)?;
    stream.set_nonblocking(true)?;
    let mut answer = String::new();
    UnixStream::from_std(stream)?
        .read_to_string(&mut answer)
        .await?;
    Ok(answer)
}

fn listen(id: &str) -> io::Result<UnixListener> {
    let listener = StdListener::bind_addr(&address(id)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn address(id: &str) -> io::Result<SocketAddr> {
    // The name's length is limited to 107 bytes; ids are UUIDs.
    let id: String = id.chars().take(80).filter(char::is_ascii_graphic).collect();
    SocketAddr::from_abstract_name(format!("vtreporter/{id}"))
}
