import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { compareByteOrder, type Json } from '../../base/index.ts'
import { isEqualConstantTime } from '../../receivers/index.ts'
import type { ObjectKey } from '../job.ts'
import { idOfKey } from '../world.ts'
import type { ApplicationDigest, ApprovalNote, ApprovalStore } from './types.ts'

/** How long plans, what waits and what was let through are remembered. */
export const approvalTtlSeconds = 30 * 24 * 3600

/** Plans that are remembered of one application; the oldest go. */
export const maxPlans = 20

/** Applications of one cluster in one plan. */
export const maxApplications = 5_000

/** A cluster's part of a plan: `approval-plans/<plan>/<cluster>`. */
export interface PartRecord {
  readonly plan: string
  readonly cluster: string
  readonly repository: string
  readonly pullRequest?: number
  readonly branch: string
  readonly head: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly applications: readonly string[]
  /** Of all that was planned, so that a plan which is made again keeps its approval only where it says the same. */
  readonly digest: string
  /** It was made after the merge, for what waits. */
  readonly afterMerge?: true
  readonly approved?: ApprovalNote
}

/** What a plan would make of one application: `approvals/<cluster>/<application>/<plan>`. */
export interface PlannedRecord extends ApplicationDigest {
  readonly plan: string
  readonly at: number
  /** The digest of the part that it is of: an approval of the part is one of this only while that is the same. Left out by older versions. */
  readonly part?: string
  readonly pullRequest?: number
  /** It was made after the merge, for what waits. */
  readonly afterMerge?: true
}

/** Whether what a plan would make of an application is in its part as that is now. */
export function isOfPart(planned: PlannedRecord, part: PartRecord | undefined): boolean {
  return planned.part === undefined || planned.part === part?.digest
}

/** Who has approved what a plan would make of an application, with the part of the plan as it is now. */
export function approvalOf(planned: PlannedRecord, part: PartRecord | undefined): ApprovalNote | undefined {
  return isOfPart(planned, part) ? part?.approved : undefined
}

/** What was let through last: `approvals/<cluster>/<application>/!last`. Approvals that are older count only where they say the same. */
export interface LastRecord extends ApplicationDigest {
  readonly plan?: string
  /** When it was approved. */
  readonly approvedAt: number
  /** What it was made from then. */
  readonly revision?: string
}

/** What waits for somebody: `approval-waits/<cluster>/<application>`. */
export interface WaitRecord extends ApplicationDigest {
  readonly application: string
  readonly cluster: string
  readonly revision: string
  readonly generation: number
  /** Since when exactly this waits. */
  readonly since: number
  /** The sentence that people read. */
  readonly message: string
  /** The plan that the sentence names and its pull request, where there is one: what was compared with, or merely the last one. */
  readonly plan?: string
  readonly pullRequest?: number
  readonly approved?: ApprovalNote
}

/** Key of a cluster's part of a plan; ids of plans and names of clusters have no `/`. */
export function partKey(plan: string, cluster: string): string {
  return `approval-plans/${plan}/${cluster}`
}

/** Prefix of everything that is remembered of an application. */
export function applicationPrefix(cluster: string, application: string): string {
  return `approvals/${cluster}/${application}/`
}

/** Sorts before every plan. */
export const lastName = '!last'

/** Key of what waits of an application. */
export function waitKey(cluster: string, application: string): string {
  return `approval-waits/${cluster}/${application}`
}

/** Prefix of what waits on a cluster. */
export function waitPrefix(cluster: string): string {
  return `approval-waits/${cluster}/`
}

/** `Kind/namespace/name` as a key. */
export function keyOfApplication(application: string): ObjectKey {
  const [kind = '', namespace = '', name = ''] = application.split('/')
  return { kind, namespace, name }
}

/** The id of an application, as records have it. */
export function applicationOf(key: ObjectKey): string {
  return idOfKey(key)
}

/** Writes a record with its signature, which depends on the key of the record too: none can be put in another's place. */
export async function putSigned(
  { state, key: secret }: ApprovalStore,
  key: string,
  value: object,
  ttlSeconds = approvalTtlSeconds,
): Promise<void> {
  const body = JSON.parse(JSON.stringify(value)) as Json
  await state.put(key, { body, mac: macOf(secret, key, body) }, { ttlSeconds })
}

/** Reads a record; one without a right signature counts as none: whoever can write to the store cannot approve. */
export async function getSigned<T>(store: ApprovalStore, key: string): Promise<T | undefined> {
  return checked<T>(store, key, await store.state.get(key))
}

/** Records under a prefix, in the order of their keys, by what stands behind the prefix. */
export async function listSigned<T>(
  store: ApprovalStore,
  prefix: string,
  options: { readonly limit: number; readonly after?: string },
): Promise<ReadonlyMap<string, T>> {
  const entries = await store.state.list(prefix, options)
  const records = new Map<string, T>()
  for (const { key, value } of entries) {
    const record = await checked<T>(store, key, value)
    if (record !== undefined) records.set(key.slice(prefix.length), record)
  }
  return records
}

async function checked<T>(
  { key: secret }: ApprovalStore,
  key: string,
  value: Json | undefined,
): Promise<T | undefined> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { body, mac } = value
  if (body === undefined || typeof mac !== 'string') return undefined
  return (await isEqualConstantTime(mac, macOf(secret, key, body))) ? (body as T) : undefined
}

function macOf(secret: Uint8Array, key: string, body: Json): string {
  return bytesToHex(hmac(sha256, secret, utf8ToBytes(JSON.stringify(['approval', key, ordered(body)]))))
}

/** Stores may give back fields in another order. */
function ordered(value: Json): Json {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort(compareByteOrder)
      .map((name) => [name, ordered(value[name] ?? null)]),
  )
}
