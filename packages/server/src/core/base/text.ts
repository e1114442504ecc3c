/**
 * Keys are bytes on the wire and strings of one byte a character ("latin1") inside maps: JavaScript compares strings by
 * value and typed arrays by identity. The pair is lossless for every byte.
 */
const CHUNK = 4096;

export function latin1(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]);
  }
  return text;
}

export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** For names, messages and addresses; never for keys or values. */
export const utf8 = (bytes: Uint8Array): string => decoder.decode(bytes);
export const utf8Bytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text) as Uint8Array<ArrayBuffer>;
