//! When raft-rs may be asked to do something. Each guard names what happens without it.

use prost::Message as _;
use raft::eraftpb::ConfChangeV2;
use raft::prelude::EntryType;
use raft::{Changer, Raft, StateRole};

use crate::output::DropReason;
use crate::storage::GroupStorage;

type Replica = Raft<GroupStorage>;

pub fn leads(raft: &Replica) -> bool {
    raft.state == StateRole::Leader
}

/// Followers would forward a proposal, and it could take effect long after its client was told otherwise.
pub fn refuse_proposal(raft: &Replica) -> Option<DropReason> {
    if !leads(raft) {
        Some(DropReason::NotLeader)
    } else if raft.lead_transferee.is_some() {
        Some(DropReason::Transferring)
    } else {
        None
    }
}

/// Followers would forward it; a leader without a commit in its term would swallow it (thesis 6.4).
pub fn refuse_read(raft: &Replica) -> Option<DropReason> {
    if leads(raft) && raft.commit_to_current_term() {
        None
    } else {
        Some(DropReason::NotLeader)
    }
}

/// raft-rs would turn a second change, or one that does not fit the configuration, into an empty entry and report
/// success; an impossible change would be found out only when it is applied, on every replica.
pub fn refuse_change(raft: &Replica, change: &ConfChangeV2) -> Option<DropReason> {
    if let Some(reason) = refuse_proposal(raft) {
        return Some(reason);
    }
    let joint = !raft.prs().conf().to_conf_state().voters_outgoing.is_empty();
    if raft.has_pending_conf() || (joint && !change.leave_joint()) {
        return Some(DropReason::ChangePending);
    }
    // An explicit transition without changes: raft-rs would take it for leaving and for entering at once.
    if change.changes.is_empty() && !change.leave_joint() {
        return Some(DropReason::InvalidChange);
    }
    if change.changes.iter().any(|single| single.node_id == 0) {
        return Some(DropReason::InvalidChange);
    }
    let mut changer = Changer::new(raft.prs());
    let outcome = if change.leave_joint() {
        changer.leave_joint()
    } else if let Some(auto_leave) = change.enter_joint() {
        changer.enter_joint(auto_leave, &change.changes)
    } else {
        changer.simple(&change.changes)
    };
    outcome.err().map(|_| DropReason::InvalidChange)
}

/// A leader that is not a voter any more has no progress of its own, and raft-rs dies at the next commit.
pub fn leads_or_campaigns_without_vote(raft: &Replica) -> bool {
    !raft.promotable() && raft.state != StateRole::Follower
}

/// What a committed membership entry says. Garbage is `None`: it changes nothing, on every replica alike.
pub fn decode_change(kind: EntryType, data: &[u8]) -> Option<ConfChangeV2> {
    match kind {
        EntryType::EntryConfChangeV2 => ConfChangeV2::decode(data).ok(),
        // sherd proposes the second form alone.
        EntryType::EntryConfChange | EntryType::EntryNormal => None,
    }
}
