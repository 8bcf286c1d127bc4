import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Alert, Provider, ProviderType } from '../../../src/api/index.ts'
import {
  cleanMetadata,
  clusterStatus,
  combineMetadata,
  commitStatusId,
  groupEvents,
  isForProvider,
  matchAlert,
  rateLimitKey,
  rollUp,
  type ClusterProgress,
  type NotificationEvent,
} from '../../../src/notify/index.ts'
import { testCommit, testEvent } from '../../support/notify-server.ts'

const group = 'kustomize.toolkit.fluxcd.io'
const event: NotificationEvent = { ...testEvent, metadata: {} }
const info: NotificationEvent = {
  ...event,
  severity: 'info',
  reason: 'ReconciliationSucceeded',
  message: 'Applied revision',
}

function alert(spec: Partial<Alert['spec']> = {}): Alert {
  return {
    apiVersion: 'notification.toolkit.fluxcd.io/v1beta3',
    kind: 'Alert',
    metadata: { name: 'alert', namespace: 'team' },
    spec: { providerRef: { name: 'provider' }, eventSources: [{ kind: 'Kustomization', name: '*' }], ...spec },
  } as Alert
}

describe('which events an Alert sends', () => {
  const labels = { app: 'web', tier: 'front' }
  const source = (more: object): Partial<Alert['spec']> => ({
    eventSources: [{ kind: 'Kustomization', name: 'app', ...more }],
  })
  const rows: readonly (readonly [string, Partial<Alert['spec']>, NotificationEvent, boolean])[] = [
    ['every object by *', {}, event, true],
    ['suspended', { suspend: true }, event, false],
    ['by name', source({}), event, true],
    ['another name', source({ name: 'other' }), event, false],
    ['another kind', source({ kind: 'HelmRelease' }), event, false],
    ['another namespace', source({ namespace: 'other' }), event, false],
    ['the namespace by name', source({ namespace: 'team' }), event, true],
    ['an empty namespace is its own', source({ namespace: '' }), event, true],
    [
      'the event of another namespace',
      {},
      { ...event, involvedObject: { ...event.involvedObject, namespace: 'b' } },
      false,
    ],
    [
      'one of several sources',
      {
        eventSources: [
          { kind: 'Bucket', name: '*' },
          { kind: 'Kustomization', name: 'app' },
        ],
      },
      event,
      true,
    ],
    ['no source', { eventSources: [] }, event, false],
    ['labels', source({ name: '*', matchLabels: { app: 'web' } }), event, true],
    ['all of the labels', source({ name: '*', matchLabels: { app: 'web', tier: 'back' } }), event, false],
    ['labels with a name too', source({ matchLabels: { app: 'api' } }), event, false],
    ['a label that no object has', source({ matchLabels: { toString: 'x' } }), event, false],
    ['errors to info', { eventSeverity: 'info' }, event, true],
    ['errors to error', { eventSeverity: 'error' }, event, true],
    ['info to info', { eventSeverity: 'info' }, info, true],
    ['info to error', { eventSeverity: 'error' }, info, false],
    ['info by default', {}, info, true],
    ['included', { inclusionList: ['nothing', '^health'] }, event, true],
    ['not included', { inclusionList: ['^Deployment'] }, event, false],
    ['excluded', { exclusionList: ['not\\s+ready'] }, event, false],
    ['not excluded', { exclusionList: ['^not ready'] }, event, true],
    ['included and excluded', { inclusionList: ['health'], exclusionList: ['failed'] }, event, false],
    ['patterns are case-sensitive', { inclusionList: ['HEALTH'] }, event, false],
    ['unless they say otherwise', { inclusionList: ['(?i)HEALTH'] }, event, true],
  ]
  for (const [name, spec, given, want] of rows) {
    it(name, () => assert.deepEqual(matchAlert(alert(spec), given, labels), { matches: want, bad: [] }))
  }

  it('passes over what is no pattern, and says which', () => {
    const lookahead = '(?!x)y'
    assert.deepEqual(matchAlert(alert({ inclusionList: ['(', 'health'] }), event, {}), {
      matches: true,
      bad: [{ list: 'inclusion', pattern: '(' }],
    })
    assert.deepEqual(matchAlert(alert({ inclusionList: ['('] }), event, {}), {
      matches: false,
      bad: [{ list: 'inclusion', pattern: '(' }],
    })
    assert.deepEqual(matchAlert(alert({ exclusionList: [lookahead] }), event, {}), {
      matches: true,
      bad: [{ list: 'exclusion', pattern: lookahead }],
    })
  })

  it('tells that something is over whatever the severity and the words', () => {
    const strict = alert({ eventSeverity: 'error', inclusionList: ['^health'], exclusionList: ['Applied'] })
    assert.equal(matchAlert(strict, info, {}).matches, false)
    assert.equal(matchAlert(strict, info, {}, { isRecovery: true }).matches, true)
    assert.equal(
      matchAlert({ ...strict, spec: { ...strict.spec, suspend: true } }, info, {}, { isRecovery: true }).matches,
      false,
    )
  })

  it('takes linear time for patterns that hang elsewhere', () => {
    const slow = alert({ exclusionList: ['^(a+)+$'] })
    assert.equal(matchAlert(slow, { ...event, message: `${'a'.repeat(50_000)}b` }, {}).matches, true)
  })
})

describe('metadata', () => {
  it('keeps the keys of both groups but digests', () => {
    const given = {
      ...event,
      metadata: {
        [`${group}/revision`]: 'r',
        [`${group}/digest`]: 'd',
        [`${group}/Checksum`]: 'c',
        'event.toolkit.fluxcd.io/team': 't',
        'source.toolkit.fluxcd.io/revision': 'other',
        plain: 'x',
      },
    }
    assert.deepEqual(cleanMetadata(given).metadata, { [`${group}/revision`]: 'r', 'event.toolkit.fluxcd.io/team': 't' })
  })

  it("combines: annotations, then the Alert's, then its summary, then the object's; without the token", () => {
    const given = {
      ...event,
      metadata: {
        'event.toolkit.fluxcd.io/a': 'annotation',
        'event.toolkit.fluxcd.io/b': 'annotation',
        'event.toolkit.fluxcd.io/revision': 'annotation',
        [`${group}/revision`]: 'object',
        [`${group}/token`]: 'token',
      },
    }
    const combined = combineMetadata(
      given,
      alert({ eventMetadata: { b: 'alert', summary: 'alert', c: 'alert' }, summary: 'the summary' }),
    )
    assert.deepEqual(combined.event.metadata, {
      a: 'annotation',
      b: 'alert',
      revision: 'object',
      summary: 'the summary',
      c: 'alert',
    })
    assert.deepEqual(combined.conflicts, {
      b: ['involved object annotations', 'Alert object .spec.eventMetadata'],
      summary: ['Alert object .spec.eventMetadata', 'Alert object .spec.summary'],
      revision: ['involved object annotations', 'involved object controller metadata'],
    })
  })

  it('makes the key of the rate limit from object, message, revisions and token', () => {
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
    assert.equal(
      rateLimitKey(info),
      sha256('event/name=app/namespace=team/kind=Kustomization/message=Applied revision'),
    )
    const metadata = { [`${group}/token`]: 't', [`${group}/revision`]: 'r', [`${group}/originRevision`]: 'o' }
    assert.equal(
      rateLimitKey({ ...info, metadata }),
      sha256(
        'event/name=app/namespace=team/kind=Kustomization/message=Applied revision/originRevision=o/revision=r/token=t',
      ),
    )
  })
})

describe('which types of Provider an event is for', () => {
  const update = { ...info, metadata: { [`${group}/commit_status`]: 'update' } }
  const commit = { ...info, metadata: { 'event.toolkit.fluxcd.io/commit': testCommit } }
  const request = { ...info, metadata: { 'event.toolkit.fluxcd.io/change_request': '7' } }
  const rows: readonly (readonly [ProviderType, NotificationEvent, boolean])[] = [
    ['slack', info, true],
    ['slack', update, false],
    ['alertmanager', update, false],
    ['generic', update, true],
    ['generic-hmac', update, true],
    ['github', info, false],
    ['github', event, true],
    ['github', update, true],
    ['github', commit, true],
    ['gitlab', info, false],
    ['gitea', commit, true],
    ['bitbucket', event, true],
    ['bitbucketserver', info, false],
    ['azuredevops', update, true],
    ['githubpullrequestcomment', info, false],
    ['githubpullrequestcomment', event, false],
    ['githubpullrequestcomment', request, true],
    ['gitlabmergerequestcomment', request, true],
    ['giteapullrequestcomment', commit, false],
    ['githubdispatch', info, true],
  ]
  for (const [type, given, want] of rows) {
    it(`${type}, ${given.severity} with ${JSON.stringify(given.metadata)}: ${want}`, () =>
      assert.equal(isForProvider(type, given), want))
  }
})

describe('ids of commit statuses', () => {
  const provider = (spec: object = {}): Provider =>
    ({
      apiVersion: 'notification.toolkit.fluxcd.io/v1beta3',
      kind: 'Provider',
      metadata: { name: 'github', namespace: 'team', uid: 'C0FFEE00-1111-4222-8333-444444444444' },
      spec: { type: 'github', ...spec },
    }) as Provider
  it('name kind, object and Provider', () =>
    assert.equal(commitStatusId(testEvent, alert(), provider()), 'kustomization/app/c0ffee00'))
  it('are what the expression gives', () => {
    const commitStatusExpr =
      "event.involvedObject.kind + '/' + event.involvedObject.name + '/' + event.metadata.summary + '/' + provider.metadata.name + '/' + alert.metadata.name"
    assert.equal(
      commitStatusId(testEvent, alert(), provider({ commitStatusExpr })),
      'Kustomization/app/production/github/alert',
    )
    const words = "(event.metadata.?summary.orValue('none')).split('u').join('-')"
    assert.equal(commitStatusId(testEvent, alert(), provider({ commitStatusExpr: words })), 'prod-ction')
  })
  for (const [expression, code] of [
    ['event.', 'cel-invalid'],
    ['1 + 1', 'cel-invalid'],
    ['secrets.token', 'cel-invalid'],
    ['event.metadata.missing', 'cel-evaluation-failed'],
    ['event.metadata', 'cel-evaluation-failed'],
  ] as const) {
    it(`${expression} is an error`, () =>
      assert.throws(() => commitStatusId(testEvent, alert(), provider({ commitStatusExpr: expression })), { code }))
  }
})

describe('one message for a run', () => {
  it('names every object, errors first, and the facts that all share', () => {
    const metadata = { revision: 'r', summary: 'production' }
    const other = { ...info, metadata: { revision: 'r' }, involvedObject: { ...info.involvedObject, name: 'web' } }
    const made = groupEvents([{ ...info, metadata }, { ...event, metadata, message: 'a\nb' }, other], 'prod')
    assert.equal(made.title, 'prod: 1 failed, 2 succeeded or changed')
    assert.equal(made.severity, 'error')
    assert.equal(
      made.message,
      '✗ kustomization/app.team: a b\n✓ kustomization/app.team: Applied revision\n✓ kustomization/web.team: Applied revision',
    )
    assert.deepEqual(made.metadata, { revision: 'r' })
    assert.equal(groupEvents([info], 'prod'), info)
  })
})

describe('the status over all clusters', () => {
  const one = (cluster: string, progress: ClusterProgress['progress'], failed = 0, total = 3): ClusterProgress => ({
    cluster,
    progress,
    failed,
    total,
  })
  const rows: readonly (readonly [readonly ClusterProgress[], string, string])[] = [
    [[one('a', 'waiting', 0, 0), one('b', 'running', 0, 0)], 'pending', '0 of 2 clusters done'],
    [[one('a', 'succeeded'), one('b', 'running', 0, 0)], 'pending', '1 of 2 clusters done'],
    [[one('a', 'succeeded'), one('b', 'succeeded')], 'success', '2 of 2 clusters up to date'],
    [[one('a', 'succeeded')], 'success', '1 of 1 cluster up to date'],
    [[one('b', 'failed', 1), one('a', 'running', 0, 0)], 'failure', '1 of 2 clusters failed (b), 1 not done yet'],
    [[one('b', 'failed', 1), one('a', 'failed', 1)], 'failure', '2 of 2 clusters failed (a, b)'],
  ]
  for (const [clusters, state, description] of rows) {
    it(`${clusters.map(({ cluster, progress }) => `${cluster} ${progress}`).join(', ')}: ${state}`, () => {
      assert.deepEqual(rollUp(clusters), { state, description })
      assert.deepEqual(rollUp(clusters.toReversed()), { state, description })
    })
  }

  it('and of each', () => {
    assert.deepEqual(clusterStatus(one('a', 'succeeded')), { state: 'success', description: '3 applied' })
    assert.deepEqual(clusterStatus(one('a', 'succeeded', 0, 0)), { state: 'success', description: 'up to date' })
    assert.deepEqual(clusterStatus(one('a', 'failed', 2)), { state: 'failure', description: '2 of 3 failed' })
    assert.deepEqual(clusterStatus({ ...one('a', 'failed', 0, 0), error: 'cluster-unreachable' }), {
      state: 'failure',
      description: 'failed: cluster-unreachable',
    })
    assert.deepEqual(clusterStatus({ ...one('a', 'succeeded'), isSuperseded: true }), {
      state: 'success',
      description: '3 applied by a newer run',
    })
    assert.equal(clusterStatus(one('a', 'waiting')).state, 'pending')
    assert.equal(clusterStatus(one('a', 'running')).state, 'pending')
  })

  it('fits every forge', () => {
    const many = Array.from({ length: 60 }, (_, index) => one(`cluster-${index}`, 'failed', 1))
    assert.ok(rollUp(many).description.length <= 140)
  })
})
