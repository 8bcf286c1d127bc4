import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  determineState,
  type DesiredRelease,
  type ObservedRelease,
  type ObservedSnapshot,
  type ReleaseState,
  type ReleaseStatus,
} from '../../../src/reconcile/helmrelease/state.ts'

const release = (status: ReleaseStatus, extra: Partial<ObservedRelease> = {}): ObservedRelease => ({
  version: 3,
  status,
  chartName: 'podinfo',
  chartVersion: '6.0.0',
  digest: 'sha256:r',
  configDigest: 'sha256:c',
  ...extra,
})
const snapshot = (extra: Partial<ObservedSnapshot> = {}): ObservedSnapshot => ({
  apiVersion: 'v2',
  version: 3,
  digest: 'sha256:r',
  status: 'deployed',
  ...extra,
})
const desired = (extra: Partial<DesiredRelease> = {}): DesiredRelease => ({
  chartName: 'podinfo',
  chartVersion: '6.0.0',
  configDigest: 'sha256:c',
  testsEnabled: false,
  ignoreTestFailures: false,
  postRenderingChanged: false,
  ...extra,
})

describe('determineState', () => {
  const rows: {
    name: string
    latest?: ObservedRelease
    history?: ObservedSnapshot[]
    desired?: DesiredRelease
    want: ReleaseState['kind']
    ours?: boolean
  }[] = [
    { name: 'nothing in storage', want: 'Absent' },
    { name: 'nothing in storage but a history', history: [snapshot()], want: 'Absent' },
    { name: 'uninstalled', latest: release('uninstalled'), history: [snapshot()], want: 'Absent' },
    { name: 'pending install of somebody else', latest: release('pending-install'), want: 'Locked', ours: false },
    {
      name: 'pending upgrade with our mark',
      latest: release('pending-upgrade', { isOurs: true }),
      want: 'Locked',
      ours: true,
    },
    {
      name: 'pending rollback that helm wrote, without our mark',
      latest: release('pending-rollback', { digest: 'x' }),
      history: [snapshot()],
      want: 'Locked',
      ours: false,
    },
    {
      name: 'deployed, and its tests were cut off',
      latest: release('deployed', { isOurs: true }),
      history: [snapshot()],
      want: 'Locked',
      ours: true,
    },
    {
      name: 'uninstalling, cut off',
      latest: release('uninstalling', { isOurs: true }),
      history: [snapshot()],
      want: 'Locked',
      ours: true,
    },
    { name: 'uninstalled without a history', latest: release('uninstalled'), want: 'Absent' },
    {
      name: 'uninstalled by somebody else',
      latest: release('uninstalled', { digest: 'x' }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'failed, not as recorded',
      latest: release('failed', { digest: 'x' }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'failed test, but another version is wanted',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      desired: desired({ testsEnabled: true, chartVersion: '6.0.1' }),
      want: 'OutOfSync',
    },
    {
      name: 'values as recorded, although the stored ones differ',
      latest: release('deployed'),
      history: [snapshot({ configDigest: 'sha256:other' })],
      want: 'OutOfSync',
    },
    { name: 'deployed by helm, never recorded', latest: release('deployed'), want: 'Unmanaged' },
    {
      name: 'changed by helm rollback',
      latest: release('deployed', { version: 4 }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'changed in place',
      latest: release('deployed', { digest: 'x' }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'snapshot of an old format is trusted',
      latest: release('deployed', { digest: 'x' }),
      history: [{ version: 3, digest: 'old', status: 'deployed' }],
      want: 'InSync',
    },
    { name: 'failed', latest: release('failed'), history: [snapshot()], want: 'Failed' },
    {
      name: 'failed test',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      desired: desired({ testsEnabled: true }),
      want: 'Failed',
    },
    {
      name: 'failed test, ignored',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      desired: desired({ testsEnabled: true, ignoreTestFailures: true }),
      want: 'InSync',
    },
    {
      name: 'failed test, tests off',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      want: 'InSync',
    },
    {
      name: 'another chart',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ chartName: 'other' }),
      want: 'OutOfSync',
    },
    {
      name: 'another version',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ chartVersion: '6.0.1' }),
      want: 'OutOfSync',
    },
    {
      name: 'other values',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ configDigest: 'x' }),
      want: 'OutOfSync',
    },
    {
      name: 'other post-rendering',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ postRenderingChanged: true }),
      want: 'OutOfSync',
    },
    {
      name: 'not tested',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ testsEnabled: true }),
      want: 'Untested',
    },
    {
      name: 'tested without hooks',
      latest: release('deployed'),
      history: [snapshot({ testHooks: {} })],
      desired: desired({ testsEnabled: true }),
      want: 'InSync',
    },
    {
      name: 'tested with success',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Succeeded' } } })],
      desired: desired({ testsEnabled: true }),
      want: 'InSync',
    },
    {
      name: 'a test that has not ended says nothing',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Succeeded' }, u: { phase: 'Running' } } })],
      desired: desired({ testsEnabled: true }),
      want: 'Untested',
    },
    {
      name: 'a test that never ran says nothing, also where failed ones are ignored',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: {} } })],
      desired: desired({ testsEnabled: true, ignoreTestFailures: true }),
      want: 'Untested',
    },
    {
      name: 'a failed test says enough: those behind it did not run',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' }, u: {} } })],
      desired: desired({ testsEnabled: true }),
      want: 'Failed',
    },
    {
      name: 'not tested, and other values are wanted',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ testsEnabled: true, configDigest: 'x' }),
      want: 'OutOfSync',
    },
    {
      name: 'not tested, and other post-rendering is wanted',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ testsEnabled: true, postRenderingChanged: true }),
      want: 'OutOfSync',
    },
    {
      name: 'failed, and another version is wanted',
      latest: release('failed'),
      history: [snapshot()],
      desired: desired({ chartVersion: '6.0.1' }),
      want: 'Failed',
    },
    { name: 'failed, never recorded', latest: release('failed'), want: 'Unmanaged' },
    {
      name: 'pending upgrade of somebody else over what we recorded',
      latest: release('pending-upgrade', { version: 4, digest: 'x' }),
      history: [snapshot()],
      want: 'Locked',
      ours: false,
    },
    { name: 'unknown', latest: release('unknown'), history: [snapshot()], want: 'Unknown' },
    { name: 'uninstalling, never recorded', latest: release('uninstalling'), want: 'Unmanaged' },
    { name: 'in sync', latest: release('deployed'), history: [snapshot()], want: 'InSync' },
    { name: 'uninstalling', latest: release('uninstalling'), history: [snapshot()], want: 'Unknown' },
    { name: 'superseded as the latest', latest: release('superseded'), history: [snapshot()], want: 'Unknown' },
  ]
  for (const row of rows) {
    it(row.name, () => {
      const state = determineState(row.latest, row.history ?? [], row.desired ?? desired())
      assert.equal(state.kind, row.want)
      if (row.ours !== undefined) assert.equal(state.kind === 'Locked' && state.ours, row.ours)
    })
  }
})
