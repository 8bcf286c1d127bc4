import { ownAnnotations } from '../../api/index.ts'
import { describePin, pinOf } from '../../reconcile/index.ts'
import type { KubeObject } from '../../resources/index.ts'

/** An object of ours as a row of `get`. */
export interface ObjectRow {
  readonly cluster?: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly revision: string
  readonly suspended: boolean
  readonly ready: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** Who suspended it, why, until when: where it was done with a note. */
  /** What holds it back although nothing is wrong with it: a window, its cluster. */
  readonly held?: string
  /** `pinned to … by ada: …`. */
  readonly pinned?: string
  readonly suspension?: { readonly by?: string; readonly reason?: string; readonly until?: string }
  /** `GitRepository/app`, for what is made from a source; the URL of a source. */
  readonly source: string
  /** RFC 3339. */
  readonly createdAt: string
}

interface Shape {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly creationTimestamp?: string
    readonly annotations?: { readonly [key: string]: string }
  }
  readonly spec?: {
    readonly suspend?: boolean
    readonly url?: string
    readonly endpoint?: string
    readonly bucketName?: string
    readonly chart?: string | { readonly spec?: { readonly chart?: string; readonly sourceRef?: Reference } }
    readonly chartRef?: Reference
    readonly sourceRef?: Reference
  }
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: 'True' | 'False' | 'Unknown'
      readonly reason: string
      readonly message: string
    }[]
    readonly artifact?: { readonly revision?: string }
    readonly lastAppliedRevision?: string
    readonly lastAttemptedRevision?: string
    readonly history?: readonly { readonly chartVersion?: string }[]
  }
}

interface Reference {
  readonly kind?: string
  readonly name?: string
  readonly namespace?: string
}

/** The row of an object (flux2 2.9, `flux get`): of a source its artifact's revision, of a Kustomization the applied one, of a HelmRelease the chart's version. */
export function objectRow(given: KubeObject): ObjectRow {
  const object = given as unknown as Shape
  const { metadata, spec, status } = object
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready')
  const held = status?.conditions?.find((condition) => condition.type === 'Held')
  const pin = pinOf(given as unknown as Parameters<typeof pinOf>[0])
  const notes = metadata.annotations ?? {}
  const suspension = {
    by: notes[ownAnnotations.suspendedBy],
    reason: notes[ownAnnotations.suspendedReason],
    until: notes[ownAnnotations.suspendedUntil],
  }
  const hasNote = spec?.suspend === true && Object.values(suspension).some((value) => value !== undefined)
  return {
    kind: object.kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    revision: revisionOf(object),
    suspended: spec?.suspend === true,
    ready: ready?.status ?? 'False',
    reason: ready?.reason ?? '',
    message: ready?.message ?? 'waiting to be reconciled',
    ...(held?.status === 'True' ? { held: held.message } : {}),
    ...(pin === undefined ? {} : { pinned: describePin(pin) }),
    ...(hasNote ? { suspension: JSON.parse(JSON.stringify(suspension)) as ObjectRow['suspension'] & object } : {}),
    source: sourceOf(object),
    createdAt: metadata.creationTimestamp ?? '',
  }
}

function revisionOf({ kind, status }: Shape): string {
  switch (kind) {
    case 'Kustomization':
      return status?.lastAppliedRevision ?? ''
    case 'HelmRelease':
      return status?.history?.[0]?.chartVersion ?? status?.lastAttemptedRevision ?? ''
    default:
      return status?.artifact?.revision ?? ''
  }
}

function sourceOf({ spec, metadata }: Shape): string {
  const chart = typeof spec?.chart === 'object' ? spec.chart.spec : undefined
  const reference = spec?.sourceRef ?? spec?.chartRef ?? chart?.sourceRef
  if (reference !== undefined) {
    const { kind = '', name = '', namespace } = reference
    return namespace === undefined || namespace === metadata.namespace
      ? `${kind}/${name}`
      : `${kind}/${namespace}/${name}`
  }
  return spec?.url ?? [spec?.endpoint, spec?.bucketName].filter((part) => part !== undefined).join('/')
}

/** Revisions and messages with every digest cut to eight letters, as flux prints them. */
export function shortRevision(text: string): string {
  return text.replaceAll(/(?<![0-9a-f])[0-9a-f]{40,128}(?![0-9a-f])/g, (digest) => digest.slice(0, 8))
}

/** Picks rows by `--status-selector`: `ready=false`, `ready!=true`, `suspended=true`; undefined for a selector that is none. */
export function statusSelector(text: string): ((row: ObjectRow) => boolean) | undefined {
  const match = /^(ready|suspended|reason)(!?==?)([\w-]+)$/i.exec(text.trim())
  const [, field = '', operator = '', value = ''] = match ?? []
  if (match === null) return undefined
  const isWanted = !operator.startsWith('!')
  return (row) => {
    const found =
      field.toLowerCase() === 'ready'
        ? row.ready
        : field.toLowerCase() === 'reason'
          ? row.reason
          : String(row.suspended)
    return (found.toLowerCase() === value.toLowerCase()) === isWanted
  }
}

/** How long ago, in one or two units: `5s`, `12m`, `3h20m`, `4d`. */
export function age(since: string | number, now: number): string {
  const at = typeof since === 'number' ? since : Date.parse(since)
  if (Number.isNaN(at)) return ''
  const seconds = Math.max(0, Math.floor((now - at) / 1000))
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 10) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}
