/** Router documents for the tests of the loader: written into a folder of their own, gone after the test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadRouter, type Router } from '../../../src/config/index.js';

/** A fresh folder with these files; returns its path. */
export function folder(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'tartan-config-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** A Router document around the lines of its spec, which start at line 5. */
export function document(spec: string, name = 'a'): string {
  return `apiVersion: tartan.dev/v1\nkind: Router\nmetadata: {name: ${name}}\nspec:\n${spec.replace(/^/gm, '  ')}\n`;
}

/** `line:col: message` of every error. */
export function errorsOf(text: string): string[] {
  return loadRouter([folder({ 'a.yaml': text })]).errors.map((e) => `${e.line}:${e.column}: ${e.message}`);
}

export function warningsOf(text: string): string[] {
  return loadRouter([folder({ 'a.yaml': text })]).warnings.map((e) => `${e.line}:${e.column}: ${e.message}`);
}

/** The Router of a document that must be right. */
export function load(text: string, node?: string): Router {
  const { router, errors } = loadRouter([folder({ 'a.yaml': text })], node);
  if (router === null) throw new Error(errors.map((e) => `${e.line}:${e.column}: ${e.message}`).join('\n'));
  return router;
}

export const minimal = 'asn: 65001\nrouterId: 192.0.2.1';
