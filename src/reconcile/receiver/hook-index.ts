import { sha256Hex, type Json } from '../../base/index.ts'
import type { Receiver } from '../../api/index.ts'
import type { StateStore } from '../../ports/index.ts'
import type { ObjectKey } from '../job.ts'

/** A Receiver that answers at a path. */
export interface HookEntry extends Omit<ObjectKey, 'kind'> {
  readonly cluster: string
  /**
   * Whose tokens a `generic-oidc` Receiver takes: its path can be guessed, so a token is verified before its cluster is asked anything. Absent for other types, whose paths are
   * secret.
   */
  readonly issuers?: readonly { readonly issuerURL: string; readonly audience?: string }[]
}

/** What the last look at a Receiver found, by `namespace/name`. */
export interface HookMark {
  /** Hash of its path; '' where it has none. */
  readonly hash: string
  readonly generation: number
  /** Milliseconds since 1970 of the last look. */
  readonly at: number
  /** Version of the Secret at that time. */
  readonly secretVersion: string
  /** What else is in the index, as text: it is written again where it differs. */
  readonly entry: string
}

/** Receivers that may answer at one path, at most. */
const maxEntries = 100

/** `/hook/` and the SHA-256 of token, name and namespace (notification-controller 1.9). The token is bytes: a line break at its end counts. */
export function webhookPath(token: Uint8Array, object: Receiver): string {
  const rest = new TextEncoder().encode(object.metadata.name + (object.metadata.namespace ?? ''))
  const bytes = new Uint8Array(token.length + rest.length)
  bytes.set(token)
  bytes.set(rest, token.length)
  return `/hook/${sha256Hex(bytes)}`
}

/** The Receivers at a path, of any cluster; none for a path that nobody has. One read of the state store, and nothing else. */
export async function findHooks(state: StateStore, path: string): Promise<readonly HookEntry[]> {
  const entries = await state.list(`hooks/${hashOf(path)}/`, { limit: maxEntries })
  return entries.map((entry) => entry.value as unknown as HookEntry)
}

/**
 * Hash of a path, under which it is kept: whoever reads the state store must not learn paths, because for some types the path is all that a sender must know.
 */
export function hashOf(path: string): string {
  return sha256Hex(path)
}

/** What was noted of a cluster's Receivers; nothing after the state store was lost. */
export async function loadHookMarks(state: StateStore, cluster: string): Promise<Map<string, HookMark>> {
  const value = await state.get(`receivers/${cluster}`)
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  return new Map(isRecord ? Object.entries(value as unknown as { [id: string]: HookMark }) : [])
}

/**
 * Brings the index of a cluster to what its Receivers are now: entries first, the marks that say so last, so that what was cut off is done again. Writes nothing where nothing changed.
 */
export async function saveHookMarks(
  state: StateStore,
  cluster: string,
  before: ReadonlyMap<string, HookMark>,
  after: ReadonlyMap<string, HookMark>,
): Promise<void> {
  const keyOf = (id: string, mark: HookMark): string => `hooks/${mark.hash}/${cluster}/${id}`
  for (const [id, mark] of after) {
    const known = before.get(id)
    if (mark.hash !== '' && (known?.hash !== mark.hash || known.entry !== mark.entry))
      await state.put(keyOf(id, mark), JSON.parse(mark.entry) as Json)
  }
  for (const [id, mark] of before) {
    if (mark.hash !== '' && after.get(id)?.hash !== mark.hash) await state.delete(keyOf(id, mark))
  }
  const value = Object.fromEntries(after)
  if (JSON.stringify(value) !== JSON.stringify(Object.fromEntries(before)))
    await state.put(`receivers/${cluster}`, value as unknown as Json)
}
