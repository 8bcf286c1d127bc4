import { sha256Hex, type Json } from '../../src/base/index.ts'
import { matchesAnySecret } from '../../src/receivers/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { macsOf } from '../session.ts'

type NoteDeps = Pick<FunctionDeps, 'config' | 'state'>

/** What was noted under a key. Who else writes to the store must not be able to give rights away: what is not ours, or of another key, counts as unknown. */
export async function readOwnNote<T extends object>(deps: NoteDeps, key: string): Promise<T | undefined> {
  const stored = (await deps.state.get(key)) as { readonly text?: unknown; readonly mac?: unknown } | undefined
  if (typeof stored?.text !== 'string' || typeof stored.mac !== 'string') return undefined
  const macs = await macsOf(deps.config, `note ${key}`, sha256Hex(stored.text))
  return (await matchesAnySecret(stored.mac, macs)) ? (JSON.parse(stored.text) as T) : undefined
}

/** Notes something for a time, as ours. Without a key of the deployment nothing is noted. */
export async function writeOwnNote(deps: NoteDeps, key: string, note: object, ttlSeconds: number): Promise<void> {
  const text = JSON.stringify(note)
  const [mac] = await macsOf(deps.config, `note ${key}`, sha256Hex(text))
  if (mac === undefined) return
  const value: Json = { text, mac }
  await deps.state.put(key, value, { ttlSeconds })
}
