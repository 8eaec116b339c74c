export { keepAllocatorSmall, trimAllocator } from './allocator.js';
export { collapse, giveBack, HUGE_PAGE, hugeMemory, useHugePages } from './huge-pages.js';
