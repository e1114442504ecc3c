//! TiKV's raft-rs behind one call: `exec(commands) -> events`, flat little-endian bytes, for all groups of a node.
//!
//! Ticks, messages and completions are the only inputs, `random` and `log` the only imports: the same inputs give the
//! same outputs. `docs/formats/raft-core.md` describes the bytes; `packages/server/src/core/raft` is the other side.
//!
//! A panic is a trap, and a trap ends the node: what a *peer* sends must never get that far (`inbound.rs`), what the
//! *node* itself gets wrong (a gap in the entries, an index that goes back) always does.

mod catch_up;
mod commands;
mod config;
mod group;
mod guards;
mod host;
mod inbound;
mod node;
mod output;
mod storage;
mod wire;

use std::cell::RefCell;

use config::Settings;
use node::Node;

/// Buffers larger than this are given up after use: one huge pass must not cost memory for ever.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

struct Core {
    node: Node,
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static CORE: RefCell<Option<Core>> = RefCell::new(None);
}

fn with_core<T>(run: impl FnOnce(&mut Core) -> T) -> T {
    CORE.with(|core| run(core.borrow_mut().as_mut().expect("configure comes first")))
}

/// Once, before anything else.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub extern "C" fn configure(
    election_ticks: u32,
    heartbeat_ticks: u32,
    message_bytes_max: u32,
    inflight_messages_max: u32,
    uncommitted_bytes_max: u32,
    committed_bytes_max: u32,
    node_bytes_max: u32,
) {
    host::install();
    let settings = Settings {
        election_ticks: election_ticks as usize,
        heartbeat_ticks: heartbeat_ticks as usize,
        message_bytes_max: u64::from(message_bytes_max),
        inflight_messages_max: inflight_messages_max as usize,
        uncommitted_bytes_max: u64::from(uncommitted_bytes_max),
        committed_bytes_max: u64::from(committed_bytes_max),
        node_bytes_max: node_bytes_max as usize,
    };
    let core = Core { node: Node::new(settings), input: Vec::new(), output: Vec::new() };
    CORE.with(|slot| *slot.borrow_mut() = Some(core));
}

/// Where `len` bytes of commands are to be written before `exec(len)`. May move the memory.
#[no_mangle]
pub extern "C" fn input(len: u32) -> *mut u8 {
    with_core(|core| {
        core.input.resize(len as usize, 0);
        core.input.as_mut_ptr()
    })
}

/// Runs the commands that were written to `input`; returns how many bytes of events lie at `output()`.
#[no_mangle]
pub extern "C" fn exec(len: u32) -> u32 {
    with_core(|core| {
        let mut input = std::mem::take(&mut core.input);
        core.output.clear();
        core.output.shrink_to(BUFFER_KEPT_BYTES);
        core.node.exec(&input[..len as usize], &mut core.output);
        input.clear();
        input.shrink_to(BUFFER_KEPT_BYTES);
        core.input = input;
        core.output.len() as u32
    })
}

/// Writes the progress of a group's members to `output()`; returns its length. Empty unless this replica leads.
#[no_mangle]
pub extern "C" fn progress(group: u32) -> u32 {
    with_core(|core| {
        core.output.clear();
        core.node.progress(group, &mut core.output);
        core.output.len() as u32
    })
}

/// Valid until the next call of any export.
#[no_mangle]
pub extern "C" fn output() -> *const u8 {
    with_core(|core| core.output.as_ptr())
}
