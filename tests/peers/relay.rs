//! A UDP relay between one peer and the server, which can change the address that the server sees: a NAT that forgets,
//! or a phone that leaves the Wi-Fi.

use anyhow::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The relay; ends when dropped.
pub struct Relay {
    /// Where the peer sends to.
    pub front: SocketAddr,
    server: SocketAddr,
    back: watch::Sender<Arc<UdpSocket>>,
    task: JoinHandle<()>,
}

impl Relay {
    /// To this server.
    pub async fn to(server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((server.ip(), 0)).await?;
        let front = socket.local_addr()?;
        let (back, backs) = watch::channel(outside(server).await?);
        let task = tokio::spawn(run(socket, backs));
        Ok(Self { front, server, back, task })
    }

    /// From now on the server sees another address; what is sent to the old one is lost.
    pub async fn change_address(&self) -> Result<()> {
        self.back.send_replace(outside(self.server).await?);
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn outside(server: SocketAddr) -> Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind((server.ip(), 0)).await?;
    socket.connect(server).await?;
    Ok(Arc::new(socket))
}

async fn run(front: UdpSocket, mut backs: watch::Receiver<Arc<UdpSocket>>) {
    let (mut inward, mut outward, mut peer) = ([0; 2048], [0; 2048], None);
    loop {
        let back = backs.borrow_and_update().clone();
        tokio::select! {
            changed = backs.changed() => if changed.is_err() { return },
            received = front.recv_from(&mut inward) => if let Ok((length, from)) = received {
                peer = Some(from);
                let _ = back.send(&inward[..length]).await;
            },
            received = back.recv(&mut outward) => if let (Ok(length), Some(peer)) = (received, peer) {
                let _ = front.send_to(&outward[..length], peer).await;
            },
        }
    }
}
