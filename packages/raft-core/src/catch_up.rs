//! Bringing a follower forward with what is no longer in memory: entries fetched from the log, or a snapshot.
//!
//! raft-rs asks its storage while it tries to send; the storage notes what is missing. Here that becomes a question to
//! the node, and the answer another try.

use raft::eraftpb::{Entry, SnapshotMetadata};

use crate::group::Group;
use crate::guards;
use crate::output::Events;

/// One fetch asks for this many messages' worth: a follower far behind needs many.
const FETCH_MESSAGES: u64 = 4;

impl Group {
    /// Asks for what the commands of this exec could not send: entries once per peer until they are provided,
    /// snapshots again and again (each heartbeat) until one is.
    pub fn report_wanted(&mut self, message_bytes_max: u64, events: &mut Events) {
        let mut wanted = self.node.mut_store().take_wanted();
        if !guards::leads(&self.node.raft) {
            return;
        }
        wanted.snapshots.sort_unstable();
        wanted.snapshots.dedup_by_key(|(peer, _)| *peer);
        for (peer, at_least) in wanted.snapshots {
            events.snapshot_wanted(self.id, peer, at_least);
        }
        let memory_first = self.node.store().memory_first();
        wanted.entries.sort_unstable();
        wanted.entries.dedup();
        for from in wanted.entries {
            let waiting = self.node.raft.prs().iter().filter(|(_, progress)| progress.next_idx == from);
            let mut peers: Vec<u64> = waiting.map(|(id, _)| *id).filter(|id| !self.fetching.contains(id)).collect();
            peers.sort_unstable();
            for peer in peers {
                self.fetching.push(peer);
                events.entries_wanted(self.id, peer, from, memory_first, message_bytes_max * FETCH_MESSAGES);
            }
        }
    }

    /// Sends the fetched entries on, as many messages as the peer's window takes.
    pub fn provide_entries(&mut self, peer: u64, entries: Vec<Entry>) {
        self.fetching.retain(|fetching| *fetching != peer);
        let consecutive = entries.windows(2).all(|pair| pair[0].index + 1 == pair[1].index);
        assert!(consecutive, "entries of the log follow each other");
        let end = entries.last().map_or(0, |entry| entry.index + 1);
        self.node.mut_store().fetched = entries;
        while let Some(next) = self.sendable(peer).filter(|next| *next < end) {
            self.node.raft.send_append(peer);
            if self.sendable(peer).map_or(true, |after| after <= next) {
                break;
            }
        }
        self.node.mut_store().fetched = Vec::new();
    }

    /// A snapshot for this peer is ready to be sent: raft-rs takes it as soon as the peer is known to be there.
    pub fn provide_snapshot(&mut self, peer: u64, metadata: SnapshotMetadata) {
        assert!(metadata.index <= self.node.raft.raft_log.applied, "a snapshot holds applied entries");
        if guards::leads(&self.node.raft) && self.node.raft.prs().get(peer).is_some() {
            self.node.mut_store().offer_snapshot(peer, metadata);
            self.node.raft.send_append(peer);
        }
    }

    /// The index the peer gets next, if this replica may send to it now.
    fn sendable(&self, peer: u64) -> Option<u64> {
        let progress = self.node.raft.prs().get(peer)?;
        match guards::leads(&self.node.raft) && !progress.is_paused() {
            true => Some(progress.next_idx),
            false => None,
        }
    }
}
