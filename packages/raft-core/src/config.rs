//! What raft-rs is configured with: the node's settings, and what sherd never varies.

use raft::{Config, ReadOnlyOption};

#[derive(Clone)]
pub struct Settings {
    pub election_ticks: usize,
    pub heartbeat_ticks: usize,
    pub message_bytes_max: u64,
    pub inflight_messages_max: usize,
    pub uncommitted_bytes_max: u64,
    /// Committed entries handed over for one group in one exec.
    pub committed_bytes_max: u64,
    /// Entries of all groups held in memory.
    pub node_bytes_max: usize,
}

pub fn raft_config(settings: &Settings, replica: u64, applied: u64) -> Config {
    Config {
        id: replica,
        applied,
        election_tick: settings.election_ticks,
        heartbeat_tick: settings.heartbeat_ticks,
        max_size_per_msg: settings.message_bytes_max,
        max_inflight_msgs: settings.inflight_messages_max,
        max_uncommitted_size: settings.uncommitted_bytes_max,
        max_committed_size_per_ready: settings.committed_bytes_max,
        // A replica that was cut off must not force an election when it comes back (thesis 9.6), ...
        pre_vote: true,
        // ... and a leader that was cut off must not answer for ever (thesis 6.2).
        check_quorum: true,
        read_only_option: ReadOnlyOption::Safe,
        // Followers learn what is committed with the next append or heartbeat: half the messages of a write.
        skip_bcast_commit: true,
        // Joining appends would ignore `max_size_per_msg`.
        batch_append: false,
        ..Config::default()
    }
}
