//! A strict HTTP proxy: tunnels by CONNECT, other requests in absolute form,
//! credentials if it wants some. It keeps what it was told.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The longest head of a request.
const MOST: usize = 16 * 1024;

/// A running proxy.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// `host:port` that only the proxy knows.
    names: HashMap<String, SocketAddr>,
    /// `user:password`.
    user: Option<String>,
    seen: Mutex<Seen>,
}

/// What a proxy was told.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// `CONNECT host:port` or `GET http://host:port`, each that was let through.
    pub(crate) asked: Vec<String>,
    /// Refused for their credentials.
    pub(crate) refused: usize,
    /// Every byte that came from a client, heads and tunnels.
    pub(crate) bytes: Vec<u8>,
}

impl Seen {
    pub(crate) fn contains(&self, text: &str) -> bool {
        let mut windows = self.bytes.windows(text.len());
        windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    }
}

impl Proxy {
    pub(crate) async fn start(names: &[(&str, SocketAddr)], user: Option<&str>) -> Self {
        let names = names.iter().map(|(name, to)| ((*name).to_owned(), *to));
        let shared = Arc::new(Shared {
            names: names.collect(),
            user: user.map(str::to_owned),
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let shared = serving.clone();
                // A client that leaves in the middle is none of our business.
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        Self {
            address,
            shared,
            task,
        }
    }

    /// Its address, with credentials in front of the host.
    pub(crate) fn url(&self, user: &str) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        format!("http://{user}{at}{}", self.address)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The head of a request.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let (head, rest) = self.head(&mut client).await?;
        let Some(head) = head else {
            return refuse(&mut client, "400 Bad Request", "").await;
        };
        if !self.admits(&head) {
            self.seen.lock().unwrap().refused += 1;
            let ask = "Proxy-Authenticate: Basic realm=\"here\"\r\n";
            return refuse(&mut client, "407 Proxy Authentication Required", ask).await;
        }
        let tunnel = head.method == "CONNECT";
        let (place, path) = if tunnel {
            (head.target.clone(), String::new())
        } else {
            match absolute(&head.target) {
                Some(parts) => parts,
                None => return refuse(&mut client, "400 Bad Request", "").await,
            }
        };
        let asked = if tunnel {
            format!("CONNECT {place}")
        } else {
            format!("{} http://{place}", head.method)
        };
        self.seen.lock().unwrap().asked.push(asked);
        let server = match self.names.get(&place) {
            Some(known) => TcpStream::connect(known).await,
            None => TcpStream::connect(&place).await,
        };
        let Ok(mut server) = server else {
            return refuse(&mut client, "502 Bad Gateway", "").await;
        };
        if tunnel {
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        } else {
            server.write_all(forwarded(&head, &path).as_bytes()).await?;
        }
        server.write_all(&rest).await?;
        self.pass(client, server).await
    }

    /// Reads up to the end of the head; `None` is one that no client sends.
    async fn head(&self, client: &mut TcpStream) -> io::Result<(Option<Head>, Vec<u8>)> {
        let mut read = Vec::new();
        loop {
            let before = read.len();
            if client.read_buf(&mut read).await? == 0 || before > MOST {
                return Ok((None, Vec::new()));
            }
            self.keep(&read[before..]);
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = read.split_off(end + 4);
                return Ok((parse(&read), rest));
            }
        }
    }

    fn admits(&self, head: &Head) -> bool {
        let told: Vec<_> = head
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"))
            .map(|(_, value)| value.as_str())
            .collect();
        match &self.user {
            None => true,
            Some(user) => told == [format!("Basic {}", STANDARD.encode(user))],
        }
    }

    async fn pass(&self, client: TcpStream, server: TcpStream) -> io::Result<()> {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let up = async {
            let mut part = vec![0; MOST];
            loop {
                let count = from_client.read(&mut part).await?;
                if count == 0 {
                    return to_server.shutdown().await;
                }
                self.keep(&part[..count]);
                to_server.write_all(&part[..count]).await?;
            }
        };
        let down = async {
            copy(&mut from_server, &mut to_client).await?;
            to_client.shutdown().await
        };
        tokio::try_join!(up, down).map(drop)
    }

    fn keep(&self, bytes: &[u8]) {
        self.seen.lock().unwrap().bytes.extend_from_slice(bytes);
    }
}

fn parse(head: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target, version) = (first.next()?, first.next()?, first.next()?);
    let headers: Option<Vec<_>> = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        })
        .collect();
    (version == "HTTP/1.1" && first.next().is_none()).then_some(Head {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers?,
    })
}

/// `host:port` and the path of an absolute address.
fn absolute(target: &str) -> Option<(String, String)> {
    let url = url::Url::parse(target).ok()?;
    let place = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    let path = &url[url::Position::BeforePath..];
    (url.scheme() == "http").then(|| (place, path.to_owned()))
}

/// The request as the server gets it: nothing of the proxy's, one answer only.
fn forwarded(head: &Head, path: &str) -> String {
    let mut text = format!("{} {path} HTTP/1.1\r\nConnection: close\r\n", head.method);
    for (name, value) in &head.headers {
        let own = name.to_ascii_lowercase();
        if !own.starts_with("proxy-") && own != "connection" {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text + "\r\n"
}

async fn refuse(client: &mut TcpStream, status: &str, header: &str) -> io::Result<()> {
    let answer =
        format!("HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n");
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}
