//! The events: one function each, so that the numbers and layouts of `docs/formats/raft-core.md` stand in one place.

use prost::Message as _;
use raft::eraftpb::{ConfState, Entry, HardState, Message, SnapshotMetadata};

use crate::wire::Fields;

const PROPOSED: u8 = 1;
const DROPPED: u8 = 2;
const MESSAGE: u8 = 3;
const READY: u8 = 4;
const COMMITTED: u8 = 5;
const READ_READY: u8 = 6;
const READ_DROPPED: u8 = 7;
const ROLE: u8 = 8;
const ENTRIES_WANTED: u8 = 9;
const SNAPSHOT_WANTED: u8 = 10;
const CONF_STATE: u8 = 11;

const READY_HARD_STATE: u8 = 1;
const READY_SNAPSHOT: u8 = 2;
const READY_MUST_SYNC: u8 = 4;

/// Why something was not even tried. The numbers of `DropReason` in `types.ts`.
#[derive(Clone, Copy)]
pub enum DropReason {
    NotLeader = 0,
    Transferring = 1,
    Full = 2,
    ChangePending = 3,
    UnknownGroup = 4,
    InvalidChange = 5,
}

/// One Ready as far as the node has to write it.
pub struct ReadyParts<'a> {
    pub number: u64,
    pub hard_state: Option<&'a HardState>,
    pub snapshot: Option<&'a SnapshotMetadata>,
    pub must_sync: bool,
    pub entries: &'a [Entry],
    pub held_messages: &'a [Message],
}

/// The output of one exec.
pub struct Events<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Events<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Events { out }
    }

    fn begin(&mut self, kind: u8, group: u32) {
        self.out.u8(kind);
        self.out.u32(group);
    }

    pub fn proposed(&mut self, group: u32, ticket: u64, term: u64, index: u64) {
        self.begin(PROPOSED, group);
        self.out.u64(ticket);
        self.out.u64(term);
        self.out.u64(index);
    }

    pub fn dropped(&mut self, group: u32, ticket: u64, reason: DropReason) {
        self.begin(DROPPED, group);
        self.out.u64(ticket);
        self.out.u8(reason as u8);
    }

    pub fn message(&mut self, group: u32, message: &Message) {
        self.begin(MESSAGE, group);
        self.put_message(message);
    }

    pub fn ready(&mut self, group: u32, ready: &ReadyParts) {
        self.begin(READY, group);
        self.out.u64(ready.number);
        let mut flags = 0;
        if ready.hard_state.is_some() {
            flags |= READY_HARD_STATE;
        }
        if ready.snapshot.is_some() {
            flags |= READY_SNAPSHOT;
        }
        if ready.must_sync {
            flags |= READY_MUST_SYNC;
        }
        self.out.u8(flags);
        if let Some(state) = ready.hard_state {
            self.out.u64(state.term);
            self.out.u64(state.vote);
            self.out.u64(state.commit);
        }
        if let Some(snapshot) = ready.snapshot {
            self.out.u64(snapshot.index);
            self.out.u64(snapshot.term);
            self.out.conf_state(snapshot.get_conf_state());
        }
        self.out.entries(ready.entries);
        self.out.u32(ready.held_messages.len() as u32);
        for message in ready.held_messages {
            self.put_message(message);
        }
    }

    pub fn committed(&mut self, group: u32, entries: &[Entry]) {
        self.begin(COMMITTED, group);
        self.out.entries(entries);
    }

    pub fn read_ready(&mut self, group: u32, context: u64, index: u64) {
        self.begin(READ_READY, group);
        self.out.u64(context);
        self.out.u64(index);
    }

    pub fn read_dropped(&mut self, group: u32, context: u64, reason: DropReason) {
        self.begin(READ_DROPPED, group);
        self.out.u64(context);
        self.out.u8(reason as u8);
    }

    pub fn role(&mut self, group: u32, role: u8, leader: u64, term: u64) {
        self.begin(ROLE, group);
        self.out.u8(role);
        self.out.u64(leader);
        self.out.u64(term);
    }

    pub fn entries_wanted(&mut self, group: u32, peer: u64, from: u64, to: u64, bytes_max: u64) {
        self.begin(ENTRIES_WANTED, group);
        self.out.u64(peer);
        self.out.u64(from);
        self.out.u64(to);
        self.out.u64(bytes_max);
    }

    pub fn snapshot_wanted(&mut self, group: u32, peer: u64, at_least: u64) {
        self.begin(SNAPSHOT_WANTED, group);
        self.out.u64(peer);
        self.out.u64(at_least);
    }

    pub fn conf_state(&mut self, group: u32, state: &ConfState) {
        self.begin(CONF_STATE, group);
        self.out.conf_state(state);
    }

    fn put_message(&mut self, message: &Message) {
        self.out.u64(message.to);
        self.out.u8(message.msg_type as u8);
        self.out.u32(message.encoded_len() as u32);
        // Growing a Vec is the only way this could fail, and that aborts.
        message.encode(self.out).expect("a Vec takes any message");
    }
}
