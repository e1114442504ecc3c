//! The numbers of the commands; `docs/formats/raft-core.md` has their fields.

pub const OPEN: u8 = 1;
pub const CLOSE: u8 = 2;
pub const TICK: u8 = 3;
pub const PROPOSE: u8 = 4;
pub const PROPOSE_CHANGE: u8 = 5;
pub const READ_INDEX: u8 = 6;
pub const STEP: u8 = 7;
pub const PERSISTED: u8 = 8;
pub const APPLIED: u8 = 9;
pub const APPLY_CHANGE: u8 = 10;
pub const TRUNCATED: u8 = 11;
pub const TRANSFER_LEADER: u8 = 12;
pub const FORGET_LEADER: u8 = 13;
pub const CAMPAIGN: u8 = 14;
pub const REPORT_UNREACHABLE: u8 = 15;
pub const REPORT_SNAPSHOT: u8 = 16;
pub const PROVIDE_ENTRIES: u8 = 17;
pub const PROVIDE_SNAPSHOT: u8 = 18;
pub const STEP_SNAPSHOT: u8 = 19;
