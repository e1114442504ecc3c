//! One replica of one group: raft-rs' RawNode, the guards around it, and which Readies are durable.

use std::collections::VecDeque;

use raft::eraftpb::{ConfChangeV2, Entry, Message, SnapshotMetadata};
use raft::prelude::{EntryType, MessageType};
use raft::{RawNode, Ready, SnapshotStatus, StateRole};

use crate::config::{raft_config, Settings};
use crate::guards;
use crate::host;
use crate::inbound;
use crate::output::{DropReason, Events, ReadyParts};
use crate::storage::{GroupStorage, Start};

/// Entries that a group keeps for followers that lag; one that is silent for longer is not waited for.
const LAG_BYTES_MAX: usize = 1 << 20;

/// What a step came to, for the counters.
pub enum Stepped {
    Taken,
    Malformed,
}

pub struct Group {
    pub id: u32,
    pub node: RawNode<GroupStorage>,
    /// As last reported: role, leader, term.
    reported: (StateRole, u64, u64),
    /// Contexts of read rounds under way, all of `reads_term`.
    reads: VecDeque<u64>,
    reads_term: u64,
    /// The last Ready of raft-rs, ...
    taken: u64,
    /// ... the last that was handed out to be persisted, ...
    handed_out: u64,
    /// ... and the last that is durable.
    durable: u64,
    /// Term and vote as last handed out, and the Ready that did it.
    voted: (u64, u64),
    vote_changed: u64,
    /// The last Ready with entries or a snapshot.
    log_changed: u64,
    /// Snapshots under way to the disk: the number of the Ready and the index.
    installing: VecDeque<(u64, u64)>,
    /// Peers for which older entries are being fetched.
    pub fetching: Vec<u64>,
    /// Waits in the node's list for its Ready.
    pub touched: bool,
}

impl Group {
    pub fn open(
        id: u32,
        replica: u64,
        start: Start,
        settings: &Settings,
        storage: impl FnOnce(Start) -> GroupStorage,
    ) -> Self {
        let config = raft_config(settings, replica, start.applied);
        let node = RawNode::new(&config, storage(start), &host::logger(id)).expect("a group starts from a valid state");
        // Nothing is reported before it changes: the caller knows what it started the group from.
        let reported = (node.raft.state, node.raft.leader_id, node.raft.term);
        let voted = (node.raft.term, node.raft.vote);
        Group {
            id,
            node,
            reported,
            reads: VecDeque::new(),
            reads_term: 0,
            taken: 0,
            handed_out: 0,
            durable: 0,
            voted,
            vote_changed: 0,
            log_changed: 0,
            installing: VecDeque::new(),
            fetching: Vec::new(),
            touched: false,
        }
    }

    // --- time and elections

    pub fn tick(&mut self) {
        let raft = &self.node.raft;
        let election_due = raft.election_elapsed + 1 >= raft.randomized_election_timeout();
        if !guards::leads(raft) && election_due && !self.may_campaign() {
            return;
        }
        self.node.tick();
    }

    pub fn campaign(&mut self) {
        if self.node.raft.promotable() && !guards::leads(&self.node.raft) && self.may_campaign() {
            // It fails for nothing but local reasons that raft-rs has logged.
            let _ = self.node.campaign();
        }
    }

    /// A replica stands for election only with a durable log. raft-rs asserts that a new leader's log is durable and
    /// relies on its votes being asked for after that; and it cannot look into a log that a snapshot just replaced.
    fn may_campaign(&self) -> bool {
        let log = &self.node.raft.raft_log;
        self.durable >= self.log_changed && log.persisted == log.last_index() && log.unstable.snapshot.is_none()
    }

    pub fn forget_leader(&mut self) {
        let raft = &mut self.node.raft;
        if raft.state == StateRole::Follower && raft.leader_id != 0 {
            let term = raft.term;
            raft.become_follower(term, 0);
        }
    }

    pub fn transfer_leader(&mut self, to: u64) {
        if guards::leads(&self.node.raft) {
            self.node.transfer_leader(to);
        }
    }

    // --- proposals and reads

    pub fn propose(&mut self, ticket: u64, data: &[u8], events: &mut Events) {
        let refused = guards::refuse_proposal(&self.node.raft);
        self.propose_unless(refused, ticket, EntryType::EntryNormal, data, events);
    }

    pub fn propose_change(&mut self, ticket: u64, data: &[u8], events: &mut Events) {
        let refused = match guards::decode_change(EntryType::EntryConfChangeV2, data) {
            Some(change) => guards::refuse_change(&self.node.raft, &change),
            None => Some(DropReason::InvalidChange),
        };
        self.propose_unless(refused, ticket, EntryType::EntryConfChangeV2, data, events);
    }

    fn propose_unless(
        &mut self,
        refused: Option<DropReason>,
        ticket: u64,
        kind: EntryType,
        data: &[u8],
        events: &mut Events,
    ) {
        let refused = refused.or_else(|| match self.propose_entry(kind, data.to_vec()) {
            true => None,
            false => Some(DropReason::Full),
        });
        match refused {
            Some(reason) => events.dropped(self.id, ticket, reason),
            None => events.proposed(self.id, ticket, self.node.raft.term, self.node.raft.raft_log.last_index()),
        }
    }

    /// False: over the limit of uncommitted bytes.
    fn propose_entry(&mut self, kind: EntryType, data: Vec<u8>) -> bool {
        let mut message = Message { from: self.node.raft.id, ..Message::default() };
        message.set_msg_type(MessageType::MsgPropose);
        let mut entry = Entry { data, ..Entry::default() };
        entry.set_entry_type(kind);
        message.entries.push(entry);
        if self.node.raft.step(message).is_err() {
            return false;
        }
        let last = self.node.raft.raft_log.unstable_entries().last().expect("the entry that was just proposed");
        assert_eq!(last.entry_type, kind as i32, "raft-rs keeps what the guards let through");
        true
    }

    pub fn read_index(&mut self, context: u64, events: &mut Events) {
        if let Some(reason) = guards::refuse_read(&self.node.raft) {
            events.read_dropped(self.id, context, reason);
            return;
        }
        self.reads.push_back(context);
        self.reads_term = self.node.raft.term;
        self.node.read_index(context.to_le_bytes().to_vec());
    }

    // --- messages

    pub fn step(&mut self, message: Message) -> Stepped {
        if !inbound::acceptable(&self.node.raft, &message) {
            return Stepped::Malformed;
        }
        let forces_election = message.msg_type == MessageType::MsgTimeoutNow as i32;
        let may_elect = message.msg_type == MessageType::MsgRequestVoteResponse as i32;
        if (forces_election || may_elect) && !self.may_campaign() {
            // No loss: votes are asked for, and a transfer is finished, only when the log is durable.
            return Stepped::Taken;
        }
        // What it refuses comes from a replica that is not a member (any more): normal after a change.
        let _ = self.node.step(message);
        Stepped::Taken
    }

    pub fn report_unreachable(&mut self, peer: u64) {
        self.node.report_unreachable(peer);
    }

    pub fn report_snapshot(&mut self, peer: u64, arrived: bool) {
        let status = if arrived { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
        self.node.report_snapshot(peer, status);
    }

    // --- what is durable and applied

    pub fn persisted(&mut self, number: u64) {
        assert!(self.durable < number && number <= self.handed_out, "Readies become durable once and in order");
        self.durable = number;
        // Readies that had nothing to persist are not handed out: those behind the last one are as durable as it.
        let up_to = if number == self.handed_out { self.taken } else { number };
        self.node.on_persist_ready(up_to);
        while self.installing.front().map_or(false, |(ready, _)| *ready <= number) {
            let (_, index) = self.installing.pop_front().expect("not empty");
            // The rows came with the snapshot.
            self.applied(index);
        }
    }

    pub fn applied(&mut self, index: u64) {
        let log = &self.node.raft.raft_log;
        if index <= log.applied {
            return;
        }
        assert!(index <= log.committed.min(log.persisted), "only what is committed and durable is applied");
        let last = log.last_index();
        self.node.advance_apply_to(index);
        if self.node.raft.raft_log.last_index() > last {
            // Here raft-rs proposes to leave a joint configuration: when the change that entered it is applied, and again
            // when a new leader's first entry is. It would send that with the next heartbeat.
            self.node.raft.bcast_append();
        }
    }

    pub fn apply_change(&mut self, index: u64, kind: EntryType, data: &[u8], events: &mut Events) {
        assert!(index > self.node.raft.raft_log.applied, "a membership change is applied before its index is");
        let change: Option<ConfChangeV2> = guards::decode_change(kind, data);
        let applied = change.map_or(false, |change| self.node.apply_conf_change(&change).is_ok());
        if !applied {
            host::log(
                host::LOG_ERROR,
                &format!("group {}: membership entry {} does not fit and changes nothing", self.id, index),
            );
        }
        if guards::leads_or_campaigns_without_vote(&self.node.raft) {
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, 0);
        }
        events.conf_state(self.id, &self.node.raft.prs().conf().to_conf_state());
    }

    pub fn truncated(&mut self, index: u64) {
        assert!(index <= self.node.raft.raft_log.applied, "the log keeps what is not applied");
        self.node.mut_store().truncate(index);
    }

    /// Lets go of applied entries, but keeps what followers a little behind are still to be sent, unless `all`.
    pub fn release(&mut self, all: bool) {
        let raft = &self.node.raft;
        let store = self.node.store();
        let mut up_to = raft.raft_log.applied;
        if !all && guards::leads(raft) && store.bytes() <= LAG_BYTES_MAX {
            let memory_first = store.memory_first();
            // One that is further back gets its entries from the log anyhow.
            let close = raft.prs().iter().map(|(_, peer)| peer.next_idx).filter(|next| *next >= memory_first);
            up_to = close.map(|next| next - 1).fold(up_to, u64::min);
        }
        self.node.mut_store().release(up_to);
    }

    // --- what comes out

    /// Once after each command: the caller hears of a role before of anything that follows from it.
    pub fn report_role(&mut self, events: &mut Events) {
        let raft = &self.node.raft;
        let now = (raft.state, raft.leader_id, raft.term);
        if now == self.reported {
            return;
        }
        self.reported = now;
        let role = match raft.state {
            StateRole::Follower => 0,
            StateRole::Candidate => 1,
            StateRole::Leader => 2,
            StateRole::PreCandidate => 3,
        };
        events.role(self.id, role, raft.leader_id, raft.term);
        if !guards::leads(&self.node.raft) || self.reads_term != self.node.raft.term {
            // raft-rs forgets them without a word.
            for context in self.reads.drain(..) {
                events.read_dropped(self.id, context, DropReason::NotLeader);
            }
            self.fetching.clear();
            self.node.mut_store().forget_offers();
        }
    }

    /// Takes one Ready, if there is one. True: there is more.
    pub fn take_ready(&mut self, events: &mut Events) -> bool {
        if !self.node.has_ready() {
            return false;
        }
        let mut ready = self.node.ready();
        self.taken = ready.number();
        let snapshot = self.store(&ready);
        if let Some(state) = ready.hs() {
            if (state.term, state.vote) != self.voted {
                self.voted = (state.term, state.vote);
                self.vote_changed = self.taken;
            }
        }
        let committed = ready.take_committed_entries();
        let reads = ready.take_read_states();
        let held = self.send(&mut ready, events);

        if ready.hs().is_some() || !ready.entries().is_empty() || snapshot.is_some() || !held.is_empty() {
            self.handed_out = self.taken;
            let parts = ReadyParts {
                number: self.taken,
                hard_state: ready.hs(),
                snapshot: snapshot.as_ref(),
                must_sync: ready.must_sync(),
                entries: ready.entries(),
                held_messages: &held,
            };
            events.ready(self.id, &parts);
        }
        self.node.advance_append_async(ready);
        if self.handed_out == self.durable {
            self.node.on_persist_ready(self.taken);
        }

        if !committed.is_empty() {
            events.committed(self.id, &committed);
        }
        for read in reads {
            let context = u64::from_le_bytes(read.request_ctx.try_into().expect("contexts are ours"));
            if let Some(at) = self.reads.iter().position(|waiting| *waiting == context) {
                self.reads.remove(at);
                events.read_ready(self.id, context, read.index);
            }
        }
        self.node.has_ready()
    }

    /// raft-rs reads what it handed out through its storage at once, durable or not.
    fn store(&mut self, ready: &Ready) -> Option<SnapshotMetadata> {
        let snapshot = match ready.snapshot().is_empty() {
            true => None,
            false => Some(ready.snapshot().get_metadata().clone()),
        };
        if let Some(metadata) = &snapshot {
            self.node.mut_store().reset(metadata);
            self.installing.push_back((self.taken, metadata.index));
        }
        self.node.mut_store().append(ready.entries());
        if snapshot.is_some() || !ready.entries().is_empty() {
            self.log_changed = self.taken;
        }
        snapshot
    }

    /// Emits what may leave at once and returns what has to wait for this Ready's write (thesis 10.2.1).
    fn send(&mut self, ready: &mut Ready, events: &mut Events) -> Vec<Message> {
        let leads = guards::leads(&self.node.raft);
        let messages = if leads { ready.take_messages() } else { ready.take_persisted_messages() };
        // Nothing of a term leaves before the term is durable: after a crash this replica could use the term again.
        let vote_durable = self.durable >= self.vote_changed;
        let mut held = Vec::new();
        for message in messages {
            let kind = message.get_msg_type();
            let at_once = match leads {
                // Answers from before it led promise a write of then.
                true => !matches!(kind, MessageType::MsgAppendResponse | MessageType::MsgRequestVoteResponse),
                // An answered heartbeat promises the term and nothing of the log: a slow disk causes no election.
                false => kind == MessageType::MsgHeartbeatResponse,
            };
            if at_once && vote_durable {
                events.message(self.id, &message);
            } else {
                held.push(message);
            }
        }
        held
    }
}
