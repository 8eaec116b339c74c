import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkRouters, formatIssue } from '../../../src/config/index.js';
import { schemaFile, schemaReference } from '../../../src/config/schema-text.js';
import { endpointNames } from '../../../src/control/routes.js';
import { folder } from './documents.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const text = (path: string) => readFileSync(`${root}${path}`, 'utf8');

describe('what stands beside the code', () => {
  it('conf/router.schema.json is the schema (`npm run schema` writes it)', () => {
    expect(text('conf/router.schema.json')).toBe(schemaFile());
  });

  it('docs/configuration.md tells every key with its default (`npm run schema` writes it)', () => {
    const [, reference] = text('docs/configuration.md').split('<!-- reference -->\n\n');
    expect(reference).toBe(schemaReference());
  });

  it('docs/control.md tells every endpoint and no other', () => {
    const told = [...text('docs/control.md').matchAll(/^\| `((?:GET|POST) \/[^`]*)`/gm)].map(
      (match) => match[1],
    );
    expect(told.sort()).toEqual([...endpointNames].sort());
  });

  const examples = readdirSync(`${root}conf`).filter((name) => name.endsWith('.yaml'));

  it.each(examples)('conf/%s has no mistake and nothing to warn of', (name) => {
    const { routers, errors, warnings } = checkRouters([`${root}conf/${name}`]);
    expect([...errors, ...warnings].map(formatIssue)).toEqual([]);
    expect(routers.length).toBeGreaterThan(0);
  });

  it('whole documents in the documentation are right', () => {
    const blocks = [...text('docs/configuration.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => match[1],
    );
    const whole = blocks.filter((block) => block.startsWith('apiVersion'));
    expect(whole.length).toBeGreaterThan(0);
    for (const block of blocks) {
      const spec = block.startsWith('apiVersion')
        ? block
        : `apiVersion: tartan.dev/v1\nkind: Router\nmetadata: {name: a}\nspec:\n  asn: 65001\n  routerId: 192.0.2.1\n${block.replace(/^/gm, '  ')}`;
      expect(checkRouters([folder({ 'a.yaml': spec })]).errors.map(formatIssue)).toEqual([]);
    }
  });
});
