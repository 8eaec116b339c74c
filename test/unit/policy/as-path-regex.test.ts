import { describe, expect, it } from 'vitest';
import { AsPathRegex, AsPathRegexError } from '../../../src/policy/index.js';

const finds = (source: string, path: string) => new AsPathRegex(source).test(path);

describe('regular expressions over AS_PATH', () => {
  it.each([
    ['^$', '', true],
    ['^$', '65001', false],
    ['_65001_', '65001', true],
    ['_65001_', '65002 65001 65003', true],
    ['_65001_', '650010 165001', false],
    ['_65001_', '65002 {65003 65001}', true],
    ['_65001_', '(65001 65009) 65002', true],
    ['^65001_', '65001 65002', true],
    ['^65001_', '65002 65001', false],
    ['_65001$', '65002 65001', true],
    ['_65001$', '65001 65002', false],
    ['^[0-9]+$', '65001', true],
    ['^[0-9]+$', '65001 65002', false],
    ['^65001(_65001)*$', '65001 65001 65001', true],
    ['^65001(_65001)*$', '65001 65001 65002', false],
    ['^(65001|65002)_', '65002 1', true],
    ['_6(4[5-9]|5[0-5])[0-9]{2}_', '1 64512 2', true],
    ['_6(4[5-9]|5[0-5])[0-9]{2}_', '1 6451 2', false],
    ['^[0-9]+( [0-9]+){2,}$', '1 2 3', true],
    ['^[0-9]+( [0-9]+){2,}$', '1 2', false],
    ['^1.{2,3}2$', '1  2', true],
    ['\\{65003', '1 {65003}', true],
    ['[{]65003[_]', '1 {65003}', true],
    ['^[^ ]+$', '65001', true],
    ['^[]0-9[]+$', '[12]', true],
    ['', 'anything', true],
    ['65001?', '6500', true],
  ])('%s on "%s" finds something: %s', (source, path, expected) => {
    expect(finds(source, path)).toBe(expected);
  });

  it.each([
    ['(65001', 'a `(` is not closed (`\\(` for itself)'],
    ['65001)', 'a `)` closes nothing (`\\)` for itself)'],
    ['[0-9', 'a `[` is not closed (`\\[` for itself)'],
    ['*65001', 'a `*` has nothing before it to repeat'],
    ['1{x}', 'a `{` begins no repetition such as `{2,3}` (`\\{` for itself)'],
    ['1{3,2}', '`{3,2}` ends below where it begins'],
    ['[9-0]', '`9-0` ends below where it begins'],
    ['\\d+', '`\\d` means nothing; digits are `[0-9]`'],
    ['[[:digit:]]', '`[:` is not supported; digits are `[0-9]`'],
    ['(?:1)', '`(?` is not supported'],
    ['1\\', 'it ends with a `\\`'],
    ['é', 'it holds characters that no AS_PATH has'],
    ['((1{100}){100}){100}', 'it repeats too much'],
    ['('.repeat(60), 'its parentheses are nested too deep'],
  ])('%s is refused', (source, message) => {
    expect(() => new AsPathRegex(source)).toThrow(new AsPathRegexError(message));
  });

  it('come to an end on a path that invites going back', () => {
    const path = Array.from({ length: 250 }, () => '4200000000').join(' ');
    const regex = new AsPathRegex('^(([0-9]+_?)+_?)+x$');
    // Going back, this would outlast every timeout.
    for (let i = 0; i < 100; i++) expect(regex.test(path)).toBe(false);
  });

  it('go on after very many different states', () => {
    // One in four positions from the end: sets of states multiply.
    const regex = new AsPathRegex('1[12]{12}$');
    for (let n = 0; n < 3000; n++) {
      const path = n.toString(2).padStart(14, '0').replaceAll('1', '2').replaceAll('0', '1');
      expect(regex.test(path)).toBe(path.at(-13) === '1');
    }
  });
});
