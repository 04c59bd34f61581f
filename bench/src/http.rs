//! One request to a server, over a connection of its own.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(20);

/// Sends it to `HOST:PORT` and returns the answer's JSON, `Null` if there is none; anything but 2xx fails.
pub async fn call(host: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let (_, body) = send(host, method, path, "application/json", &body).await?;
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&body)?) }
}

/// The same with a body of this kind; returns the answer's head and body.
pub async fn send(host: &str, method: &str, path: &str, kind: &str, body: &str) -> Result<(String, String)> {
    send_as("Bearer any", host, method, path, (kind, body)).await
}

/// The same with this `Authorization`.
pub async fn send_as(
    account: &str,
    host: &str,
    method: &str,
    path: &str,
    (kind, body): (&str, &str),
) -> Result<(String, String)> {
    let mut stream = TcpStream::connect(host).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {account}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(LIMIT, stream.read_to_string(&mut answer)).await.context("no answer")??;
    ensure!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is cut off")?;
    Ok((head.into(), body.into()))
}
