import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The root of the checkout, whether this runs as bench/checkout.ts or, built, as dist/bench/checkout.js. */
export const checkout = resolve(here, basename(dirname(here)) === 'dist' ? '../..' : '..');
