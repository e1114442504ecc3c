//! The two imports, and what raft-rs needs connected to them: randomness, log lines, the text of a panic.

use std::fmt::{Arguments, Write};

use getrandom::{register_custom_getrandom, Error};
use slog::{Drain, Level, Logger, Never, OwnedKVList, Record, Serializer, KV};

mod imports {
    #[link(wasm_import_module = "host")]
    extern "C" {
        pub fn random() -> u32;
        pub fn log(level: u32, text: *const u8, len: u32);
    }
}

pub const LOG_PANIC: u32 = 0;
pub const LOG_ERROR: u32 = 1;
pub const LOG_WARN: u32 = 2;

pub fn log(level: u32, text: &str) {
    unsafe { imports::log(level, text.as_ptr(), text.len() as u32) }
}

/// Sends the text of a panic out before the trap: a trap alone says nothing.
pub fn install() {
    std::panic::set_hook(Box::new(|info| log(LOG_PANIC, &info.to_string())));
}

/// Election timeouts come from `rand`'s generator, which is seeded here: the host decides what is random.
fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    for chunk in bytes.chunks_mut(4) {
        let word = unsafe { imports::random() }.to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    Ok(())
}
register_custom_getrandom!(fill_random);

/// raft-rs' warnings and errors. What it says about its normal life the node says better, from events.
struct HostDrain;

struct Line(String);

impl Serializer for Line {
    fn emit_arguments(&mut self, key: slog::Key, value: &Arguments) -> slog::Result {
        write!(self.0, " {}={}", key, value).map_err(|_| slog::Error::Other)
    }
}

impl Drain for HostDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record, values: &OwnedKVList) -> Result<(), Never> {
        let level = match record.level() {
            Level::Critical | Level::Error => LOG_ERROR,
            Level::Warning => LOG_WARN,
            _ => return Ok(()),
        };
        let mut line = Line(record.msg().to_string());
        // A key that cannot be formatted only shortens the line.
        let _ = record.kv().serialize(record, &mut line);
        let _ = values.serialize(record, &mut line);
        log(level, &line.0);
        Ok(())
    }
}

pub fn logger(group: u32) -> Logger {
    Logger::root(HostDrain, slog::o!("group" => group))
}
