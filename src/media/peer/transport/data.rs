//! A transport's data channels: one task that drives its association and whatever travels on it. It begins with the transport
//! and waits while nobody speaks.

use super::member::Member;
use crate::media::data::{Channels, Effort, Heard, Inbox, Message, Registry, Sctp, Sending, Taken, Topic, Work};
use crate::media::peer::application::Application;
use crate::media::{MediaEvent, MediaSink};
use crate::model::{EndReason, PeerId};
use bytes::Bytes;
use futures::FutureExt;
use nix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

/// Datagrams that are looked at before what came of them is.
const AT_ONCE: usize = 64;

struct Producer {
    peer: PeerId,
    topic: Arc<Topic>,
    events: MediaSink,
}

struct Consumer {
    sending: Sending,
    topic: Arc<Topic>,
    inbox: Inbox,
    events: MediaSink,
}

/// What a transport's association carries.
struct Task {
    sctp: Sctp,
    effort: Effort,
    registry: Registry,
    /// By their streams.
    producers: HashMap<u16, Producer>,
    consumers: HashMap<PeerId, Consumer>,
    work: UnboundedReceiver<Work>,
}

type Over = (EndReason, String);

/// Runs them until the transport ends, or the association does.
pub async fn run(channels: Arc<Channels>, mut member: Member) {
    let Some(work) = channels.begin() else { return };
    let (producers, consumers) = (HashMap::new(), HashMap::new());
    let mut task = Task {
        sctp: Sctp::default(),
        effort: Effort::default(),
        registry: channels.registry().clone(),
        producers,
        consumers,
        work,
    };
    let over = match member.opened().await.map(|opened| opened.leg.application().cloned()) {
        // Whatever a client sends, no fault in the association may reach further.
        Ok(Some(application)) => AssertUnwindSafe(task.serve(&application, &mut member))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| (EndReason::EngineError, "the association failed inside".into())),
        Ok(None) => (EndReason::EngineError, "the transport was made without data channels".into()),
        Err(error) => (EndReason::EngineError, error.to_string()),
    };
    tracing::debug!(reason = %over.0, detail = over.1, "data channels are over");
    channels.end();
    task.end(&over);
}

impl Task {
    async fn serve(&mut self, application: &Application, member: &mut Member) -> Over {
        let gone = || (EndReason::EngineError, "the connection is gone".to_owned());
        let Some(mut incoming) = application.incoming() else { return gone() };
        loop {
            let deadline = self.sctp.deadline();
            tokio::select! {
                news = member.news(true) => if let Err(over) = news {
                    return over;
                },
                datagram = incoming.recv() => match datagram {
                    Some(datagram) => if self.take(datagram, &mut incoming) {
                        return (EndReason::DataLost, "what the client sends costs too much time".into());
                    },
                    None => return gone(),
                },
                work = self.work.recv() => match work {
                    Some(work) => {
                        self.work(work);
                        self.begin();
                    }
                    None => return gone(),
                },
                () = until(deadline) => self.sctp.tick(Instant::now()),
            }
            if let Some(over) = self.settle(application) {
                return over;
            }
        }
    }

    /// Whether it costs too much.
    fn take(&mut self, datagram: Bytes, incoming: &mut Receiver<Bytes>) -> bool {
        let (now, before, mut count) = (Instant::now(), spent(), 0);
        let more = std::iter::from_fn(|| incoming.try_recv().ok()).take(AT_ONCE);
        for datagram in std::iter::once(datagram).chain(more) {
            // Before: a client that was told of its stream speaks on it at once.
            self.begin();
            self.sctp.take(now, datagram);
            count += 1;
        }
        self.effort.is_too_much(count, spent().saturating_sub(before))
    }

    /// What was asked for so far.
    fn begin(&mut self) {
        while let Ok(work) = self.work.try_recv() {
            self.work(work);
        }
    }

    /// Passes on what came and sends what can be sent.
    fn settle(&mut self, application: &Application) -> Option<Over> {
        let mut over = None;
        while let Some(heard) = self.sctp.heard() {
            match heard {
                Heard::Up => tracing::debug!("data channels are up"),
                Heard::Message(stream, message) => {
                    self.producers.get(&stream).iter().for_each(|producer| producer.topic.publish(&message));
                }
                Heard::Lost(why) => over = Some((EndReason::DataLost, why)),
            }
        }
        self.pump();
        self.sctp.datagrams(Instant::now()).into_iter().for_each(|datagram| application.send(datagram));
        over
    }

    fn work(&mut self, work: Work) {
        match work {
            Work::Produce(peer, stream, topic, events) => {
                self.sctp.open(stream);
                self.producers.insert(stream.id, Producer { peer, topic, events });
            }
            Work::Consume(peer, stream, (topic, inbox), events) => {
                self.sctp.open(stream);
                let consumer = Consumer { sending: Sending::new(stream), topic, inbox, events };
                self.consumers.insert(peer, consumer);
            }
            Work::Deliver(peer, message) => self.deliver(peer, message),
            Work::Overflown(peer) => self.too_much(peer),
            Work::Over(peer, reason) => self.end_consumer(peer, &(reason, "what it takes has ended".into())),
            Work::Close(peer) => self.close(peer),
        }
    }

    fn deliver(&mut self, peer: PeerId, message: Message) {
        let Some(consumer) = self.consumers.get_mut(&peer) else { return };
        consumer.inbox.took(&message);
        let gone = self.sctp.is_gone(consumer.sending.stream().id);
        if !gone && consumer.sending.take(message) == Taken::TooMuch {
            self.too_much(peer);
        }
    }

    /// One that must get every message does not read: it has missed some now.
    fn too_much(&mut self, peer: PeerId) {
        if self.consumers.get(&peer).is_some_and(|consumer| consumer.sending.stream().is_reliable()) {
            self.end_consumer(peer, &(EndReason::NotReading, "too much waited for it".into()));
        }
    }

    fn end_consumer(&mut self, peer: PeerId, over: &Over) {
        if let Some(consumer) = self.consumers.remove(&peer) {
            self.sctp.close(consumer.sending.stream().id);
            consumer.topic.leave(peer);
            self.tell(peer, &consumer.events, over);
        }
    }

    /// Who was told to end is not told that it has.
    fn tell(&self, peer: PeerId, events: &MediaSink, (reason, detail): &Over) {
        if self.registry.forget(peer).is_some() {
            let _ = events.send(MediaEvent::PeerEnded { peer, reason: *reason, detail: detail.clone() });
        }
    }

    fn close(&mut self, peer: PeerId) {
        if let Some(consumer) = self.consumers.remove(&peer) {
            consumer.topic.leave(peer);
            self.sctp.close(consumer.sending.stream().id);
        }
        let found = self.producers.iter().find(|(_, producer)| producer.peer == peer);
        if let Some(stream) = found.map(|(stream, _)| *stream) {
            self.producers.remove(&stream);
            self.sctp.close(stream);
        }
    }

    fn pump(&mut self) {
        for consumer in self.consumers.values_mut() {
            let stream = consumer.sending.stream().id;
            while let Some(message) = self.sctp.held(stream).and_then(|held| consumer.sending.next(held)) {
                self.sctp.write(stream, &message);
            }
        }
    }

    /// All of it, and what was asked for and not begun.
    fn end(mut self, over: &Over) {
        self.sctp = Sctp::default();
        self.begin();
        for producer in self.producers.values() {
            self.tell(producer.peer, &producer.events, over);
        }
        for (peer, consumer) in &self.consumers {
            consumer.topic.leave(*peer);
            self.tell(*peer, &consumer.events, over);
        }
    }
}

/// What this thread has computed, by its own clock: a busy machine is nobody's fault.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
