import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Checks } from '../../../src/reconcile/checks.ts'
import type { Job } from '../../../src/reconcile/job.ts'
import { sourcesOf } from '../../../src/reconcile/run-sources.ts'
import type { Source, World } from '../../../src/reconcile/world.ts'

const minute = 60_000
const failedAt = Date.parse('2026-01-01T00:00:00Z')
const scan: Job = { kind: 'scan', runId: 'r', cluster: 'c', receivedAt: 0 }

interface Row {
  readonly name: string
  readonly kind?: Source['kind']
  readonly spec?: object
  readonly ready?: object
  readonly isStalled?: boolean
  /** When it was looked at last, in minutes from the time at which it failed. */
  readonly lookedAt?: number
  /** Minutes from the last look to the first scan, of one in each minute, that looks again. */
  readonly want: number
}

function isLookedAt(row: Row, now: number): boolean {
  const { kind = 'GitRepository', lookedAt = 0 } = row
  const at = failedAt + lookedAt * minute
  const ready = { type: 'Ready', status: 'False', reason: 'Failed', lastTransitionTime: '2026-01-01T00:00:00Z' }
  const stalled = { ...ready, type: 'Stalled', status: 'True' }
  const source = {
    kind,
    metadata: { namespace: 'n', name: 's', generation: 1 },
    spec: { interval: '1h', url: 'https://example.com', sourceRef: { kind: 'Bucket', name: 'other' }, ...row.spec },
    status: {
      observedGeneration: 1,
      conditions: [{ ...ready, ...row.ready }, ...(row.isStalled === true ? [stalled] : [])],
    },
  } as unknown as Source
  const world = {
    ofKind: (one: string) => (one === kind ? [source] : []),
    serves: () => true,
  } as unknown as World
  const checks = { get: () => ({ at, state: 'ready', revision: '', generation: 1 }) } as unknown as Checks
  return sourcesOf(world, scan, checks, { now, jitterPercent: 0 }).length === 1
}

function firstLook(row: Row): number {
  const from = failedAt + (row.lookedAt ?? 0) * minute
  for (let minutes = 0; minutes <= 200; minutes++) if (isLookedAt(row, from + minutes * minute)) return minutes
  return Infinity
}

const kinds = ['GitRepository', 'OCIRepository', 'HelmRepository', 'HelmChart', 'Bucket'] as const

const rows: readonly Row[] = [
  { name: 'is ready', ready: { status: 'True' }, want: 60 },
  ...kinds.map((kind): Row => ({ name: `has just failed (${kind})`, kind, want: 1 })),
  { name: 'failed again after four minutes', lookedAt: 4, want: 4 },
  { name: 'has failed for a day', lookedAt: 1440, want: 15 },
  { name: 'has failed, with a short interval', spec: { interval: '3m' }, lookedAt: 10, want: 3 },
  { name: 'has failed, with an interval below a minute', spec: { interval: '10s' }, want: 1 },
  { name: 'was looked at by a clock that is behind', lookedAt: -5, want: 1 },
  { name: 'failed at a time that cannot be read', ready: { lastTransitionTime: 'once' }, lookedAt: 20, want: 1 },
  { name: 'is stalled', isStalled: true, want: 60 },
  { name: 'is suspended', spec: { suspend: true }, want: 60 },
  { name: 'is refused by a policy', kind: 'Bucket', ready: { reason: 'AccessDenied' }, want: 60 },
  { name: 'is an OCI Helm repository', kind: 'HelmRepository', spec: { type: 'oci' }, want: Infinity },
  { name: 'is written by others', kind: 'ExternalArtifact', want: Infinity },
]

describe('when a scan looks again at a source that', () => {
  for (const row of rows) {
    it(row.name, () => {
      assert.equal(firstLook(row), row.want)
    })
  }
})
