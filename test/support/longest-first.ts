/**
 * The order in which vitest begins files. Left to itself it begins with the largest, and the one that plays a whole suite in a
 * User-Mode Linux machine, which is small, comes last: then one processor has nothing to do for minutes.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const longest = ['overlay-ipip.test.ts', 'bench.test.ts'];

function rank({ moduleId }: TestSpecification): number {
  const at = longest.findIndex((name) => moduleId.endsWith(`/netns/${name}`));
  return at < 0 ? longest.length : at;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLast = ({ project }: TestSpecification) => project.name === 'netns';
    const last = sorted.filter(isLast).sort((x, y) => rank(x) - rank(y));
    return [...sorted.filter((file) => !isLast(file)), ...last];
  }
}
