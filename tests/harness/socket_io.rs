//! A page's Socket.IO client by hand, packet by packet, so that it can also say what no client says: Engine.IO 4
//! (`0` open, `1` close, `2` ping, `3` pong, `4` message), in its messages Socket.IO 5 (`0` connect, `2` event, `3`
//! acknowledgement, `4` refused).

#![allow(dead_code)]

use crate::harness::DEADLINE;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// What a page asks for.
pub const QUERY: &str = "EIO=4&transport=websocket";

/// One connected page.
pub struct Page {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Its Socket.IO id, once it has joined.
    pub sid: String,
    /// Came before something that was waited for.
    early: VecDeque<String>,
}

impl Page {
    /// Opens a connection, no more; the status on refusal.
    pub async fn dial(address: SocketAddr, query: &str) -> Result<Self, u16> {
        match connect_async(format!("ws://{address}/socket.io/?{query}")).await {
            Ok((socket, _)) => Ok(Self { socket, sid: String::new(), early: VecDeque::new() }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// The same for a client that has hardly any room for what it does not read.
    pub async fn dial_narrow(address: SocketAddr) -> Self {
        let narrow = tokio::net::TcpSocket::new_v4().unwrap();
        narrow.set_recv_buffer_size(4096).unwrap();
        let stream = MaybeTlsStream::Plain(narrow.connect(address).await.unwrap());
        let url = format!("ws://{address}/socket.io/?{QUERY}");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Self { socket, sid: String::new(), early: VecDeque::new() }
    }

    /// Joins the default namespace.
    pub async fn open(address: SocketAddr) -> Self {
        let mut page = Self::dial(address, QUERY).await.expect("a connection");
        let open = page.next().await;
        assert!(open.starts_with("0{"), "{open}");
        page.send("40").await;
        let joined = page.next().await;
        let joined: Value = serde_json::from_str(joined.strip_prefix("40").expect("joined")).unwrap();
        page.sid = joined["sid"].as_str().unwrap().to_owned();
        page
    }

    /// The same, and says who it is.
    pub async fn of(address: SocketAddr, login: &str) -> Self {
        let mut page = Self::open(address).await;
        assert_eq!(page.log_in(json!({ "login": login })).await, json!({ "status": 0 }));
        page
    }

    /// Logs in with an acknowledgement, and returns that. News that came before are kept for later.
    pub async fn log_in(&mut self, data: Value) -> Value {
        self.send(&format!("421{}", json!(["login", data]))).await;
        loop {
            let packet = self.fresh().await;
            match packet.strip_prefix("431") {
                Some(answer) => return serde_json::from_str::<Value>(answer).unwrap()[0].clone(),
                None => self.early.push_back(packet),
            }
        }
    }

    pub async fn send(&mut self, packet: &str) {
        self.socket.send(Message::text(packet)).await.unwrap();
    }

    /// The next packet that is no ping.
    pub async fn next(&mut self) -> String {
        match self.early.pop_front() {
            Some(packet) => packet,
            None => self.fresh().await,
        }
    }

    async fn fresh(&mut self) -> String {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3").await,
                    Some(Ok(Message::Text(text))) => return text.as_str().to_owned(),
                    other => panic!("instead of a packet: {other:?}"),
                }
            }
        };
        tokio::time::timeout(DEADLINE, next).await.expect("a packet in time")
    }

    /// The next packet must be this event.
    pub async fn hears(&mut self, event: &str, data: Value) {
        assert_eq!(self.next().await, format!("42{}", json!([event, data])));
    }

    /// Nothing has come that was not expected: the answer to something harmless is next.
    pub async fn quiet(&mut self) {
        let refused = self.log_in(json!(null)).await;
        assert_eq!((&refused["status"], self.early.len()), (&json!(1), 0), "{refused}, {:?}", self.early);
    }

    /// The server ends the connection.
    pub async fn ended(&mut self) {
        let end = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::time::timeout(DEADLINE, end).await.expect("the connection should have ended");
    }
}
