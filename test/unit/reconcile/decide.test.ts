import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseClusterState, type ClusterState } from '../../../src/reconcile/safety/cluster-state.ts'
import { clusterHeld, workHeld, type HoldQuestion, type WorkQuestion } from '../../../src/reconcile/safety/decide.ts'
import { createWindow, parseWindows, type HeldWork, type WindowRule } from '../../../src/reconcile/safety/windows.ts'

const now = Date.parse('2026-11-26T11:00:00Z') // A Thursday.
const hour = 3_600_000

const clusterRows: readonly {
  readonly name: string
  readonly question: Partial<HoldQuestion>
  readonly want: readonly [kind: string, message: RegExp] | undefined
}[] = [
  { name: 'nothing is held', question: {}, want: undefined },
  {
    name: 'the deployment is suspended',
    question: { deployment: { reason: 'audit' } },
    want: ['suspended', /^the deployment is suspended: audit$/],
  },
  {
    name: 'the cluster is suspended until later',
    question: { cluster: { suspension: { by: 'ada', until: now + hour } } },
    want: ['suspended', /^the cluster is suspended by ada until 2026-11-26T12:00:00Z$/],
  },
  { name: 'its time is over', question: { cluster: { suspension: { by: 'ada', until: now } } }, want: undefined },
  {
    name: 'the time of the deployment is over, that of the cluster is not',
    question: { deployment: { until: now - 1 }, cluster: { suspension: {} } },
    want: ['suspended', /^the cluster is suspended$/],
  },
  {
    name: 'the deployment comes before the cluster',
    question: { deployment: {}, cluster: { suspension: { by: 'ada' } } },
    want: ['suspended', /^the deployment is suspended$/],
  },
  { name: 'the first run waits', question: { needsApproval: true }, want: ['approval', /waits for approval/] },
  {
    name: 'the first run was approved',
    question: { needsApproval: true, cluster: { approvedBy: 'ada' } },
    want: undefined,
  },
  {
    name: 'an approved cluster can be suspended',
    question: { needsApproval: true, cluster: { approvedBy: 'ada', suspension: { by: 'bob' } } },
    want: ['suspended', /by bob/],
  },
]

const deny = (more: Partial<WindowRule> = {}): WindowRule => ({
  name: 'freeze',
  kind: 'deny',
  when: 'thu',
  timeZone: 'UTC',
  ...more,
})
const allow = (when: string): WindowRule => ({ name: 'hours', kind: 'allow', when, timeZone: 'UTC' })

const workRows: readonly {
  readonly name: string
  readonly rules?: readonly WindowRule[]
  readonly own?: string
  readonly work?: HeldWork
  readonly override?: number
  readonly want: string | undefined
}[] = [
  { name: 'no window', want: undefined },
  { name: 'one that denies', rules: [deny()], want: "held by window 'freeze' until Fri 00:00 UTC" },
  { name: 'drift is not held where nothing says so', rules: [deny()], work: 'drift', want: undefined },
  { name: 'deletions are', rules: [deny()], work: 'deletes', want: "held by window 'freeze' until Fri 00:00 UTC" },
  { name: 'one that holds drift alone', rules: [deny({ holds: ['drift'] })], want: undefined },
  { name: 'within what is allowed', rules: [allow('daily 08:00-12:00')], want: undefined },
  {
    name: 'outside of what is allowed',
    rules: [allow('daily 08:00-10:00')],
    want: "held by window 'hours' until Fri 08:00 UTC",
  },
  {
    name: 'what the object allows itself opens nothing that the deployment closes',
    rules: [allow('daily 08:00-10:00')],
    own: 'allow daily UTC',
    want: "held by window 'hours' until Fri 08:00 UTC",
  },
  {
    name: 'the object can be stricter, and the opening is that of both',
    rules: [allow('daily 08:00-12:00')],
    own: 'allow daily 11:30-13:00 UTC',
    want: "held by window 'allow daily 11:30-13:00 UTC' until Thu 11:30 UTC",
  },
  {
    name: 'both never open at once',
    rules: [allow('daily 08:00-10:00')],
    own: 'allow daily 11:30-13:00 UTC',
    want: "held by window 'hours' with no opening in sight",
  },
  { name: 'overridden', rules: [deny()], own: 'deny daily UTC', override: now + hour, want: undefined },
  {
    name: 'overridden until a moment ago',
    rules: [deny()],
    override: now,
    want: "held by window 'freeze' until Fri 00:00 UTC",
  },
  {
    name: 'overridden for longer than a day is not overridden',
    rules: [deny()],
    override: now + 25 * hour,
    want: "held by window 'freeze' until Fri 00:00 UTC",
  },
  {
    name: 'overridden by nonsense',
    rules: [deny()],
    override: Number.NaN,
    want: "held by window 'freeze' until Fri 00:00 UTC",
  },
  {
    name: 'one that cannot be overridden',
    rules: [deny({ override: false })],
    override: now + hour,
    want: "held by window 'freeze' until Fri 00:00 UTC",
  },
]

describe('what is held', () => {
  for (const { name, question, want } of clusterRows) {
    it(`of a cluster: ${name}`, () => {
      const held = clusterHeld({ deployment: undefined, cluster: {}, needsApproval: false, now, ...question })
      assert.equal(held?.kind, want?.[0])
      if (want !== undefined) assert.match(held?.message ?? '', want[1])
    })
  }

  for (const { name, rules = [], own = '', work = 'changes', override, want } of workRows) {
    it(`of an object: ${name}`, () => {
      const question: WorkQuestion = {
        work,
        deployment: rules.map(createWindow),
        own: parseWindows(own),
        overriddenUntil: override,
        now,
      }
      assert.equal(workHeld(question)?.message, want)
    })
  }
})

describe('the switch of a cluster', () => {
  const rows: readonly {
    readonly data: { readonly [key: string]: string } | undefined
    readonly want: ClusterState
  }[] = [
    { data: undefined, want: {} },
    { data: {}, want: {} },
    { data: { suspended: 'false', by: 'ada' }, want: {} },
    { data: { suspended: ' True ' }, want: { suspension: { by: undefined, reason: undefined } } },
    {
      data: { suspended: 'true', by: 'ada', reason: 'why', until: '2026-11-26T12:00:00Z' },
      want: { suspension: { by: 'ada', reason: 'why', until: now + hour } },
    },
    // Nobody knows when: until somebody resumes it.
    { data: { suspended: 'true', until: 'tomorrow' }, want: { suspension: { by: undefined, reason: undefined } } },
    { data: { approved: 'x', 'approved-by': 'ada' }, want: { approvedBy: 'ada' } },
  ]
  for (const { data, want } of rows) {
    it(`reads ${JSON.stringify(data)}`, () => {
      const map = data === undefined ? undefined : { metadata: { name: 'sluice-hold' }, data }
      assert.deepEqual(parseClusterState(map), want)
    })
  }
})
