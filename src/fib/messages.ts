/** What the main thread and the kernel thread post to each other, beside the events of types.ts. */
import type { FamilyIndex, Prefix } from '../address/index.js';
import type { OverlayChange, OverlayState } from '../overlay/index.js';
import type { ForwardingId } from '../rib/ids.js';
import type { SharedPrefixKeys } from '../rib/prefix-table.js';
import type { SharedFibMemory } from './shared-fib.js';
import type { FibEvent, FibRouteRow, FibStatistics, Forwarding, KernelSettings } from './types.js';

/** The first message to the worker. */
export interface KernelThreadData {
  readonly memory: SharedFibMemory;
  readonly prefixes: readonly [SharedPrefixKeys, SharedPrefixKeys];
  readonly settings: KernelSettings;
  /** Bytes of receive buffer of the socket that hears notifications; absent: the default. */
  readonly listenerBufferBytes?: number;
}

export type Request =
  | {
      readonly ask: 'rows';
      readonly family: FamilyIndex;
      readonly prefix: Prefix | null;
      readonly limit: number;
    }
  | { readonly ask: 'page'; readonly family: FamilyIndex; readonly from: number; readonly limit: number }
  | { readonly ask: 'statistics' };

/** A run of rows in no order; `next` continues behind it, null: that was all. */
export interface RowPage {
  readonly rows: readonly FibRouteRow[];
  readonly next: number | null;
}

export type Answer = readonly FibRouteRow[] | RowPage | FibStatistics;

/** What a forwarding entry is from now on; null: nobody needs it any more. */
export type ForwardingWord = readonly [id: ForwardingId, forwarding: Forwarding | null];

/** To whoever programs routes. */
export type ToProgrammer =
  /** The ring is no longer empty. */
  | { readonly type: 'wake' }
  | { readonly type: 'forwardings'; readonly words: readonly ForwardingWord[] }
  | { readonly type: 'fence'; readonly id: number }
  | { readonly type: 'sweep' }
  | { readonly type: 'configure'; readonly settings: KernelSettings }
  | { readonly type: 'request'; readonly id: number; readonly request: Request }
  | { readonly type: 'close'; readonly routes: 'keep' | 'remove' };

/** To whoever programs tunnel devices and what hangs on them. */
export type ToOverlay =
  | { readonly type: 'overlay'; readonly state: OverlayState }
  | { readonly type: 'overlayChange'; readonly change: OverlayChange }
  | { readonly type: 'overlayFence'; readonly id: number };

export type ToThread =
  | ToProgrammer
  | ToOverlay
  | { readonly type: 'watchRouters'; readonly on: boolean }
  | { readonly type: 'collect'; readonly id: number };

export type FromThread =
  | FibEvent
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'closed' };
