//! raft-rs' view of one group's log: terms of everything the log retains, entries above applied.
//!
//! `term()` always answers. `entries()` answers from memory; only for sending an append may it ask for older entries
//! (`Wanted`), which come back as `fetched`. What the log has dropped is `Compacted`: raft-rs then wants a snapshot.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use raft::eraftpb::{ConfState, Entry, HardState, Snapshot, SnapshotMetadata};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use crate::wire::Reader;

#[derive(Clone, Copy)]
struct Position {
    index: u64,
    term: u64,
}

/// Entries from `first` on have this term, up to the next run.
#[derive(Clone, Copy)]
struct TermRun {
    first: u64,
    term: u64,
}

/// What a send could not get. Collected during the commands of an exec, reported at its end.
#[derive(Default)]
pub struct Wanted {
    /// First index of entries that are in the log alone.
    pub entries: Vec<u64>,
    /// (peer, at least this index).
    pub snapshots: Vec<(u64, u64)>,
}

/// Everything a group starts from, after recovery.
pub struct Start {
    pub hard_state: HardState,
    pub conf_state: ConfState,
    pub applied: u64,
    truncated: Position,
    runs: VecDeque<TermRun>,
    last: u64,
    entries: VecDeque<Entry>,
}

impl Start {
    pub fn read(from: &mut Reader) -> Self {
        let hard_state = HardState { term: from.u64(), vote: from.u64(), commit: from.u64() };
        let conf_state = from.conf_state();
        let applied = from.u64();
        let truncated = Position { index: from.u64(), term: from.u64() };
        let runs = (0..from.u32()).map(|_| TermRun { first: from.u64(), term: from.u64() }).collect();
        let last = from.u64();
        let entries: VecDeque<Entry> = from.entries().into();
        let start = Start { hard_state, conf_state, applied, truncated, runs, last, entries };
        start.check();
        start
    }

    fn check(&self) {
        let commit = self.hard_state.commit;
        assert!(self.truncated.index <= self.applied, "the log begins no later than behind applied");
        assert!(self.applied <= commit && commit <= self.last, "applied <= commit <= last");
        assert_eq!(self.applied + self.entries.len() as u64, self.last, "all entries above applied are given");
        let first_run = self.runs.front().map_or(self.last + 1, |run| run.first);
        assert_eq!(first_run, self.truncated.index + 1, "the term runs cover the retained log");
        let members = self.conf_state.voters.len() + self.conf_state.learners.len();
        // A log from index 0 would let a new replica replay from an empty configuration; behind it, it needs a snapshot.
        assert!(members == 0 || self.truncated.index > 0, "a group with members begins behind index 0");
    }
}

pub struct GroupStorage {
    initial: RaftState,
    truncated: Position,
    runs: VecDeque<TermRun>,
    last: u64,
    /// The tail of the log up to `last`: at least everything above applied.
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Bytes held by all groups of the node.
    node_bytes: Rc<Cell<usize>>,
    /// Older entries that were fetched, for the one send they were fetched for.
    pub fetched: Vec<Entry>,
    /// Snapshots that wait to be sent, by peer.
    snapshots: RefCell<BTreeMap<u64, Snapshot>>,
    wanted: RefCell<Wanted>,
}

impl GroupStorage {
    pub fn new(start: Start, node_bytes: Rc<Cell<usize>>) -> Self {
        let mut storage = GroupStorage {
            initial: RaftState { hard_state: start.hard_state, conf_state: start.conf_state },
            truncated: start.truncated,
            runs: start.runs,
            last: start.applied,
            entries: VecDeque::new(),
            bytes: 0,
            node_bytes,
            fetched: Vec::new(),
            snapshots: RefCell::default(),
            wanted: RefCell::default(),
        };
        for entry in start.entries {
            assert_eq!(entry.index, storage.last + 1, "entries follow each other");
            assert_eq!(storage.term_in_runs(entry.index), entry.term, "entries agree with the term runs");
            storage.push(entry);
        }
        storage
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first index whose entry is in memory; `last + 1` when none is.
    pub fn memory_first(&self) -> u64 {
        self.last + 1 - self.entries.len() as u64
    }

    /// Replaces everything from the first entry's index on.
    pub fn append(&mut self, entries: &[Entry]) {
        let first = match entries.first() {
            Some(entry) => entry.index,
            None => return,
        };
        assert!(first >= self.memory_first() && first <= self.last + 1, "an append leaves no gap");
        while self.last >= first {
            let entry = self.entries.pop_back().expect("what is replaced is in memory");
            self.forget_bytes(&entry);
            self.last -= 1;
        }
        while self.runs.back().map_or(false, |run| run.first >= first) {
            self.runs.pop_back();
        }
        for entry in entries {
            let known = self.runs.back().map_or(self.truncated.term, |run| run.term);
            if self.runs.is_empty() || entry.term != known {
                self.runs.push_back(TermRun { first: entry.index, term: entry.term });
            }
            self.push(entry.clone());
        }
    }

    /// Entries up to here are applied and need not stay in memory.
    pub fn release(&mut self, up_to: u64) {
        while self.memory_first() <= up_to && !self.entries.is_empty() {
            let entry = self.entries.pop_front().expect("not empty");
            self.forget_bytes(&entry);
        }
    }

    /// The log dropped everything up to here. The caller has checked that it is applied.
    pub fn truncate(&mut self, index: u64) {
        if index <= self.truncated.index {
            return;
        }
        self.truncated = Position { index, term: self.term_in_runs(index) };
        self.release(index);
        while self.runs.get(1).map_or(false, |next| next.first <= index + 1) {
            self.runs.pop_front();
        }
        if index == self.last {
            self.runs.clear();
        } else if let Some(run) = self.runs.front_mut() {
            run.first = index + 1;
        }
    }

    /// A snapshot replaces the whole log.
    pub fn reset(&mut self, snapshot: &SnapshotMetadata) {
        self.release(self.last);
        self.runs.clear();
        self.truncated = Position { index: snapshot.index, term: snapshot.term };
        self.last = snapshot.index;
    }

    pub fn offer_snapshot(&mut self, peer: u64, metadata: SnapshotMetadata) {
        let snapshot = Snapshot { data: Vec::new(), metadata: Some(metadata) };
        self.snapshots.get_mut().insert(peer, snapshot);
    }

    /// What was fetched or offered for a leadership that is over.
    pub fn forget_offers(&mut self) {
        self.snapshots.get_mut().clear();
    }

    pub fn take_wanted(&mut self) -> Wanted {
        std::mem::take(self.wanted.get_mut())
    }

    fn push(&mut self, entry: Entry) {
        let bytes = entry_bytes(&entry);
        self.bytes += bytes;
        self.node_bytes.set(self.node_bytes.get() + bytes);
        self.last = entry.index;
        self.entries.push_back(entry);
    }

    fn forget_bytes(&mut self, entry: &Entry) {
        let bytes = entry_bytes(entry);
        self.bytes -= bytes;
        self.node_bytes.set(self.node_bytes.get() - bytes);
    }

    /// The index lies in (truncated, last].
    fn term_in_runs(&self, index: u64) -> u64 {
        match self.runs.back() {
            Some(run) if run.first <= index => run.term,
            _ => self.runs[self.runs.partition_point(|run| run.first <= index) - 1].term,
        }
    }
}

impl Drop for GroupStorage {
    fn drop(&mut self) {
        self.node_bytes.set(self.node_bytes.get() - self.bytes);
    }
}

/// An entry's data, and what its bookkeeping costs.
pub fn entry_bytes(entry: &Entry) -> usize {
    entry.data.len() + std::mem::size_of::<Entry>()
}

/// Clones from the front until `bytes_max` is reached, one at least.
fn take_limited<'a>(entries: impl Iterator<Item = &'a Entry>, bytes_max: Option<u64>) -> Vec<Entry> {
    let mut left = bytes_max.unwrap_or(u64::MAX);
    let mut taken = Vec::new();
    for entry in entries {
        let bytes = entry_bytes(entry) as u64;
        if bytes > left && !taken.is_empty() {
            break;
        }
        left = left.saturating_sub(bytes);
        taken.push(entry.clone());
    }
    taken
}

impl Storage for GroupStorage {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(self.initial.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        let max_size = max_size.into();
        let count = (high - low) as usize;
        let memory_first = self.memory_first();
        if low <= self.truncated.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        if low >= memory_first {
            let skipped = (low - memory_first) as usize;
            return Ok(take_limited(self.entries.iter().skip(skipped).take(count), max_size));
        }
        let fetched_first = self.fetched.first().map_or(u64::MAX, |entry| entry.index);
        if fetched_first <= low && low < fetched_first + self.fetched.len() as u64 {
            let skipped = (low - fetched_first) as usize;
            return Ok(take_limited(self.fetched.iter().skip(skipped).take(count), max_size));
        }
        assert!(context.can_async(), "only sending appends may ask for applied entries");
        self.wanted.borrow_mut().entries.push(low);
        Err(Error::Store(StorageError::LogTemporarilyUnavailable))
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index < self.truncated.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        if index > self.last {
            return Err(Error::Store(StorageError::Unavailable));
        }
        if index == self.truncated.index {
            return Ok(self.truncated.term);
        }
        Ok(self.term_in_runs(index))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.truncated.index + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last)
    }

    fn snapshot(&self, request_index: u64, to: u64) -> Result<Snapshot> {
        let at_least = request_index.max(self.truncated.index);
        match self.snapshots.borrow_mut().remove(&to) {
            Some(snapshot) if snapshot.get_metadata().index >= at_least => Ok(snapshot),
            _ => {
                self.wanted.borrow_mut().snapshots.push((to, at_least));
                Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
            }
        }
    }
}
