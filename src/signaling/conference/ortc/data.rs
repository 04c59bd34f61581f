//! mediasoup's parameters of data channels.

use crate::model::{DataPort, DataStream};
use crate::signaling::conference::refusal::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `SctpStreamParameters`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SctpStreamParameters {
    stream_id: u16,
    ordered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_packet_life_time: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retransmits: Option<u16>,
}

impl SctpStreamParameters {
    /// As the engine takes it. Where messages may be lost none waits for another: the client wants it so when it consumes.
    pub fn stream(&self) -> Result<DataStream, Refusal> {
        let Self { stream_id: id, ordered, max_packet_life_time, max_retransmits } = *self;
        if max_packet_life_time.is_some() && max_retransmits.is_some() {
            let words = "`sctpStreamParameters` has both `maxPacketLifeTime` and `maxRetransmits`: give one of them";
            return Err(Refusal::bad_request(words));
        }
        let stream = DataStream { id, ordered: ordered.unwrap_or(true), max_packet_life_time, max_retransmits };
        Ok(DataStream { ordered: stream.ordered && stream.is_reliable(), ..stream })
    }

    /// For the client.
    pub fn of(stream: &DataStream) -> Self {
        let DataStream { id, ordered, max_packet_life_time, max_retransmits } = *stream;
        Self { stream_id: id, ordered: Some(ordered), max_packet_life_time, max_retransmits }
    }
}

/// `SctpParameters` of a transport.
pub fn parameters(port: &DataPort) -> Value {
    json!({ "port": port.port, "OS": port.streams, "MIS": port.streams, "maxMessageSize": port.message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_that_the_client_wants() {
        let read = |text: Value| SctpStreamParameters::deserialize(text);
        for (given, shown) in [
            (json!({ "streamId": 3 }), json!({ "streamId": 3, "ordered": true })),
            (json!({ "streamId": 3, "ordered": false, "x": 1 }), json!({ "streamId": 3, "ordered": false })),
            (
                json!({ "streamId": 0, "ordered": true, "maxRetransmits": 0 }),
                json!({ "streamId": 0, "ordered": false, "maxRetransmits": 0 }),
            ),
            (
                json!({ "streamId": 0, "maxPacketLifeTime": 500, "maxRetransmits": null }),
                json!({ "streamId": 0, "ordered": false, "maxPacketLifeTime": 500 }),
            ),
        ] {
            let stream = read(given).unwrap().stream().unwrap();
            assert_eq!(serde_json::to_value(SctpStreamParameters::of(&stream)).unwrap(), shown);
        }
        let both = read(json!({ "streamId": 0, "maxPacketLifeTime": 5, "maxRetransmits": 5 })).unwrap();
        assert!(both.stream().unwrap_err().message.contains("one of them"));
        for bad in
            [json!({}), json!({ "streamId": -1 }), json!({ "streamId": 70_000 }), json!({ "streamId": "1" }), json!(1)]
        {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
