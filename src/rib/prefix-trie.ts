/**
 * A binary trie over prefixes of one family, one node per bit, in typed arrays. For tables of some thousands:
 * the addresses of tracked next hops (which of them lie in a prefix that changed?) and the routes that are not in
 * the RIB (which one matches longest?). A walk ends where the trie does, after a few nodes for most prefixes.
 */
import { type Address, type FamilyIndex, IPV4, type Prefix } from '../address/index.js';
import { NONE } from './ids.js';

/** Bit `i` of the address, 0 being the most significant. */
function bitOf(address: Address, i: number): 0 | 1 {
  const word = i < 32 ? address.a : i < 64 ? address.b : i < 96 ? address.c : address.d;
  return ((word >>> (31 - (i & 31))) & 1) as 0 | 1;
}

export class PrefixTrie {
  /** Children of node n at 2n and 2n + 1; 0 = none, as the root is nobody's child. */
  private children = new Uint32Array(128);
  private values = new Int32Array(64).fill(NONE);
  private nodes = 1;
  private free: number[] = [];
  size = 0;

  constructor(readonly family: FamilyIndex) {}

  /** The value at exactly this prefix, or NONE. */
  get(prefix: Prefix): number {
    const node = this.descend(prefix, prefix.length);
    return node < 0 ? NONE : this.values[node];
  }

  /** Sets the value (0 or more) at the prefix. */
  set(prefix: Prefix, value: number): void {
    let node = 0;
    for (let i = 0; i < prefix.length; i++) {
      const at = 2 * node + bitOf(prefix, i);
      if (this.children[at] === 0) {
        const child = this.allocate();
        this.children[at] = child;
      }
      node = this.children[at];
    }
    if (this.values[node] === NONE) this.size++;
    this.values[node] = value;
  }

  /** Removes the prefix and the nodes that led to it alone. */
  delete(prefix: Prefix): void {
    const path = [0];
    for (let i = 0; i < prefix.length; i++) {
      const child = this.children[2 * path[i] + bitOf(prefix, i)];
      if (child === 0) return;
      path.push(child);
    }
    const last = path[prefix.length];
    if (this.values[last] === NONE) return;
    this.values[last] = NONE;
    this.size--;
    for (let i = prefix.length; i > 0; i--) {
      const node = path[i];
      if (this.values[node] !== NONE || this.children[2 * node] !== 0 || this.children[2 * node + 1] !== 0)
        break;
      this.children[2 * path[i - 1] + bitOf(prefix, i - 1)] = 0;
      this.free.push(node);
    }
  }

  /** Whether anything at all lies in the prefix, itself included. */
  anyWithin(prefix: Prefix): boolean {
    return this.size > 0 && this.descend(prefix, prefix.length) >= 0;
  }

  /** The same for an IPv4 prefix given as a word. */
  anyWithin4(a: number, length: number): boolean {
    if (this.size === 0) return false;
    const { children } = this;
    let node = 0;
    for (let i = 0; i < length; i++) {
      node = children[2 * node + ((a >>> (31 - i)) & 1)];
      if (node === 0) return false;
    }
    return true;
  }

  /** Calls back with every value at or below the prefix. */
  within(prefix: Prefix, visit: (value: number) => void): void {
    const top = this.descend(prefix, prefix.length);
    if (top < 0) return;
    const stack = [top];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (this.values[node] !== NONE) visit(this.values[node]);
      if (this.children[2 * node] !== 0) stack.push(this.children[2 * node]);
      if (this.children[2 * node + 1] !== 0) stack.push(this.children[2 * node + 1]);
    }
  }

  /** Values of the prefixes that contain the address with their lengths, shortest first. */
  matches(address: Address): { length: number; value: number }[] {
    const found: { length: number; value: number }[] = [];
    const bits = this.family === IPV4 ? 32 : 128;
    let node = 0;
    for (let length = 0; ; length++) {
      if (this.values[node] !== NONE) found.push({ length, value: this.values[node] });
      if (length === bits) break;
      node = this.children[2 * node + bitOf(address, length)];
      if (node === 0) break;
    }
    return found;
  }

  private descend(address: Address, length: number): number {
    let node = 0;
    for (let i = 0; i < length; i++) {
      node = this.children[2 * node + bitOf(address, i)];
      if (node === 0) return -1;
    }
    return node;
  }

  private allocate(): number {
    const recycled = this.free.pop();
    if (recycled !== undefined) return recycled;
    if (this.nodes === this.values.length) {
      const children = new Uint32Array(this.children.length * 2);
      children.set(this.children);
      this.children = children;
      const values = new Int32Array(this.values.length * 2).fill(NONE);
      values.set(this.values);
      this.values = values;
    }
    return this.nodes++;
  }
}
