//! All groups of a node: runs the commands in order, then takes one Ready of each group that has something.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message as _;
use raft::eraftpb::{Entry, Message, SnapshotMetadata};
use raft::prelude::MessageType;

use crate::commands;
use crate::config::Settings;
use crate::group::{Group, Stepped};
use crate::inbound;
use crate::output::{DropReason, Events};
use crate::storage::{entry_bytes, GroupStorage, Start};
use crate::wire::{Fields, Reader};

pub struct Node {
    settings: Settings,
    groups: BTreeMap<u32, Group>,
    /// Groups whose Ready has to be looked at, in the order they were touched.
    touched: Vec<u32>,
    /// Bytes of the entries that all groups hold in memory, ...
    held_bytes: Rc<Cell<usize>>,
    /// ... and of those that came with this exec and are not yet among them.
    incoming_bytes: usize,
    messages_malformed: u32,
    messages_over_budget: u32,
}

impl Node {
    pub fn new(settings: Settings) -> Self {
        Node {
            settings,
            groups: BTreeMap::new(),
            touched: Vec::new(),
            held_bytes: Rc::default(),
            incoming_bytes: 0,
            messages_malformed: 0,
            messages_over_budget: 0,
        }
    }

    /// Output: a header (more, counters, bytes held), then the events.
    pub fn exec(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.resize(HEADER_BYTES, 0);
        let mut events = Events::new(out);
        let mut reader = Reader::new(input);
        while !reader.is_empty() {
            self.command(&mut reader, &mut events);
        }
        self.take_readies(&mut events);
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.u32(u32::from(!self.touched.is_empty()));
        header.u32(self.messages_malformed);
        header.u32(self.messages_over_budget);
        header.u32(self.held_bytes.get() as u32);
        out[..HEADER_BYTES].copy_from_slice(&header);
    }

    fn take_readies(&mut self, events: &mut Events) {
        for id in std::mem::take(&mut self.touched) {
            // A group may have been closed after it was touched.
            if let Some(group) = self.groups.get_mut(&id) {
                group.report_wanted(self.settings.message_bytes_max, events);
                group.touched = group.take_ready(events);
                if group.touched {
                    self.touched.push(id);
                }
            }
        }
        self.incoming_bytes = 0;
    }

    fn command(&mut self, from: &mut Reader, events: &mut Events) {
        let kind = from.u8();
        let id = from.u32();
        match kind {
            commands::OPEN => self.open(id, from),
            commands::CLOSE => {
                self.groups.remove(&id);
                self.touched.retain(|touched| *touched != id);
            }
            commands::PROPOSE | commands::PROPOSE_CHANGE => self.propose(kind, id, from, events),
            commands::STEP => self.step(id, None, from.block(), events),
            commands::STEP_SNAPSHOT => {
                let staged = from.u64();
                self.step(id, Some(staged), from.block(), events);
            }
            commands::READ_INDEX => {
                let context = from.u64();
                match self.groups.contains_key(&id) {
                    true => self.run(id, events, |group, events| group.read_index(context, events)),
                    false => events.read_dropped(id, context, DropReason::UnknownGroup),
                }
            }
            commands::TICK => self.run(id, events, |group, _| group.tick()),
            commands::PERSISTED => {
                let number = from.u64();
                self.run(id, events, |group, _| group.persisted(number));
            }
            commands::APPLIED => {
                let index = from.u64();
                // Half of the memory for followers that lag, half for what is not applied yet.
                let scarce = self.held_bytes.get() > self.settings.node_bytes_max / 2;
                self.run(id, events, |group, _| {
                    group.applied(index);
                    group.release(scarce);
                });
            }
            commands::APPLY_CHANGE => {
                let Entry { index, data, entry_type, .. } = from.entry();
                let kind = raft::prelude::EntryType::from_i32(entry_type).expect("checked when read");
                self.run(id, events, |group, events| group.apply_change(index, kind, &data, events));
            }
            commands::TRUNCATED => {
                let index = from.u64();
                self.run(id, events, |group, _| group.truncated(index));
            }
            commands::TRANSFER_LEADER => {
                let to = from.u64();
                self.run(id, events, |group, _| group.transfer_leader(to));
            }
            commands::FORGET_LEADER => self.run(id, events, |group, _| group.forget_leader()),
            commands::CAMPAIGN => self.run(id, events, |group, _| group.campaign()),
            commands::REPORT_UNREACHABLE => {
                let peer = from.u64();
                self.run(id, events, |group, _| group.report_unreachable(peer));
            }
            commands::REPORT_SNAPSHOT => {
                let peer = from.u64();
                let arrived = from.u8() != 0;
                self.run(id, events, |group, _| group.report_snapshot(peer, arrived));
            }
            commands::PROVIDE_ENTRIES => {
                let peer = from.u64();
                let entries = from.entries();
                self.run(id, events, |group, _| group.provide_entries(peer, entries));
            }
            commands::PROVIDE_SNAPSHOT => {
                let peer = from.u64();
                let (index, term) = (from.u64(), from.u64());
                let metadata = SnapshotMetadata { index, term, conf_state: Some(from.conf_state()) };
                self.run(id, events, |group, _| group.provide_snapshot(peer, metadata));
            }
            _ => panic!("command {} is not known", kind),
        }
    }

    fn open(&mut self, id: u32, from: &mut Reader) {
        assert!(!self.groups.contains_key(&id), "group {} is opened once", id);
        let replica = from.u64();
        let start = Start::read(from);
        let held_bytes = Rc::clone(&self.held_bytes);
        let group = Group::open(id, replica, start, &self.settings, |start| GroupStorage::new(start, held_bytes));
        self.groups.insert(id, group);
        self.touch(id);
    }

    fn propose(&mut self, kind: u8, id: u32, from: &mut Reader, events: &mut Events) {
        let ticket = from.u64();
        let data = from.block();
        if !self.groups.contains_key(&id) {
            events.dropped(id, ticket, DropReason::UnknownGroup);
        } else if !self.has_room(data.len()) {
            events.dropped(id, ticket, DropReason::Full);
        } else {
            self.incoming_bytes += data.len();
            self.run(id, events, |group, events| match kind {
                commands::PROPOSE => group.propose(ticket, data, events),
                _ => group.propose_change(ticket, data, events),
            });
        }
    }

    /// `staged`: position of the snapshot whose rows are there to be installed, if the message is to be its MsgSnapshot.
    fn step(&mut self, id: u32, staged: Option<u64>, bytes: &[u8], events: &mut Events) {
        // A message for a group that is not (or no longer) here is normal while membership changes.
        if !self.groups.contains_key(&id) {
            return;
        }
        let message = match Message::decode(bytes) {
            Ok(message) if inbound::snapshot_index(&message) == staged => message,
            _ => {
                self.messages_malformed = self.messages_malformed.wrapping_add(1);
                return;
            }
        };
        if message.msg_type == MessageType::MsgAppend as i32 && !message.entries.is_empty() {
            let bytes: usize = message.entries.iter().map(entry_bytes).sum();
            // Heartbeats are answered all the same, so the leader stays and sends it again later.
            if !self.has_room(bytes) {
                self.messages_over_budget = self.messages_over_budget.wrapping_add(1);
                return;
            }
            self.incoming_bytes += bytes;
        }
        let mut malformed = false;
        self.run(id, events, |group, _| malformed = matches!(group.step(message), Stepped::Malformed));
        if malformed {
            self.messages_malformed = self.messages_malformed.wrapping_add(1);
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.held_bytes.get() + self.incoming_bytes + bytes <= self.settings.node_bytes_max
    }

    /// Commands for a group that is not here are late, not wrong: the binding has closed it meanwhile.
    fn run(&mut self, id: u32, events: &mut Events, command: impl FnOnce(&mut Group, &mut Events)) {
        if let Some(group) = self.groups.get_mut(&id) {
            command(group, events);
            group.report_role(events);
            self.touch(id);
        }
    }

    fn touch(&mut self, id: u32) {
        if let Some(group) = self.groups.get_mut(&id) {
            if !group.touched {
                group.touched = true;
                self.touched.push(id);
            }
        }
    }

    pub fn progress(&self, id: u32, out: &mut Vec<u8>) {
        let group = match self.groups.get(&id) {
            Some(group) if crate::guards::leads(&group.node.raft) => group,
            _ => return,
        };
        let mut members: Vec<_> = group.node.raft.prs().iter().collect();
        members.sort_unstable_by_key(|(peer, _)| **peer);
        for (peer, progress) in members {
            out.u64(*peer);
            out.u64(progress.matched);
            out.u64(progress.next_idx);
            out.u8(u8::from(progress.recent_active));
            out.u8(match progress.state {
                raft::ProgressState::Probe => 0,
                raft::ProgressState::Replicate => 1,
                raft::ProgressState::Snapshot => 2,
            });
        }
    }
}

const HEADER_BYTES: usize = 16;
