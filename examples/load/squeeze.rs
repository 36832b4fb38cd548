//! A front end that compresses what VirusTotal answers, as the real one does.

use std::io::Write;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use vtreporter::base::http::{HttpOptions, client};

pub(crate) struct Squeeze {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Behind {
    client: reqwest::Client,
    /// Scheme and authority.
    server: String,
}

impl Squeeze {
    /// Starts one before the API at `url`.
    pub(crate) async fn start(url: &str) -> std::io::Result<Self> {
        let server = url.strip_suffix("/api/v3").unwrap_or(url).to_owned();
        let client = client(&HttpOptions::default()).map_err(std::io::Error::other)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/api/v3", listener.local_addr()?);
        let routes = Router::new()
            .fallback(pass)
            .with_state(Behind { client, server });
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, task })
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Squeeze {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(behind): State<Behind>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match answer(&behind, &head).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn answer(
    behind: &Behind,
    request: &Parts,
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let mut asked = behind
        .client
        .get(format!("{}{}", behind.server, request.uri));
    for name in ["x-apikey", "x-tool"] {
        if let Some(value) = request.headers.get(name) {
            asked = asked.header(name, value.clone());
        }
    }
    let answer = asked.send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
    packed.write_all(&body)?;
    Ok(Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_ENCODING, "gzip")
        .body(Body::from(packed.finish()?))?)
}
