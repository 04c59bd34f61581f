//! One port for HTTPS and plain HTTP: the original's development image speaks plain HTTP where its deployments speak TLS, and
//! applications have both addresses written down.
//!
//! Decides by the first byte, which in TLS is that of a handshake record and in HTTP a letter.

use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures::future::BoxFuture;
use hyper::Request;
use hyper::header::{HeaderName, HeaderValue};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tower::Service;

/// First byte of a TLS record with a handshake (RFC 8446 5.1).
const HANDSHAKE: u8 = 0x16;
/// Who says nothing until then is only keeping a socket busy.
const FIRST_BYTE_LIMIT: Duration = Duration::from_secs(10);
const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Takes TLS, and where it is told to plain connections too.
#[derive(Clone)]
pub struct TlsOrPlain {
    tls: RustlsAcceptor,
    plain: bool,
}

impl TlsOrPlain {
    /// With this certificate. `plain`: whether who speaks no TLS is served.
    pub fn new(tls: RustlsConfig, plain: bool) -> Self {
        Self { tls: RustlsAcceptor::new(tls), plain }
    }
}

impl<S: Send + 'static> Accept<TcpStream, S> for TlsOrPlain {
    type Stream = Either<TlsStream<TcpStream>, TcpStream>;
    type Service = Told<S>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (tls, plain) = (self.tls.clone(), self.plain);
        Box::pin(async move {
            let (stream, service) = NoDelayAcceptor::new().accept(stream, service).await?;
            if plain && !is_tls(&stream).await? {
                return Ok((Either::Right(stream), Told::new("http", service)));
            }
            let (stream, service) = tls.accept(stream, service).await?;
            Ok((Either::Left(stream), Told::new("https", service)))
        })
    }
}

async fn is_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = tokio::time::timeout(FIRST_BYTE_LIMIT, stream.peek(&mut first)).await;
    read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(first == [HANDSHAKE])
}

/// A service that is told how its client came, unless a proxy has said so before (`X-Forwarded-Proto`).
#[derive(Clone)]
pub struct Told<S> {
    scheme: &'static str,
    inner: S,
}

impl<S> Told<S> {
    fn new(scheme: &'static str, inner: S) -> Self {
        Self { scheme, inner }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Told<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.headers_mut().entry(SCHEME).or_insert(HeaderValue::from_static(self.scheme));
        self.inner.call(request)
    }
}
