import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decide, type PlanCommand } from '../../../functions/plans/decide.ts'
import type { PlanRule } from '../../../functions/plans/config.ts'
import type { Permission, PullRequest } from '../../../src/forges/index.ts'

const head = 'ab'.repeat(20)
const pull = (change: Partial<PullRequest> = {}): Pick<PullRequest, 'state' | 'isFork' | 'head'> => ({
  state: 'open',
  isFork: false,
  head: { branch: 'topic', commit: head },
  ...change,
})
const command = (text: string, more: { permission?: Permission; isEdited?: boolean } = {}): PlanCommand => ({
  id: '9',
  comment: { id: '9', author: { id: '1', login: 'ada', isBot: false }, text, isEdited: more.isEdited ?? false },
  permission: more.permission ?? 'write',
})

interface Row {
  readonly name: string
  readonly isFork?: boolean
  readonly state?: PullRequest['state']
  readonly forks?: PlanRule['forks']
  readonly known?: string
  readonly command?: PlanCommand
  /** Kind of the decision, and what it says. */
  readonly want: string
}

const fork = { isFork: true, forks: 'maintainer' } as const
const rows: readonly Row[] = [
  { name: 'a branch of the repository', want: 'plan' },
  { name: 'one that is merged', state: 'merged', want: 'end merged' },
  { name: 'a fork that is merged', state: 'merged', ...fork, want: 'end merged' },
  { name: 'a command on one that is closed', state: 'closed', command: command('/plan'), want: 'end closed' },
  { name: 'a fork, nothing configured', isFork: true, want: 'gate never' },
  {
    name: 'a command on a fork where none is planned',
    isFork: true,
    command: command(`/plan ${head}`),
    want: 'gate never',
  },
  { name: 'a fork that waits for somebody', ...fork, want: 'gate maintainer' },
  { name: 'a fork whose commit somebody has named', ...fork, known: head, want: 'keep' },
  { name: 'another commit of it', ...fork, known: 'cd'.repeat(20), want: 'gate maintainer' },
  { name: 'a fork that is planned from Git', isFork: true, forks: 'git-only', want: 'plan' },
  {
    name: 'somebody names the commit of a fork',
    ...fork,
    command: command(`/plan ${head.slice(0, 12)}`),
    want: 'plan comment 9 ada',
  },
  {
    name: 'a command that names no commit of a fork',
    ...fork,
    command: command('/plan'),
    want: 'refuse a commit of a fork is named',
  },
  {
    name: 'a command that names an older commit',
    ...fork,
    command: command('/plan cdcdcdcdcdcd'),
    want: 'refuse the commit that the comment names is not the head',
  },
  {
    name: 'a command with too few digits',
    ...fork,
    command: command('/plan ab'),
    want: 'refuse the commit that the comment names',
  },
  {
    name: 'a command with a pattern',
    ...fork,
    command: command('/plan .......'),
    want: 'refuse the commit that the comment names',
  },
  {
    name: 'the author of a fork',
    ...fork,
    command: { ...command(`/plan ${head}`, { permission: 'read' }) },
    want: 'refuse who may not write',
  },
  { name: 'somebody who sorts', command: command('/plan', { permission: 'triage' }), want: 'refuse who may not write' },
  { name: 'a command', command: command('Please\n/plan'), want: 'plan comment 9 ada' },
  {
    name: 'a comment that was edited',
    command: command('/plan', { isEdited: true }),
    want: 'refuse the comment was edited',
  },
  {
    name: 'a comment that says something else by now',
    command: command('no'),
    want: 'refuse the comment asks for no plan',
  },
  { name: 'another command', command: command('/apply'), want: 'refuse the comment asks for no plan' },
  {
    name: 'a comment that is gone',
    command: { id: '9', comment: undefined, permission: 'none' },
    want: 'refuse the comment is gone',
  },
]

describe('what is done about a pull request', () => {
  for (const { name, isFork = false, state = 'open', forks, known, command: asked, want } of rows)
    it(`${name}: ${want}`, () => {
      const found = decide(pull({ isFork, state }), forks === undefined ? {} : { forks }, { head: known }, asked)
      const said = Object.entries({ ...found, by: '' })
        .map(([, value]) => value as string)
        .filter((value) => value !== '')
        .join(' ')
      assert.ok(said.startsWith(want), said)
      if (want === found.kind) assert.equal(said, want)
    })
})
