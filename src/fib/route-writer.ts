/**
 * Writes the reconcilers' steps into the kernel: batches without an ACK per route, a few on their way at a time, each
 * answered as a whole. Templates are made once per form, step and metric class, and stamped with a prefix per route.
 */
import { IPV4 } from '../address/index.js';
import {
  CREATE,
  HEADER_LENGTH,
  type MessageBatch,
  type NetlinkSocket,
  REPLACE,
  type RouteAttributes,
  type RouteForwarding,
  RouteTemplate,
  RT_SCOPE_NOWHERE,
  RTM_DELROUTE,
} from '../netlink/index.js';
import { NO_SLOT } from './prefix-index.js';
import { STEP_ADD, STEP_DELETE0, STEP_DELETE1, STEP_REPLACE, type Step } from './reconcile.js';
import type { RouteForm } from './route-forms.js';
import type { RouteReconciler } from './route-reconciler.js';
import type { KernelSettings } from './types.js';

/** Batches on their way. More gains nothing; each keeps this thread in the kernel for some milliseconds. */
const MAX_BATCHES = 4;
/** Replacements in one batch: few, so that hardly anybody can change what they replace before the kernel gets there. */
const MAX_REPLACEMENTS = 128;
/** So often in a row others' unread changes are waited for. */
const MAX_POSTPONEMENTS = 100;
/** Offset of rtm_scope. */
const SCOPE = HEADER_LENGTH + 6;

/** What a batch holds, message by message. */
interface BatchNotes {
  readonly slots: Int32Array;
  readonly forms: Uint32Array;
  /** Step and, shifted left by 4, metric class. */
  readonly steps: Uint8Array;
}

interface FormTemplate {
  readonly template: RouteTemplate;
  /** Sent as a deletion that names the hops. */
  readonly exactDeletion: boolean;
}

export class RouteWriter {
  /** Batches sent, and answered; they are answered in the order sent. */
  sent = 0;
  done = 0;
  private postponements = 0;
  private readonly idleNotes: BatchNotes[] = [];
  private readonly templates: [Map<number, FormTemplate>, Map<number, FormTemplate>] = [new Map(), new Map()];

  constructor(
    private readonly socket: NetlinkSocket,
    private settings: KernelSettings,
    /** Whether others changed something that was not looked at yet. */
    private readonly unread: () => boolean,
    /** A batch was answered; `lost`: not all of it, and a dump must follow. */
    private readonly answered: (lost: boolean) => void,
    /** The socket does not work any more. */
    private readonly broken: (error: Error) => void,
  ) {}

  /** Whether another batch may be sent. */
  get ready(): boolean {
    return this.sent - this.done < MAX_BATCHES;
  }

  get idle(): boolean {
    return this.sent === this.done;
  }

  configure(settings: KernelSettings): void {
    this.settings = settings;
    this.forgetForms();
  }

  /** Form ids may mean something else from now on. */
  forgetForms(): void {
    for (const templates of this.templates) templates.clear();
  }

  /**
   * Sends one batch of what the reconciler has to write. `postponed`: it would replace routes, and what others did has
   * to be looked at first, for what was ours may be theirs by now.
   */
  write(reconciler: RouteReconciler): 'sent' | 'nothing' | 'postponed' {
    const batch = this.socket.openBatch();
    const notes = this.idleNotes.pop() ?? newNotes();
    const { slots } = reconciler;
    let template: FormTemplate | null = null;
    let lastKey = -1;
    let replacements = 0;
    while (!batch.full && replacements < MAX_REPLACEMENTS) {
      const slot = reconciler.take();
      if (slot === NO_SLOT) break;
      const { step, stepForm, stepClass } = reconciler;
      const key = stepForm * 16 + step * 2 + stepClass;
      if (template === null || key !== lastKey) {
        template = this.template(reconciler, stepForm, step, stepClass);
        lastKey = key;
      }
      if (step === STEP_REPLACE) replacements++;
      const index = batch.count;
      notes.slots[index] = slot;
      notes.forms[index] = stepForm;
      notes.steps[index] = step | (stepClass << 4);
      const { words, lengths } = slots;
      if (reconciler.family === IPV4) {
        stamp(batch, template, words[slot], 0, 0, 0, lengths[slot], true);
      } else {
        const w = 4 * slot;
        stamp(batch, template, words[w], words[w + 1], words[w + 2], words[w + 3], lengths[slot], false);
      }
    }
    const { count } = batch;
    if (count === 0) {
      this.idleNotes.push(notes);
      void this.socket.submit(batch);
      return 'nothing';
    }
    if (replacements > 0 && this.postponements < MAX_POSTPONEMENTS && this.unread()) {
      this.postponements++;
      for (let i = 0; i < count; i++) reconciler.unanswered(notes.slots[i]);
      this.idleNotes.push(notes);
      batch.reset(batch.firstSequence);
      void this.socket.submit(batch);
      return 'postponed';
    }
    this.postponements = 0;
    this.sent++;
    this.socket.submit(batch).then(
      ({ outcome, refused }) => {
        const lost = outcome === 'unknown';
        let next = 0;
        for (let i = 0; i < count; i++) {
          const slot = notes.slots[i];
          const step = (notes.steps[i] & 15) as Step;
          const metricClass = (notes.steps[i] >> 4) as 0 | 1;
          if (next < refused.length && refused[next].index === i) {
            const { errno, code, text } = refused[next++];
            reconciler.answered(slot, step, metricClass, notes.forms[i], errno, text === '' ? code : text);
          } else if (lost) {
            reconciler.unanswered(slot);
          } else {
            reconciler.answered(slot, step, metricClass, notes.forms[i], 0, '');
          }
        }
        this.idleNotes.push(notes);
        this.done++;
        this.answered(lost);
      },
      (error: Error) => {
        for (let i = 0; i < count; i++) reconciler.unanswered(notes.slots[i]);
        this.done++;
        this.broken(error);
      },
    );
    return 'sent';
  }

  /** Deletes strays, each by its protocol, metric and hops; answers matter to nobody, since a dump follows. */
  async deleteStrays(reconciler: RouteReconciler): Promise<void> {
    const strays = reconciler.strays.splice(0);
    while (strays.length > 0) {
      const batch = this.socket.openBatch();
      while (!batch.full) {
        const stray = strays.pop();
        if (stray === undefined) break;
        const attributes = this.attributes(reconciler, stray.form, stray.metric);
        const template: FormTemplate =
          attributes === null
            ? { template: this.deletion(reconciler, stray.metric), exactDeletion: false }
            : { template: RouteTemplate.route(attributes, 0), exactDeletion: true };
        const { a, b, c, d, length } = reconciler.slots.read(stray.slot);
        stamp(batch, template, a, b, c, d, length, reconciler.family === IPV4);
        reconciler.enqueue(stray.slot);
      }
      await this.socket.submit(batch);
    }
  }

  /** Deletes every route of ours that is known, by the settings they were written with. */
  async deleteAll(reconciler: RouteReconciler): Promise<void> {
    const { slots } = reconciler;
    let batch = this.socket.openBatch();
    for (let slot = 0; slot < slots.end; slot++) {
      if (!slots.isLive(slot)) continue;
      for (const metricClass of [0, 1] as const) {
        const form = slots.applied[2 * slot + metricClass];
        if (form === 0) continue;
        const step = metricClass === 0 ? STEP_DELETE0 : STEP_DELETE1;
        const { a, b, c, d, length } = slots.read(slot);
        const template = this.template(reconciler, form, step, metricClass);
        stamp(batch, template, a, b, c, d, length, reconciler.family === IPV4);
        if (batch.full) {
          await this.socket.submit(batch);
          batch = this.socket.openBatch();
        }
      }
    }
    await this.socket.submit(batch);
    await this.deleteStrays(reconciler);
  }

  private template(reconciler: RouteReconciler, form: number, step: Step, metricClass: 0 | 1): FormTemplate {
    const templates = this.templates[reconciler.family];
    const key = form * 16 + step * 2 + metricClass;
    const known = templates.get(key);
    if (known !== undefined) return known;
    const made = this.makeTemplate(reconciler, form, step, reconciler.metricOf(metricClass));
    templates.set(key, made);
    return made;
  }

  private makeTemplate(reconciler: RouteReconciler, form: number, step: Step, metric: number): FormTemplate {
    const attributes = this.attributes(reconciler, form, metric);
    switch (step) {
      case STEP_ADD:
      case STEP_REPLACE:
        if (attributes === null) throw new Error('a form that is never written was to be written');
        return {
          template: RouteTemplate.route(attributes, step === STEP_ADD ? CREATE : REPLACE),
          exactDeletion: false,
        };
      case STEP_DELETE0:
      case STEP_DELETE1: {
        // An IPv6 deletion without hops takes the siblings with it that someone else may have added.
        const exact =
          attributes !== null && reconciler.family !== IPV4 && attributes.forwarding.kind === 'hops';
        return exact
          ? { template: RouteTemplate.route(attributes, 0), exactDeletion: true }
          : { template: this.deletion(reconciler, metric), exactDeletion: false };
      }
      default:
        throw new Error(`step ${step} writes nothing`);
    }
  }

  private deletion(reconciler: RouteReconciler, metric: number): RouteTemplate {
    return RouteTemplate.deletion(reconciler.family, this.settings.table, this.settings.protocol, metric);
  }

  /** null: of a kind that is never written. */
  private attributes(reconciler: RouteReconciler, formId: number, metric: number): RouteAttributes | null {
    const form = reconciler.form(formId);
    const forwarding = routeForwarding(form);
    if (forwarding === null) return null;
    const { table, protocol } = this.settings;
    return { family: reconciler.family, table, protocol, metric, preferredSource: form.source, forwarding };
  }
}

function newNotes(): BatchNotes {
  return { slots: new Int32Array(2048), forms: new Uint32Array(2048), steps: new Uint8Array(2048) };
}

function routeForwarding(form: RouteForm): RouteForwarding | null {
  switch (form.type) {
    case 'unicast':
      if (form.nexthopId !== 0) return { kind: 'nexthop', id: form.nexthopId };
      return form.hops.length === 0 ? null : { kind: 'hops', hops: form.hops };
    case 'blackhole':
    case 'unreachable':
    case 'prohibit':
      return { kind: form.type };
    case 'other':
      return null;
  }
}

function stamp(
  batch: MessageBatch,
  { template, exactDeletion }: FormTemplate,
  a: number,
  b: number,
  c: number,
  d: number,
  length: number,
  ipv4: boolean,
): void {
  const { buffer, length: start } = batch;
  const end = ipv4
    ? template.write4(buffer, start, a, length)
    : template.write6(buffer, start, a, b, c, d, length);
  if (exactDeletion) {
    buffer.writeUInt16LE(RTM_DELROUTE, start + 4);
    buffer[start + SCOPE] = RT_SCOPE_NOWHERE;
  }
  batch.add(end);
}
