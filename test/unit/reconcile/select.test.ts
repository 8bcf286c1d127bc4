import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Job } from '../../../src/reconcile/job.ts'
import { selectNode, type Candidate, type CheckMark } from '../../../src/reconcile/select.ts'

const base: Candidate = {
  key: { kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
  suspended: false,
  deleting: false,
  generation: 1,
  observedGeneration: 1,
  ready: true,
  requestedAt: undefined,
  handledAt: undefined,
  sourceRevision: 'main@sha1:a',
  appliedRevision: 'main@sha1:a',
  intervalMs: 600_000,
  retryIntervalMs: 60_000,
  sourceInRun: true,
  configs: undefined,
}
const job = (kind: Job['kind'], target?: Job['target']): Job => ({
  kind,
  runId: 'r',
  cluster: 'c',
  receivedAt: 0,
  ...(target === undefined ? {} : { target }),
})
const failed: CheckMark = { at: 1_000_000, state: 'failed', revision: 'main@sha1:b', generation: 1 }
const seen: CheckMark = { at: 1_000_000, state: 'ready', revision: 'main@sha1:a', generation: 1 }

const rows: {
  name: string
  candidate?: Partial<Candidate>
  job?: Job
  mark?: CheckMark
  now?: number
  want: string | undefined
}[] = [
  { name: 'nothing to do after a push that changed nothing', want: undefined },
  { name: 'a new revision', candidate: { sourceRevision: 'main@sha1:b' }, want: 'revision' },
  {
    name: 'a new revision of a source the push does not concern',
    candidate: { sourceRevision: 'x', sourceInRun: false },
    want: undefined,
  },
  {
    name: 'a new revision that only the scan sees',
    candidate: { sourceRevision: 'x', sourceInRun: false },
    job: job('scan'),
    want: 'revision',
  },
  {
    name: 'a watched Secret that has changed',
    candidate: { configs: 'b' },
    job: job('scan'),
    mark: { ...seen, configs: 'a' },
    want: 'configs',
  },
  {
    name: 'a watched Secret that has changed since it failed a moment ago',
    candidate: { ready: false, sourceRevision: 'main@sha1:b', configs: 'b' },
    job: job('scan'),
    mark: { ...failed, configs: 'a' },
    now: 1_000_001,
    want: 'configs',
  },
  {
    name: 'a watched Secret that is new to it, or gone',
    candidate: { configs: '' },
    job: job('scan'),
    mark: { ...seen, configs: 'a' },
    want: 'configs',
  },
  {
    name: 'watched Secrets that are the same',
    candidate: { configs: 'a' },
    job: job('scan'),
    mark: { ...seen, configs: 'a' },
    now: 1_000_001,
    want: undefined,
  },
  { name: 'suspended', candidate: { suspended: true, sourceRevision: 'x' }, want: undefined },
  { name: 'suspended and deleted', candidate: { suspended: true, deleting: true }, want: 'deleted' },
  { name: 'a changed spec', candidate: { generation: 2 }, want: 'changed' },
  { name: 'flux reconcile', candidate: { requestedAt: 't2', handledAt: 't1' }, want: 'requested' },
  { name: 'flux reconcile, already handled', candidate: { requestedAt: 't1', handledAt: 't1' }, want: undefined },
  { name: 'not ready', candidate: { ready: false }, want: 'retry' },
  {
    name: 'ready with what was applied before, and waiting for its lock since',
    job: job('scan'),
    mark: { ...seen, state: 'waiting' },
    now: seen.at + 2_000,
    want: 'retry',
  },
  {
    name: 'failed on this very input a moment ago',
    candidate: { ready: false, sourceRevision: 'main@sha1:b' },
    mark: failed,
    now: 1_000_500,
    want: undefined,
  },
  {
    name: 'failed on this input, retry interval passed',
    candidate: { ready: false, sourceRevision: 'main@sha1:b' },
    mark: failed,
    now: 1_060_000,
    want: 'revision',
  },
  {
    name: 'failed on other input',
    candidate: { ready: false, sourceRevision: 'main@sha1:c' },
    mark: failed,
    now: 1_000_500,
    want: 'revision',
  },
  { name: 'scan, interval passed', job: job('scan'), mark: seen, now: 1_600_000, want: 'due' },
  { name: 'scan, interval not passed', job: job('scan'), mark: seen, now: 1_599_999, want: undefined },
  { name: 'scan after the state store was lost', job: job('scan'), want: 'due' },
  {
    name: 'trigger of this object',
    job: job('trigger', { object: base.key }),
    candidate: { sourceInRun: false },
    want: 'requested',
  },
  {
    name: 'trigger of another object',
    job: job('trigger', { object: { ...base.key, name: 'other' } }),
    candidate: { sourceInRun: false },
    want: undefined,
  },
  {
    name: 'trigger of objects, this one among them',
    job: job('trigger', { objects: [{ ...base.key, name: 'other' }, base.key] }),
    candidate: { sourceInRun: false },
    want: 'requested',
  },
  {
    name: 'trigger of objects, its source among them, and nothing new',
    job: job('trigger', { objects: [{ kind: 'GitRepository', namespace: 'a', name: 'b' }] }),
    want: undefined,
  },
  {
    name: 'trigger of the source',
    job: job('trigger', { source: { kind: 'GitRepository', namespace: 'a', name: 'b' } }),
    want: 'requested',
  },
  {
    name: 'trigger of the cluster',
    job: job('trigger', 'cluster'),
    candidate: { sourceInRun: false },
    want: 'requested',
  },
]

describe('selectNode', () => {
  for (const row of rows) {
    it(row.name, () => {
      const got = selectNode({ ...base, ...row.candidate }, row.job ?? job('push'), row.mark, row.now ?? 1_000_000)
      assert.equal(got, row.want)
    })
  }
})
