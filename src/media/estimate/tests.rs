//! The estimator on a virtual network: a bottleneck, a receiver that sends feedback each 60 ms, and senders.

mod collapse;
mod cost;
mod hostile;
mod links;
mod network;
mod trial;
