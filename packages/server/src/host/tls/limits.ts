/** Bounds of TLS, with their reasons. Milliseconds unless the name says otherwise. */

/** How often the files are looked at for a change: three `stat` calls. A rotation is in force this much later. */
export const TLS_CHECK_MS = 10_000;
/** The longest certificate file that is read. Bundles of all public authorities are a quarter of it. */
export const TLS_FILE_BYTES_MAX: number = 1024 * 1024;
/** A handshake takes three packets each way at most; who needs longer is not coming. */
export const TLS_HANDSHAKE_MS_MAX = 10_000;
/**
 * Handshakes under way, of all ports that share a certificate. As many as the system keeps ready while the node is busy, so
 * that clients that all come back at once are served. Each holds about 60 KiB.
 */
export const TLS_HANDSHAKES_MAX = 1_024;
/**
 * Of those, from one address: half of them, since behind an address, loopback included, may be many clients that all come
 * back at once, and whoever sits there for no good leaves the other half to all others.
 */
export const TLS_HANDSHAKES_PER_ADDRESS_MAX: number = TLS_HANDSHAKES_MAX / 2;
/** A certificate that ends this soon is warned about at load, ... */
export const TLS_EXPIRY_WARN_MS: number = 14 * 86_400_000;
/** ... and again so often. */
export const TLS_EXPIRY_WARN_AGAIN_MS: number = 86_400_000;
