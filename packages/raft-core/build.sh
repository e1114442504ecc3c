#!/usr/bin/env bash
# Builds the Raft core and puts it where the server package ships it from.
#
#   build.sh           build, replace packages/server/wasm/raft-core.wasm and its record
#   build.sh --check   build from scratch in a temporary directory, compare with the committed bytes, change nothing
#
# The result depends on the sources, Cargo.lock and the compiler alone: every path is remapped, crates come from a
# vendored copy that Cargo checks against Cargo.lock. README.md names the Debian packages that give these bytes.
set -euo pipefail

crate="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
shipped="$crate/../server/wasm"
rustc="${RAFT_CORE_RUSTC:-/usr/bin/rustc}"
cargo="${RAFT_CORE_CARGO:-/usr/bin/cargo}"
# Only a current Cargo can read today's registry; it is used for nothing but fetching.
vendor_cargo="${RAFT_CORE_VENDOR_CARGO:-$(command -v "$HOME/.cargo/bin/cargo" || command -v cargo)}"

# A vendored copy is good for exactly one Cargo.lock.
vendor() {
  local stamp
  stamp="$(sha256sum <"$crate/Cargo.lock")"
  if [ "$(cat "$crate/vendor/.lock" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$crate/vendor"
    (cd "$crate" && env -u RUSTUP_TOOLCHAIN "$vendor_cargo" vendor --locked --quiet vendor >/dev/null)
    echo "$stamp" >"$crate/vendor/.lock"
  fi
}

# compile DIRECTORY: builds the crate that lies there (with its vendor/) into DIRECTORY/target.
compile() {
  (cd "$1" && RUSTC="$rustc" RUSTFLAGS="--remap-path-prefix=$1=/raft-core -C target-feature=+bulk-memory" CARGO_HOME="$1/target/cargo-home" \
    "$cargo" build --quiet --offline --locked --release --target wasm32-unknown-unknown \
    --config 'source.crates-io.replace-with="vendored-sources"' \
    --config "source.vendored-sources.directory=\"$1/vendor\"")
}

vendor
if [ "${1:-}" = "--check" ]; then
  scratch="$(mktemp -d)"
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$crate"/{Cargo.toml,Cargo.lock,src,vendor} "$scratch/"
  compile "$scratch"
  built="$scratch/target/wasm32-unknown-unknown/release/sherd_raft_core.wasm"
  if ! cmp "$built" "$shipped/raft-core.wasm"; then
    echo "raft-core.wasm is not what its sources give: run packages/raft-core/build.sh and commit the result" >&2
    exit 1
  fi
  echo "raft-core.wasm: the committed bytes are what the sources give"
else
  compile "$crate"
  mkdir -p "$shipped"
  install -m 644 "$crate/target/wasm32-unknown-unknown/release/sherd_raft_core.wasm" "$shipped/raft-core.wasm"
  node "$crate/record.mjs" write
fi
