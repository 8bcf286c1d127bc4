import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { compareByteOrder, EngineError } from '../base/index.ts'
import {
  isMap,
  metaText,
  objectIdKey,
  objectIdOf,
  scalarText,
  type KubeObject,
  type KubeValue,
} from '../resources/index.ts'
import type { ApplicationKey, ChangeInput } from './input.ts'
import { reveal, type Raw } from './raw.ts'
import { brand, type Shown } from './shown.ts'

/** What one application would be after the change. */
export interface DigestApplication extends ApplicationKey {
  /** Objects as they are wanted, as rendered; those that stay the same included. */
  readonly desired: readonly Raw<KubeObject>[]
  /** What was fetched to render it, by what it is: `chart`, `source`, `image ghcr.io/x/y:1`; the values are digests. */
  readonly artifacts: { readonly [name: string]: string }
  /** The live objects that it would touch: create (undefined), change, delete. */
  readonly touched: readonly TouchedObject[]
}

export interface TouchedObject {
  readonly object: Raw<KubeObject>
  /** See {@link liveVersion}; undefined where it is not there. */
  readonly version: string | undefined
}

/** Digests of what would be applied to one cluster, by what they hold, so that a difference can be named. Lower-case hex, keyed. */
export interface ClusterDigest {
  readonly cluster: string
  readonly whole: string
  readonly desired: string
  readonly artifacts: string
  readonly live: string
}

export interface PlanDigest {
  readonly whole: string
  readonly clusters: readonly ClusterDigest[]
}

/** Bytes of a key that cannot be guessed. */
const minKeyLength = 16

/**
 * What is approved when a plan is approved. Equal for equal content whatever the order of objects, fields, applications and clusters; keyed with a secret of the deployment throughout, because secrets are part of
 * what is wanted. It is for comparing and storing, and not for showing: see {@link publicReference}.
 *
 * @throws EngineError `plan-key-short`.
 */
export function planDigest(applications: readonly DigestApplication[], key: Uint8Array): PlanDigest {
  if (key.length < minKeyLength)
    throw new EngineError(`the key of plan digests needs at least ${minKeyLength} bytes`, {
      code: 'plan-key-short',
      disposition: 'bug',
    })
  const clusters = [...Map.groupBy(applications, ({ cluster }) => cluster)]
    .sort(([a], [b]) => compareByteOrder(a, b))
    .map(([cluster, own]): ClusterDigest => {
      const part = (name: string, of: (one: DigestApplication) => KubeValue): string =>
        keyed(key, [name, cluster, sorted(own.map((one) => keyed(key, [one.kind, one.namespace, one.name, of(one)])))])
      const desired = part('desired', ({ desired: objects }) =>
        sorted(objects.map((object) => keyed(key, reveal(object)))),
      )
      const artifacts = part('artifacts', (one) => ({ ...one.artifacts }))
      const live = part('live', ({ touched }) =>
        sorted(
          touched.map(({ object, version }) => keyed(key, [objectIdKey(objectIdOf(reveal(object))), version ?? null])),
        ),
      )
      return { cluster, desired, artifacts, live, whole: keyed(key, ['cluster', cluster, desired, artifacts, live]) }
    })
  return { whole: wholeOf(clusters, key), clusters }
}

/** The digest of several clusters that were each digested on their own: the same as if it had been made of all their applications at once. */
export function joinDigests(parts: readonly PlanDigest[], key: Uint8Array): PlanDigest {
  const clusters = parts.flatMap((part) => part.clusters).toSorted((a, b) => compareByteOrder(a.cluster, b.cluster))
  return { whole: wholeOf(clusters, key), clusters }
}

function wholeOf(clusters: readonly ClusterDigest[], key: Uint8Array): string {
  return keyed(key, ['plan', ...clusters.map(({ whole }) => whole)])
}

/**
 * The state of a live object that an approval was given for: its uid, and its generation where it has one, which status and heartbeats leave alone; else its resource version.
 */
export function liveVersion(live: Raw<KubeObject>): string {
  const object = reveal(live)
  const generation = scalarText(isMap(object['metadata']) ? object['metadata']['generation'] : undefined)
  const version = generation === '' || generation === '0' ? `v${metaText(object, 'resourceVersion')}` : `g${generation}`
  return `${metaText(object, 'uid')}/${version}`
}

/** Which parts of an approval do not hold any more, for each cluster that either side has. Empty: all holds. */
export function digestChanges(
  approved: PlanDigest,
  now: PlanDigest,
): readonly { readonly cluster: string; readonly changed: readonly ('desired' | 'artifacts' | 'live')[] }[] {
  const names = new Set([...approved.clusters, ...now.clusters].map(({ cluster }) => cluster))
  return [...names].sort(compareByteOrder).flatMap((cluster) => {
    const [was, is] = [approved, now].map(({ clusters }) => clusters.find((one) => one.cluster === cluster))
    const changed = (['desired', 'artifacts', 'live'] as const).filter((part) => was?.[part] !== is?.[part])
    return changed.length === 0 ? [] : [{ cluster, changed }]
  })
}

/**
 * How a plan is called in comments and commands. It depends on the commit too: an author who proposes the same content twice, once with a secret and once with a guess at it, gets two references that say nothing
 * about whether the content is the same.
 */
export function publicReference(digest: PlanDigest, change: ChangeInput, key: Uint8Array): Shown {
  const { repository, pullRequest, base, head } = change
  return brand(keyed(key, ['reference', digest.whole, repository, pullRequest ?? null, base, head]).slice(0, 24))
}

function sorted(texts: readonly string[]): string[] {
  return [...texts].sort()
}

function keyed(key: Uint8Array, value: KubeValue): string {
  return bytesToHex(hmac(sha256, key, utf8ToBytes(canonical(value))))
}

/** One text for one value: fields in byte order; numbers that are equal have the same text. */
function canonical(value: KubeValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (isMap(value)) {
    const fields = Object.keys(value).sort(compareByteOrder)
    return `{${fields.map((field) => `${JSON.stringify(field)}:${canonical(value[field] ?? null)}`).join(',')}}`
  }
  return typeof value === 'string' ? JSON.stringify(value) : value === null ? 'null' : String(value)
}
