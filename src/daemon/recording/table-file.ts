/** Tables written to files: into a temporary one beside, which takes its name when it is whole. */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes the chunks. Resolves with the octets written; rejects, and leaves nothing behind, where it can't or is aborted. */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Buffer>,
  signal?: AbortSignal,
): Promise<number> {
  const temporary = `${path}.${process.pid}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  let handle: FileHandle | null = null;
  try {
    handle = await open(temporary, 'w', 0o644);
    let octets = 0;
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
      octets += chunk.length;
    }
    await handle.close();
    handle = null;
    await rename(temporary, path);
    return octets;
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}
