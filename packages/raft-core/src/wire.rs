//! Reading commands and writing fields: little-endian, lengths as u32, no padding.

use raft::eraftpb::{ConfState, Entry};
use raft::prelude::EntryType;

/// The commands of the node. They come from our own binding, so a short input is a bug and panics.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    pub fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    pub fn block(&mut self) -> &'a [u8] {
        let len = self.u32() as usize;
        self.take(len)
    }

    fn ids(&mut self) -> Vec<u64> {
        (0..self.u32()).map(|_| self.u64()).collect()
    }

    pub fn conf_state(&mut self) -> ConfState {
        ConfState {
            voters: self.ids(),
            learners: self.ids(),
            voters_outgoing: self.ids(),
            learners_next: self.ids(),
            auto_leave: self.u8() != 0,
        }
    }

    pub fn entries(&mut self) -> Vec<Entry> {
        (0..self.u32()).map(|_| self.entry()).collect()
    }

    pub fn entry(&mut self) -> Entry {
        let mut entry = Entry { index: self.u64(), term: self.u64(), ..Entry::default() };
        entry.set_entry_type(EntryType::from_i32(i32::from(self.u8())).expect("a known kind of entry"));
        entry.data = self.block().to_vec();
        entry
    }
}

/// The events' fields, appended to the output.
pub trait Fields {
    fn u8(&mut self, value: u8);
    fn u32(&mut self, value: u32);
    fn u64(&mut self, value: u64);
    fn block(&mut self, value: &[u8]);
    fn conf_state(&mut self, value: &ConfState);
    fn entries(&mut self, value: &[Entry]);
}

impl Fields for Vec<u8> {
    fn u8(&mut self, value: u8) {
        self.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn block(&mut self, value: &[u8]) {
        self.u32(value.len() as u32);
        self.extend_from_slice(value);
    }

    fn conf_state(&mut self, value: &ConfState) {
        for ids in [&value.voters, &value.learners, &value.voters_outgoing, &value.learners_next] {
            // raft-rs keeps them in hash sets: sorted, equal configurations are equal bytes.
            let mut sorted = ids.clone();
            sorted.sort_unstable();
            self.u32(sorted.len() as u32);
            sorted.iter().for_each(|id| self.u64(*id));
        }
        self.u8(u8::from(value.auto_leave));
    }

    fn entries(&mut self, value: &[Entry]) {
        self.u32(value.len() as u32);
        for entry in value {
            self.u64(entry.index);
            self.u64(entry.term);
            self.u8(entry.entry_type as u8);
            self.block(&entry.data);
        }
    }
}
