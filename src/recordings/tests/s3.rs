//! A real S3-compatible server for tests: s3s-fs over HTTP, which can be stopped as a crash would, held up and made to lie.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::error_handling::HandleError;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use parking_lot::Mutex;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

pub const BUCKET: &str = "recordings";
pub const ACCESS_KEY: &str = "AKEXAMPLE";
pub const SECRET_KEY: &str = "not-so-secret";

/// What the server does beside serving.
pub struct Gate {
    /// Numbers of the parts that were let through, in order.
    pub parts: Mutex<Vec<String>>,
    /// The part after so many is held up for ever, and told by `reached`.
    pub hold_after: AtomicUsize,
    pub reached: Notify,
    /// Turns a bit of everything that is read.
    pub lies: AtomicBool,
}

pub struct S3 {
    root: tempfile::TempDir,
    pub address: SocketAddr,
    pub gate: Arc<Gate>,
    runtime: Option<Runtime>,
}

impl S3 {
    pub fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let gate = Arc::new(Gate {
            parts: Mutex::default(),
            hold_after: AtomicUsize::new(usize::MAX),
            reached: Notify::new(),
            lies: AtomicBool::default(),
        });
        let mut server = Self { root, address: SocketAddr::from(([127, 0, 0, 1], 0)), gate, runtime: None };
        server.start_again();
        server
    }

    /// Serves the same folder on the same port.
    pub fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.address = listener.local_addr().unwrap();
        let mut s3 = S3ServiceBuilder::new(s3s_fs::FileSystem::new(self.root.path()).unwrap());
        s3.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let broken = |error: s3s::HttpError| async move { (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}")) };
        let service = HandleError::new(s3.build(), broken);
        let routes = Router::new().fallback_service(service);
        let routes = routes.layer(middleware::from_fn_with_state(Arc::clone(&self.gate), pass));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
        self.runtime = Some(runtime);
    }

    /// All connections break, the port is free.
    pub fn stop(&mut self) {
        let runtime = self.runtime.take();
        let stop = move || runtime.into_iter().for_each(|r| r.shutdown_timeout(Duration::from_secs(10)));
        std::thread::spawn(stop).join().unwrap();
    }

    pub fn object(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }
    /// Files that s3s-fs keeps of uploads that are under way.
    pub fn half_sent(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.path()).unwrap().flatten().map(|e| e.path());
        entries.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with(".upload")).collect()
    }
    pub fn parts(&self) -> Vec<String> {
        self.gate.parts.lock().clone()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let part = query.split('&').find_map(|pair| pair.strip_prefix("partNumber="));
    if let Some(part) = part.filter(|_| request.method() == Method::PUT) {
        if gate.parts.lock().len() >= gate.hold_after.load(Ordering::SeqCst) {
            gate.reached.notify_one();
            std::future::pending::<()>().await;
        }
        gate.parts.lock().push(part.into());
    }
    let is_read = request.method() == Method::GET;
    let response = next.run(request).await;
    if !is_read || !gate.lies.load(Ordering::SeqCst) {
        return response;
    }
    let (head, body) = response.into_parts();
    let mut data = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    data.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    Response::from_parts(head, Body::from(data))
}
