/** `confederation` of a document → the confederation of a Router. */
import type { Confederation } from '../bgp/speaker/confederation.js';
import type { SpecDocument } from './document.js';

export function readConfederation({ confederation }: SpecDocument): Confederation | null {
  if (confederation?.id === undefined) return null;
  const members = (confederation.members ?? []).filter((member) => member !== undefined);
  return { id: confederation.id, members };
}

export function renderConfederation({ id, members }: Confederation) {
  return { id, members: [...members] };
}
