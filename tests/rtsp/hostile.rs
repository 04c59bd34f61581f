//! Clients that mean no good, or do not read.
