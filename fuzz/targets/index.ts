import type { Target } from '../target.js';
import { document } from './document.js';
import { fsm } from './fsm.js';
import { mrt } from './mrt.js';
import { netlink } from './netlink.js';
import { rpki } from './rpki.js';
import { stream } from './stream.js';
import { update } from './update.js';

export const targets: readonly Target[] = [update, stream, fsm, mrt, netlink, rpki, document];
