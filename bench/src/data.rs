//! A client with data channels and nothing else, on streams agreed beforehand: what a page does by mediasoup-client.

use crate::socket::Socket;
use anyhow::{Context, Result};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::ice::IceCreds;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// What such a client has seen.
#[derive(Clone, PartialEq, Eq)]
pub enum Heard {
    /// A stream is open.
    Opened(u16),
    /// A message: whether it is bytes, and it.
    Message(u16, bool, Vec<u8>),
    /// A stream was closed.
    Closed(u16),
}

/// Of a message its length: it may be long.
impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opened(id) => write!(f, "stream {id} open"),
            Self::Message(id, binary, data) => write!(f, "{} bytes on stream {id}, binary: {binary}", data.len()),
            Self::Closed(id) => write!(f, "stream {id} closed"),
        }
    }
}

/// The server's end.
#[derive(Clone, Debug)]
pub struct Server {
    /// ICE name and password.
    pub names: (String, String),
    /// Its address.
    pub address: SocketAddr,
    /// `sha-256 AB:…`
    pub fingerprint: String,
}

enum Wish {
    Connect(Server),
    Open(u16, Option<u16>),
    Say(u16, bool, Vec<u8>),
    Close(u16),
    Stall,
}

/// A running client; dropping it stops it without a word, as a crash does.
pub struct DataPeer {
    /// What it sees, in order.
    pub heard: Receiver<Heard>,
    /// `sha-256 AB:…` of its certificate.
    pub fingerprint: String,
    wishes: UnboundedSender<Wish>,
    task: JoinHandle<Result<()>>,
}

impl Drop for DataPeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DataPeer {
    /// With a socket on this address.
    pub async fn open(ip: IpAddr) -> Result<Self> {
        str0m::crypto::from_feature_flags().install_process_default();
        let socket = Socket::bind(ip).await?;
        let mut rtc = Rtc::builder().set_stats_interval(None).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local, "udp")?);
        let fingerprint = rtc.direct_api().local_dtls_fingerprint().to_string();
        let ((wishes, wanted), (tell, heard)) = (unbounded_channel(), std::sync::mpsc::channel());
        let (streams, waiting) = (HashMap::new(), VecDeque::new());
        let mut driver = Driver { rtc, socket, wanted, tell, streams, waiting, stalled: false };
        let task = tokio::spawn(async move { driver.run().await });
        Ok(Self { heard, fingerprint, wishes, task })
    }

    /// It begins the handshake.
    pub fn connect(&self, server: Server) {
        self.wish(Wish::Connect(server));
    }

    /// Opens a stream; with a number of repetitions it is unordered and may lose.
    pub fn stream(&self, id: u16, max_retransmits: Option<u16>) {
        self.wish(Wish::Open(id, max_retransmits));
    }

    /// Sends a message as soon as that can be.
    pub fn say(&self, id: u16, binary: bool, data: Vec<u8>) {
        self.wish(Wish::Say(id, binary, data));
    }

    /// Closes a stream.
    pub fn close(&self, id: u16) {
        self.wish(Wish::Close(id));
    }

    /// It reads nothing any more and says nothing.
    pub fn stall(&self) {
        self.wish(Wish::Stall);
    }

    fn wish(&self, wish: Wish) {
        let _ended = self.wishes.send(wish);
    }
}

struct Driver {
    rtc: Rtc,
    socket: Socket,
    wanted: UnboundedReceiver<Wish>,
    tell: Sender<Heard>,
    streams: HashMap<ChannelId, u16>,
    /// Said before it could be sent.
    waiting: VecDeque<(u16, bool, Vec<u8>)>,
    stalled: bool,
}

impl Driver {
    async fn run(&mut self) -> Result<()> {
        while self.rtc.is_alive() {
            self.rtc.handle_input(Input::Timeout(Instant::now()))?;
            let wake = self.drain()?;
            tokio::select! {
                ready = self.socket.readable() => {
                    ready?;
                    self.receive()?;
                }
                wish = self.wanted.recv() => self.carry_out(wish.context("nobody wants it any more")?)?,
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            if self.stalled {
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        for datagram in self.socket.receive()? {
            let Ok(contents) = datagram.data.as_slice().try_into() else { continue };
            let destination = self.socket.local;
            let receive = Receive { proto: Protocol::Udp, source: datagram.from, destination, contents };
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
            self.drain()?;
        }
        Ok(())
    }

    fn carry_out(&mut self, wish: Wish) -> Result<()> {
        match wish {
            Wish::Connect(server) => self.connect(server)?,
            Wish::Open(id, max) => {
                let reliability =
                    max.map_or(Reliability::Reliable, |retransmits| Reliability::MaxRetransmits { retransmits });
                let config =
                    ChannelConfig { ordered: max.is_none(), reliability, negotiated: Some(id), ..Default::default() };
                let channel = self.rtc.direct_api().create_data_channel(config);
                self.streams.insert(channel, id);
            }
            Wish::Say(id, binary, data) => self.waiting.push_back((id, binary, data)),
            Wish::Close(id) => {
                if let Some(channel) = self.channel(id) {
                    self.rtc.direct_api().close_data_channel(channel);
                }
            }
            Wish::Stall => self.stalled = true,
        }
        Ok(())
    }

    fn connect(&mut self, server: Server) -> Result<()> {
        self.rtc.add_remote_candidate(Candidate::host(server.address, "udp")?);
        let mut direct = self.rtc.direct_api();
        direct.set_ice_controlling(true);
        let (ufrag, pass) = server.names;
        direct.set_remote_ice_credentials(IceCreds { ufrag, pass });
        direct.set_remote_fingerprint(server.fingerprint.parse().ok().context("a fingerprint")?);
        direct.start_dtls(true)?;
        direct.start_sctp(true);
        Ok(())
    }

    fn channel(&self, id: u16) -> Option<ChannelId> {
        self.streams.iter().find(|(_, stream)| **stream == id).map(|(channel, _)| *channel)
    }

    fn drain(&mut self) -> Result<Instant> {
        loop {
            self.say_waiting()?;
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(packet) => self.socket.send(&packet.contents, packet.destination),
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn say_waiting(&mut self) -> Result<()> {
        while let Some((id, binary, data)) = self.waiting.front() {
            let channel = self.channel(*id).and_then(|channel| self.rtc.channel(channel));
            let Some(mut channel) = channel else { return Ok(()) };
            if !channel.write(*binary, data)? {
                return Ok(());
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn event(&mut self, event: Event) {
        let stream = |id: &ChannelId| self.streams.get(id).copied().unwrap_or(u16::MAX);
        let heard = match event {
            Event::ChannelOpen(id, _) => Heard::Opened(stream(&id)),
            Event::ChannelData(data) => Heard::Message(stream(&data.id), data.binary, data.data),
            Event::ChannelClose(id) => {
                let closed = stream(&id);
                self.streams.remove(&id);
                Heard::Closed(closed)
            }
            _ => return,
        };
        let _nobody = self.tell.send(heard);
    }
}
