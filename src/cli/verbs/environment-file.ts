import { randomBytes } from 'node:crypto'
import { chmod, open, readFile, rename, rm } from 'node:fs/promises'
import { EngineError } from '../../base/index.ts'
import { environmentJson, parseEnvironment, type EnvironmentStore } from '../../bootstrap/index.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** An environment file on disk, readable by its owner alone; with `json` the same again for `wrangler secret bulk`. `-` prints what would be in it. */
export function openEnvironmentFile(path: string, json: string | undefined, terminal: Terminal): EnvironmentStore {
  let printed = ''
  return {
    name: path === '-' ? 'the output' : path,
    read: async () => {
      if (path === '-') return printed
      try {
        return await readFile(path, 'utf8')
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ENOENT') return ''
        throw unreadable(path, error)
      }
    },
    write: async (text) => {
      if (path === '-') {
        printed = text
        terminal.out(text)
      } else await writePrivate(path, text)
      if (json !== undefined) await writePrivate(json, environmentJson(parseEnvironment(text, path)))
    },
  }
}

/** Replaces a file in one step, so that none is ever half written or readable by others. */
async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await chmod(temporary, 0o600)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): EngineError {
  const code = (error as { code?: string }).code ?? 'unknown error'
  return new EngineError(`${path} cannot be read or written: ${code}`, { code: 'environment-unusable', cause: error })
}
