import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobStore } from '../../ports/index.ts'

export interface DirectoryBlobStoreOptions {
  readonly directory: string
  /** The files used least recently go when all together are larger. Default 1 GiB. */
  readonly maxBytes?: number
}

/** Sizes are looked at again after so many bytes written. */
const trimEvery = 64 << 20

/**
 * A BlobStore in a directory: one file per key, named by the key's SHA-256, so that no key can name a path. Writes are atomic (a rename), so a cut-off write leaves no half
 * value; several processes may share the directory. What cannot be read counts as not there.
 */
export function createDirectoryBlobStore(options: DirectoryBlobStoreOptions): BlobStore {
  const { directory } = options
  const maxBytes = options.maxBytes ?? 1 << 30
  let written = 0
  let trimming: Promise<void> | undefined

  const fileOf = (key: string): string => {
    const name = createHash('sha256').update(key).digest('hex')
    return join(directory, name.slice(0, 2), name.slice(2))
  }

  return {
    async get(key): Promise<Uint8Array | undefined> {
      const file = fileOf(key)
      try {
        const value = await readFile(file)
        const now = new Date()
        await utimes(file, now, now)
        return new Uint8Array(value.buffer, value.byteOffset, value.length)
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async put(key, value): Promise<void> {
      const file = fileOf(key)
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      const temporary = `${file}.${randomUUID()}.tmp`
      try {
        await writeFile(temporary, value, { mode: 0o600 })
        await rename(temporary, file)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      written += value.length
      if (written < Math.min(trimEvery, maxBytes / 4)) return
      written = 0
      trimming ??= trim(directory, maxBytes).finally(() => (trimming = undefined))
      await trimming
    },
    async delete(key): Promise<void> {
      await rm(fileOf(key), { force: true })
    },
  }
}

/** Removes the oldest files until the rest is smaller than nine tenths of the limit. */
async function trim(directory: string, maxBytes: number): Promise<void> {
  const files: { path: string; size: number; time: number }[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    try {
      const { size, mtimeMs } = await stat(path)
      files.push({ path, size, time: mtimeMs })
    } catch (error) {
      // Another process may have removed it meanwhile.
      if (!isMissing(error)) throw error
    }
  }
  let total = files.reduce((sum, file) => sum + file.size, 0)
  if (total <= maxBytes) return
  for (const file of files.sort((a, b) => a.time - b.time)) {
    if (total <= maxBytes * 0.9) break
    await rm(file.path, { force: true })
    total -= file.size
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
