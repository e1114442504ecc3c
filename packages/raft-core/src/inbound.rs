//! What a peer may send: a whitelist of types, and for each what raft-rs takes for granted and would panic on.
//!
//! Nobody is trusted to be well: a damaged message, one for another replica or one of a peer that lost its data must be
//! dropped here, because a trap ends the node with all of its groups.

use raft::eraftpb::{ConfState, Message};
use raft::prelude::MessageType;
use raft::{Raft, StateRole};

use crate::storage::GroupStorage;

/// Terms and indexes are counted, they never come near this; what does would overflow or leave the safe integers.
const COUNTER_MAX: u64 = 1 << 48;
/// Members of a group, in all roles together, that a snapshot may name.
const MEMBERS_MAX: usize = 64;

pub fn acceptable(raft: &Raft<GroupStorage>, m: &Message) -> bool {
    let known = match MessageType::from_i32(m.msg_type) {
        Some(known) => known,
        None => return false,
    };
    well_formed(raft, m)
        && match known {
            MessageType::MsgAppend => append(m),
            MessageType::MsgAppendResponse => append_response(raft, m),
            MessageType::MsgSnapshot => snapshot(m),
            // Raft has acknowledged all that the leader believes matched; if not, this log has lost entries.
            MessageType::MsgHeartbeat => m.commit <= raft.raft_log.last_index(),
            MessageType::MsgHeartbeatResponse
            | MessageType::MsgRequestVote
            | MessageType::MsgRequestVoteResponse
            | MessageType::MsgRequestPreVote
            | MessageType::MsgRequestPreVoteResponse
            | MessageType::MsgTimeoutNow => true,
            // Local messages; and proposals, reads and transfers, which sherd forwards itself, outside of Raft.
            _ => false,
        }
}

/// Where the snapshot stands that the message brings; none: it brings none. raft-rs gives its log up for one at once, so
/// its rows have to be there already.
pub fn snapshot_index(m: &Message) -> Option<u64> {
    if m.msg_type != MessageType::MsgSnapshot as i32 {
        return None;
    }
    let metadata = m.snapshot.as_ref().and_then(|snapshot| snapshot.metadata.as_ref());
    Some(metadata.map_or(0, |metadata| metadata.index))
}

fn well_formed(raft: &Raft<GroupStorage>, m: &Message) -> bool {
    let counters = [m.term, m.log_term, m.index, m.commit, m.commit_term, m.reject_hint];
    m.to == raft.id
        && m.from != 0
        && m.from != raft.id
        // Term 0 marks a local message.
        && m.term != 0
        && counters.iter().all(|counter| *counter < COUNTER_MAX)
        // Features that sherd does not use.
        && m.priority == 0
        && m.deprecated_priority == 0
        && m.request_snapshot == 0
        // raft-rs reads both wherever they are.
        && (m.msg_type == MessageType::MsgAppend as i32 || m.entries.is_empty())
        && (m.msg_type == MessageType::MsgSnapshot as i32 || m.snapshot.is_none())
}

/// Entries follow the position they are anchored at, without gaps, with terms that do not go back.
fn append(m: &Message) -> bool {
    // Position 0 would match the empty log of a new replica, which must begin with a snapshot.
    if m.index == 0 || m.log_term == 0 || m.log_term > m.term {
        return false;
    }
    let (mut index, mut term) = (m.index, m.log_term);
    m.entries.iter().all(|entry| {
        let fits = entry.index == index + 1 && entry.term >= term && entry.term <= m.term;
        index = entry.index;
        term = entry.term;
        fits && (0..=2).contains(&entry.entry_type) && entry.context.is_empty()
    })
}

/// Nobody can have matched what the leader does not have. (A leader that crashed before its own write ended may get an
/// answer to its lost entries, of the same term: it does not lead then, and raft-rs ignores it.)
fn append_response(raft: &Raft<GroupStorage>, m: &Message) -> bool {
    let last = raft.raft_log.last_index();
    raft.state != StateRole::Leader || m.term != raft.term || (m.index <= last && m.reject_hint <= last)
}

fn snapshot(m: &Message) -> bool {
    let metadata = match m.snapshot.as_ref().and_then(|snapshot| snapshot.metadata.as_ref()) {
        Some(metadata) => metadata,
        None => return false,
    };
    metadata.index > 0
        && metadata.index < COUNTER_MAX
        && metadata.term > 0
        && metadata.term <= m.term
        && metadata.conf_state.as_ref().map_or(false, possible_configuration)
}

/// The rules of `confchange::Changer`, which raft-rs applies to a snapshot's configuration or dies.
fn possible_configuration(state: &ConfState) -> bool {
    let joint = !state.voters_outgoing.is_empty();
    let members = state.voters.len() + state.learners.len() + state.voters_outgoing.len() + state.learners_next.len();
    !state.voters.is_empty()
        && members <= MEMBERS_MAX
        && [&state.voters, &state.learners, &state.voters_outgoing, &state.learners_next]
            .iter()
            .all(|ids| distinct(ids))
        && state.learners.iter().all(|id| !state.voters.contains(id) && !state.voters_outgoing.contains(id))
        && state.learners_next.iter().all(|id| state.voters_outgoing.contains(id) && !state.voters.contains(id))
        && (joint || !state.auto_leave)
}

fn distinct(ids: &[u64]) -> bool {
    ids.iter().enumerate().all(|(at, id)| *id != 0 && !ids[..at].contains(id))
}
