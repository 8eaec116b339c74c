import { frame } from './header.js';
import { MessageType } from './types.js';

/** The KEEPALIVE message (RFC 4271 §4.4): a header alone. One buffer for all; don't write to it. */
export const keepalive: Buffer = frame(MessageType.keepalive, new Uint8Array(0));
