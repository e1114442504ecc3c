const TABLE = buildTable();

/** CRC-16/XMODEM: polynomial 0x1021, start 0, as Redis Cluster's specification asks. */
function buildTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let n = 0; n < 256; n += 1) {
    let c = n << 8;
    for (let bit = 0; bit < 8; bit += 1) c = c & 0x8000 ? (c << 1) ^ 0x1021 : c << 1;
    table[n] = c & 0xffff;
  }
  return table;
}

const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }

/**
 * The slot of a key, 0..16383. Only the part between the first `{` and the first `}` behind it counts, if there is one
 * and it is not empty: so that a caller can place keys together (Redis Cluster specification, "Hash tags").
 */
export function keySlot(key: Uint8Array): number {
  let from = 0;
  let to = key.length;
  const open = find(key, OPEN, 0);
  const close = find(key, CLOSE, open + 1);
  if (close < key.length && close > open + 1) {
    from = open + 1;
    to = close;
  }
  let crc = 0;
  for (let i = from; i < to; i += 1) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >>> 8) ^ (key[i] as number)] as number);
  }
  return crc & 16_383;
}

/** Keys are short: calling `indexOf` costs more than looking at their bytes. The key's length: it is not there. */
function find(key: Uint8Array, byte: number, from: number): number {
  let at = from;
  while (at < key.length && key[at] !== byte) at += 1;
  return at;
}
