//! Clients over UDP: one socket for all, a table of those that have a relay.
//!
//! Nobody else is in the table, so that invented addresses cost nothing.

use super::allocation::Allocation;
use super::frames::MAX_MESSAGE;
use super::house::{Caller, Figures, House};
use super::way::Way;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;

/// How often those whose relay is over are taken out of the table.
const SWEEP: Duration = Duration::from_secs(5);

/// Serves a socket until the task is dropped.
pub(super) async fn serve(house: Arc<House>, socket: UdpSocket) {
    let Ok(local) = socket.local_addr() else { return };
    let mut table = Table { house, socket: Arc::new(socket), local, clients: HashMap::new() };
    let mut packet = vec![0; MAX_MESSAGE + 1];
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = sweep.tick() => table.clients.retain(|_, allocation| !allocation.is_over()),
            read = table.socket.recv_from(&mut packet) => match read {
                Ok((length, client)) if length <= MAX_MESSAGE => table.take(&packet[..length], client),
                Ok(_) => Figures::dropped("too_long"),
                // Of an answer that did not arrive: the next one is another client's.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

struct Table {
    house: Arc<House>,
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    clients: HashMap<SocketAddr, Arc<Allocation>>,
}

impl Table {
    fn take(&mut self, packet: &[u8], client: SocketAddr) {
        let way = Way::Datagram(Arc::clone(&self.socket), client);
        let has = self.clients.get(&client).filter(|allocation| !allocation.is_over());
        let caller = Caller { client, local: self.local, way: &way, has };
        if let Some(opened) = self.house.take(packet, &caller) {
            self.clients.insert(client, opened);
        }
    }
}
