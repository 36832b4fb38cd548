//! What a stand-in needs whatever it stands in for: a server on loopback that
//! can be stopped, and a log of requests that can be waited on.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long open connections have to end once the server is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The machine's clock, for a stand-in that is given no other.
pub(crate) fn machine_clock() -> Clock {
    Clock::system(|duration| Box::pin(tokio::time::sleep(duration)))
}

/// A listener on a free port of loopback.
pub async fn loopback() -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// A running server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Serves `routes` on a listener that is already bound, until `stop`.
    pub fn start(
        listener: TcpListener,
        routes: Router,
        stop: CancellationToken,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        // Without this an answer's last bytes wait for the peer's acknowledgement.
        let listener = listener.tap_io(|connection| {
            // A connection that cannot be set up is one that is already gone.
            let _ = connection.set_nodelay(true);
        });
        let told = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            // `axum::serve` has no error to tell: it retries to accept.
            let _ = axum::serve(listener, routes)
                .with_graceful_shutdown(told)
                .await;
        });
        Ok(Self {
            address,
            stop,
            task: Mutex::new(Some(task)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it; afterwards the port refuses connections. Answers that are
    /// still being sent get a moment to end.
    pub async fn stop(&self) {
        self.stop.cancel();
        let task = lock(&self.task).take();
        if let Some(mut task) = task
            && tokio::time::timeout(LAST_WORDS, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What was asked so far, in order, and a way to wait for more.
#[derive(Debug)]
pub struct Log<T> {
    entries: Mutex<Vec<T>>,
    changes: watch::Sender<()>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self {
            entries: Mutex::new(Vec::new()),
            changes: watch::Sender::new(()),
        }
    }
}

impl<T: Clone> Log<T> {
    /// Adds an entry; returns its place, for [`Log::change`].
    pub fn push(&self, entry: T) -> usize {
        let place = {
            let mut entries = lock(&self.entries);
            entries.push(entry);
            entries.len() - 1
        };
        self.changes.send_replace(());
        place
    }

    /// Completes an entry.
    pub fn change(&self, place: usize, with: impl FnOnce(&mut T)) {
        if let Some(entry) = lock(&self.entries).get_mut(place) {
            with(entry);
        }
        self.changes.send_replace(());
    }

    /// All entries so far.
    pub fn all(&self) -> Vec<T> {
        lock(&self.entries).clone()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Whether nothing was logged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all entries. Places given out before are void.
    pub fn clear(&self) {
        lock(&self.entries).clear();
    }

    /// Waits until the entries are as wanted, and returns them. It wakes when
    /// something changes and never sleeps, so it is at once fast and exact.
    pub async fn wait_for(&self, wanted: impl Fn(&[T]) -> bool) -> Vec<T> {
        let mut changes = self.changes.subscribe();
        loop {
            {
                let entries = lock(&self.entries);
                if wanted(&entries) {
                    return entries.clone();
                }
            }
            if changes.changed().await.is_err() {
                // Cannot be: the sender lives in `self`.
                return self.all();
            }
        }
    }
}

/// Locks; a thread that panicked with the lock held has not left half a change,
/// since every change here is one statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn waiting_ends_with_the_entry_that_was_waited_for() {
        let log = Arc::new(Log::default());
        let waiter = tokio::spawn({
            let log = log.clone();
            async move { log.wait_for(|seen: &[u8]| seen.contains(&3)).await }
        });
        for entry in [1, 2, 3] {
            log.push(entry);
        }
        assert!(waiter.await.unwrap().contains(&3));
    }

    #[tokio::test]
    async fn a_stopped_server_refuses_connections() {
        let stop = CancellationToken::new();
        let server = Server::start(loopback().await.unwrap(), Router::new(), stop).unwrap();
        let address = server.address();
        assert!(tokio::net::TcpStream::connect(address).await.is_ok());
        server.stop().await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}
