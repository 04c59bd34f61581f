//! Debian's `coturn` on loopback: a TURN server as sites with strict firewalls have one.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// User name and password of everybody.
pub const ACCOUNT: (&str, &str) = ("visitor", "secret");

/// A running TURN server; ended when dropped.
pub struct Turn {
    child: Child,
    /// UDP port on 127.0.0.1.
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Turn {
    /// Starts one on a free port, for one account.
    pub async fn start() -> Self {
        Self::start_for(&["--lt-cred-mech", "--user", &format!("{}:{}", ACCOUNT.0, ACCOUNT.1)]).await
    }

    /// Starts one that takes the time-limited credentials made with this secret.
    pub async fn start_sharing(secret: &str) -> Self {
        Self::start_for(&["--use-auth-secret", "--static-auth-secret", secret]).await
    }

    async fn start_for(accounts: &[&str]) -> Self {
        let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a free port").port();
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("turnserver");
        command
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--realm", "millrace"])
            .args(accounts)
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--allow-loopback-peers"])
            .args(["--listening-port", &port.to_string()])
            .args(["--log-file", "stdout", "--userdb"])
            .arg(folder.path().join("turn.db"))
            .arg("--pidfile")
            .arg(folder.path().join("turn.pid"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("coturn is installed by `make test`");
        let turn = Self { child, port, _folder: folder };
        turn.until_listening().await;
        turn
    }

    /// It answers a STUN binding request.
    async fn until_listening(&self) {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let request = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        for _ in 0..100 {
            let _ = socket.send_to(&request, ("127.0.0.1", self.port)).await;
            let mut answer = [0; 256];
            if matches!(tokio::time::timeout(Duration::from_millis(100), socket.recv(&mut answer)).await, Ok(Ok(_))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("coturn does not answer on port {}", self.port);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
