import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EngineError } from '../../../src/base/index.ts'
import { kindOfWord, parseNamed, parseObject } from '../../../src/cli/target/kinds.ts'
import { styleOf } from '../../../src/cli/terminal/style.ts'
import { followLines, type Run } from '../../../src/cli/verbs/follow.ts'
import { clockFinding, clockSkewMs, findingsText } from '../../../src/cli/verbs/findings.ts'
import { deliveriesText } from '../../../src/cli/verbs/deliveries.ts'
import { versionFinding } from '../../../src/cli/verbs/doctor-cluster.ts'
import { rowsText } from '../../../src/cli/verbs/get.ts'
import { diffLines } from '../../../src/base/line-diff.ts'
import { age, objectRow, shortRevision, statusSelector } from '../../../src/cli/verbs/object-row.ts'
import { runText } from '../../../src/cli/verbs/run-text.ts'
import { fromRows, fromRuns, overall } from '../../../src/cli/verbs/status.ts'
import { compact, treeText, type TreeNode } from '../../../src/cli/verbs/tree-model.ts'
import { requestState } from '../../../src/cli/verbs/wait-ready.ts'
import { explain, rootCauses, whyText } from '../../../src/cli/verbs/why-model.ts'
import { createWorld, idOf, type Managed } from '../../../src/reconcile/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

const plain = styleOf(false)
const sha = 'd55713f4e1afd9c01c079aaa7cdbc505c424edd1'

function kustomization(name: string, change: { spec?: object; status?: object; metadata?: object } = {}): KubeObject {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'apps', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z', ...change.metadata },
    spec: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' }, ...change.spec },
    status: {
      observedGeneration: 1,
      lastAppliedRevision: `main@sha1:${sha}`,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'ReconciliationSucceeded',
          message: `Applied revision: main@sha1:${sha}`,
        },
      ],
      ...change.status,
    },
  } as unknown as KubeObject
}

function notReady(reason: string, message: string): { conditions: object[]; lastAppliedRevision?: undefined } {
  return { conditions: [{ type: 'Ready', status: 'False', reason, message }] }
}

void describe('names on the command line', () => {
  const rows: [words: string, wanted: string][] = [
    ['ks app', 'Kustomization app'],
    ['kustomization app', 'Kustomization app'],
    ['hr/app', 'HelmRelease app'],
    ['source git app', 'GitRepository app'],
    ['sources oci', 'OCIRepository '],
    ['source helm charts', 'HelmRepository charts'],
    ['gitrepositories', 'GitRepository '],
    ['sources', 'GitRepository,OCIRepository,HelmRepository,HelmChart,Bucket,ExternalArtifact '],
    ['all', 'GitRepository,OCIRepository,HelmRepository,HelmChart,Bucket,ExternalArtifact,Kustomization,HelmRelease '],
  ]
  for (const [words, wanted] of rows) {
    void it(words, () => {
      const { kinds, name = '' } = parseNamed(words.split(' '))
      assert.equal(`${kinds.join(',')} ${name}`, wanted)
    })
  }
  for (const words of ['pods', 'source svn x', 'ks a b', '']) {
    void it(`not: ${words}`, () => {
      assert.throws(
        () => parseNamed(words.split(' ')),
        (error) => error instanceof EngineError && error.code === 'usage',
      )
    })
  }
  for (const words of ['ks', 'sources', 'all app']) {
    void it(`no single object: ${words}`, () => {
      assert.throws(() => parseObject(words.split(' '), 'apps'), /name one object/)
    })
  }
  void it('words of one kind are no words of another', () => assert.equal(kindOfWord('helm'), undefined))
})

void describe('get', () => {
  const rows = [
    kustomization('web'),
    kustomization('db', { spec: { suspend: true }, status: notReady('BuildFailed', 'a: b\nc') }),
  ].map(objectRow)
  const options = { style: plain, width: undefined, isWide: false, flags: {}, now: Date.parse('2026-01-01T05:00:00Z') }
  void it('has the columns of flux, digests cut short', () => {
    assert.equal(
      rowsText(rows, ['Kustomization'], options),
      'NAME  REVISION            SUSPENDED  READY  MESSAGE\n' +
        'web   main@sha1:d55713f4  False      True   Applied revision: main@sha1:d55713f4\n' +
        'db    main@sha1:d55713f4  True       False  a: b c\n',
    )
  })
  void it('of several kinds has a table for each, with the kind before the name', () => {
    const text = rowsText(rows, ['GitRepository', 'Kustomization'], {
      ...options,
      flags: { allNamespaces: true, header: false },
      isWide: true,
    })
    assert.match(
      text,
      /^apps {2}kustomization\/web {2}main@sha1:d55713f4 {2}False {2}True {3}5h {2}GitRepository\/app {2}Applied/,
    )
  })
  void it('selects by status', () => {
    const count = (text: string): number => rows.filter(statusSelector(text) ?? (() => false)).length
    assert.deepEqual(
      ['ready=false', 'ready!=true', 'suspended=true', 'reason=BuildFailed', 'ready=True'].map(count),
      [1, 1, 1, 1, 1],
    )
    for (const text of ['ready', 'ready=', 'name=web', '']) assert.equal(statusSelector(text), undefined)
  })
  void it('cuts digests, and nothing that only looks like one', () => {
    assert.equal(shortRevision(`main@sha1:${sha} x`), 'main@sha1:d55713f4 x')
    assert.equal(shortRevision(`sha256:${'a'.repeat(64)}`), 'sha256:aaaaaaaa')
    assert.equal(shortRevision('deadbeef 1.2.3'), 'deadbeef 1.2.3')
  })
  void it('says how old', () => {
    const now = 1_000_000_000_000
    assert.deepEqual(
      [5, 119, 600, 7200, 12_000, 90_000, 400_000].map((seconds) => age(now - seconds * 1000, now)),
      ['5s', '119s', '10m', '2h', '3h20m', '25h', '4d'],
    )
    assert.equal(age('never', now), '')
  })
})

void describe('waiting for a request', () => {
  const asked = (status: object): string => requestState(kustomization('web', { status }), 't').state
  void it('is over when it was handled and Ready is True or False', () => {
    assert.equal(asked({}), 'pending')
    assert.equal(asked({ lastHandledReconcileAt: 't' }), 'ready')
    assert.equal(asked({ lastHandledReconcileAt: 't', observedGeneration: 0 }), 'working')
    assert.equal(asked({ lastHandledReconcileAt: 't', ...notReady('BuildFailed', 'no') }), 'failed')
    const unknown = [{ type: 'Ready', status: 'Unknown', reason: 'Progressing', message: 'x' }]
    assert.equal(asked({ lastHandledReconcileAt: 't', conditions: unknown }), 'working')
  })
  void it('tells work from an old failure', () => {
    const conditions = (reason: string): object => ({
      conditions: [{ type: 'Reconciling', status: 'True', reason, message: 'x' }],
    })
    assert.equal(asked(conditions('Progressing')), 'working')
    assert.equal(asked(conditions('ProgressingWithRetry')), 'pending')
  })
})

void describe('why', () => {
  const source = (change: object = {}): KubeObject =>
    ({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'app', namespace: 'apps', generation: 1 },
      spec: { interval: '1m', url: 'https://git.example/app' },
      status: {
        observedGeneration: 1,
        artifact: { revision: `main@sha1:${sha}` },
        conditions: [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: '' }],
        ...change,
      },
    }) as unknown as KubeObject
  const ask = (objects: readonly KubeObject[], id = 'Kustomization/apps/web'): ReturnType<typeof explain> => {
    const world = createWorld(
      new Map(objects.map((object) => [idOf(object as unknown as Managed), object as unknown as Managed])),
    )
    return explain(world, id, { unhealthy: () => [], warnings: () => [], now: 0 })
  }
  const roots = (objects: readonly KubeObject[], id?: string): string[] =>
    rootCauses(ask(objects, id)).map((why) => `${why.id} ${why.problem}`)

  void it('nothing is wrong', () => {
    assert.equal(ask([source(), kustomization('web')]).isFine, true)
    assert.deepEqual(roots([source(), kustomization('web')]), [])
  })
  void it('the source', () => {
    const failed = source(notReady('GitOperationFailed', 'authentication required'))
    assert.deepEqual(roots([failed, kustomization('web')]), ['GitRepository/apps/app is not ready: GitOperationFailed'])
    assert.deepEqual(roots([kustomization('web', { status: notReady('ArtifactFailed', 'x') })]), [
      'GitRepository/apps/app does not exist',
    ])
  })
  void it('a dependency of a dependency, suspended by somebody', () => {
    const chain = [
      source(),
      kustomization('web', {
        spec: { dependsOn: [{ name: 'db' }] },
        status: notReady('DependencyNotReady', "dependency 'Kustomization/apps/db' is not ready"),
      }),
      kustomization('db', { spec: { dependsOn: [{ name: 'infra' }] }, status: notReady('DependencyNotReady', 'x') }),
      kustomization('infra', {
        spec: { suspend: true },
        status: notReady('BuildFailed', 'x'),
        metadata: { annotations: { 'sluice.dev/suspended-by': 'ada', 'sluice.dev/suspended-reason': 'disk' } },
      }),
    ]
    assert.deepEqual(roots(chain), ['Kustomization/apps/infra is suspended by ada'])
    assert.equal(
      whyText(ask(chain), plain),
      '✗ Kustomization/apps/web is not ready: DependencyNotReady\n' +
        '  └─ ✗ Kustomization/apps/db is not ready: DependencyNotReady\n' +
        '       └─ ✗ Kustomization/apps/infra is suspended by ada\n' +
        '            because: disk\n' +
        '            → sluice resume kustomization infra -n apps\n',
    )
  })
  void it('a cycle ends', () => {
    const a = kustomization('web', {
      spec: { dependsOn: [{ name: 'b' }] },
      status: notReady('DependencyNotReady', 'x'),
    })
    const b = kustomization('b', {
      spec: { dependsOn: [{ name: 'web' }] },
      status: notReady('DependencyNotReady', 'x'),
    })
    assert.match(roots([source(), a, b]).join(), /in its own way/)
  })
  void it('a parent that is suspended, though the object itself is ready', () => {
    const labels = { 'kustomize.toolkit.fluxcd.io/name': 'prod', 'kustomize.toolkit.fluxcd.io/namespace': 'apps' }
    const child = kustomization('web', { metadata: { labels } })
    assert.deepEqual(roots([source(), child, kustomization('prod', { spec: { suspend: true } })]), [
      'Kustomization/apps/prod is suspended',
    ])
  })
  void it('nobody has looked, it is being deleted, it is behind', () => {
    assert.deepEqual(roots([source(), kustomization('web', { status: { conditions: [] } })]), [
      'Kustomization/apps/web has never been looked at',
    ])
    const deleted = kustomization('web', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['f'] } })
    assert.match(roots([source(), deleted]).join(), /is being deleted/)
    assert.deepEqual(roots([source({ artifact: { revision: 'main@sha1:new' } }), kustomization('web')]), [
      'Kustomization/apps/web is behind',
    ])
  })
})

void describe('tree', () => {
  const leaf = (kind: string, apiVersion = 'v1'): TreeNode => ({
    apiVersion,
    kind,
    namespace: 'apps',
    name: 'x',
    children: [],
  })
  const ours = 'kustomize.toolkit.fluxcd.io/v1'
  const tree: TreeNode = {
    ...leaf('Kustomization', ours),
    ready: 'True',
    children: [
      { ...leaf('Kustomization', ours), ready: 'False', children: [{ ...leaf('Namespace'), namespace: '' }] },
      { ...leaf('Kustomization', ours), ready: 'True', suspended: true, note: 'in another cluster' },
    ],
  }
  void it('is drawn as flux draws it', () => {
    assert.equal(
      treeText(tree, plain),
      'Kustomization/apps/x ✔\n├── Kustomization/apps/x ✗ not ready\n│   └── Namespace/x\n└── Kustomization/apps/x suspended (in another cluster)\n',
    )
    assert.equal(treeText(compact(tree), plain).includes('Namespace'), false)
  })
})

void describe('differences of lines', () => {
  const diff = (a: string, b: string): string =>
    diffLines(a, b)
      .map(({ sign, text }) => `${sign}${text}`)
      .join('|')
  const rows: [a: string, b: string, wanted: string][] = [
    ['a', 'b', '-a|+b'],
    ['a\nb\nc', 'a\nx\nc', ' a|-b|+x| c'],
    ['a\nb', 'a\nb\nc', ' a| b|+c'],
    ['1\n2\n3\n4\n5\n6\n7', '1\n2\n3\n4\n5\n6\n8', '…| 5| 6|-7|+8'],
    ['x\na\nb\ny', 'a\nz\nb', '-x| a|+z| b|-y'],
  ]
  for (const [a, b, wanted] of rows) void it(JSON.stringify([a, b]), () => assert.equal(diff(a, b), wanted))
  void it('large texts take no large table', () => {
    const lines = (prefix: string): string => Array.from({ length: 5000 }, (_, index) => `${prefix}${index}`).join('\n')
    assert.equal(diffLines(lines('a'), lines('b')).length, 10_000)
  })
})

void describe('status of a commit', () => {
  const app = objectRow({
    kind: 'GitRepository',
    metadata: { name: 'app', namespace: 'apps' },
    status: { artifact: { revision: `main@sha1:${sha}` } },
  } as unknown as KubeObject)
  const state = (...objects: readonly KubeObject[]): string =>
    fromRows(sha.slice(0, 10), [app, ...objects.map(objectRow)]).state
  void it('from objects', () => {
    assert.equal(state(kustomization('web')), 'healthy')
    assert.equal(state(), 'healthy')
    assert.equal(
      state(kustomization('web'), kustomization('late', { status: { lastAppliedRevision: 'main@sha1:old' } })),
      'applying',
    )
    assert.equal(state(kustomization('web', { status: { ...notReady('DependencyNotReady', 'x') } })), 'applying')
    assert.equal(state(kustomization('web', { status: notReady('BuildFailed', 'x') })), 'failed')
    assert.equal(fromRows('f'.repeat(40), [app]).state, 'unknown')
  })
  void it('from runs', () => {
    const node = { kind: 'Kustomization', namespace: 'apps', name: 'web', revision: `main@sha1:${sha}` } as const
    const run = (nodeState: 'ready' | 'failed', runState: Run['state'] = 'succeeded'): Run => ({
      id: 'r',
      trigger: 'push',
      state: runState,
      receivedAt: 1,
      push: { ref: 'refs/heads/main', after: sha },
      records: [{ cluster: 'one', state: runState, nodes: [{ ...node, state: nodeState }] }],
    })
    assert.equal(fromRuns(sha, [run('ready')]).state, 'healthy')
    assert.equal(fromRuns(sha, [run('ready'), run('failed')]).state, 'healthy', 'the newest counts')
    assert.equal(fromRuns(sha, [run('failed', 'failed')]).state, 'failed')
    assert.equal(fromRuns(sha, [run('ready', 'running')]).state, 'applying')
    assert.equal(fromRuns('f'.repeat(40), [run('ready')]).state, 'unknown')
    assert.equal(overall([{ state: 'superseded' }]), 'superseded')
  })
})

void describe('a run', () => {
  const run: Run = {
    id: '01m8',
    trigger: 'push',
    state: 'partial',
    receivedAt: 1000,
    actor: 'ada\u001b[2J',
    push: { ref: 'refs/heads/main', after: sha },
    records: [
      {
        cluster: 'one',
        state: 'partial',
        nodes: [
          {
            kind: 'Kustomization',
            namespace: 'apps',
            name: 'web',
            state: 'ready',
            message: 'Applied',
            changes: [
              { object: 'ConfigMap/apps/a', action: 'configured', drift: [{ path: '.data.a', change: 'replace' }] },
            ],
          },
          { kind: 'Kustomization', namespace: 'apps', name: 'db', state: 'failed', message: 'one\ntwo' },
        ],
      },
    ],
  }
  void it('says what it was, and what it did to each object', () => {
    assert.equal(
      runText(run, { style: plain, isWide: false, now: 61_000 }),
      '01m8  push main@d55713f4  partial  by ada[2J  60s ago\n' +
        '  ✔ Kustomization/apps/web  Applied\n      configured ConfigMap/apps/a  .data.a\n' +
        '  ✗ Kustomization/apps/db  one\n      two\n',
    )
  })
  void it('is followed to its end, or not', async () => {
    const said: string[] = []
    const say = (sign: string) => (text: string) => void said.push(`${sign} ${text}`)
    const progress = { begin: say('►'), wait: say('◎'), done: say('✔'), fail: say('✗'), warn: say('!') }
    // oxlint-disable-next-line require-await -- lines come one after the other
    async function* lines(...given: readonly object[]): AsyncGenerator<unknown> {
      yield* given
    }
    const [ready, failed] = run.records[0]?.nodes ?? []
    const end = { type: 'end', run }
    const done = await followLines(
      lines(
        { type: 'accepted', run: '01m8', clusters: ['one'] },
        { type: 'node', cluster: 'one', node: ready },
        { type: 'node', cluster: 'one', node: failed },
        { type: 'waiting' },
        end,
      ),
      progress,
    )
    assert.equal(done, run)
    assert.deepEqual(said, [
      '► run 01m8 on one',
      '✔ Kustomization/apps/web: Applied (1 changed)',
      '✗ Kustomization/apps/db: one\ntwo',
    ])
    const timeout = { type: 'timeout', run: '01m8', state: 'running', message: 'late' }
    for (const given of [[timeout], []]) {
      await assert.rejects(
        followLines(lines(...given), progress),
        (error) => error instanceof EngineError && error.code === 'wait-timeout',
      )
    }
  })
})

void describe('doctor', () => {
  void it('knows clocks only as exactly as their answers are', () => {
    const at = Date.parse('2026-01-01T00:00:10Z')
    const skew = (date: string | null, sent = at, received = at + 200): number | undefined =>
      clockSkewMs(date, sent, received)
    assert.equal(skew('Thu, 01 Jan 2026 00:00:10 GMT'), 0)
    assert.equal(skew('Thu, 01 Jan 2026 00:00:09 GMT', at + 300, at + 900), -300)
    assert.equal(skew('Thu, 01 Jan 2026 00:01:10 GMT'), 59_800)
    assert.equal(skew(null), undefined)
    assert.deepEqual(
      [0, 31_000, -301_000, undefined].map((ms) => clockFinding('x', ms).state),
      ['ok', 'warning', 'problem', 'warning'],
    )
  })
  void it('knows versions', () => {
    assert.deepEqual(
      ['v1.37.2', 'v1.33.0', 'v1.38.0', 'v1.29.4-eks-1', ''].map((version) => versionFinding(version).state),
      ['ok', 'ok', 'warning', 'warning', 'warning'],
    )
  })
  void it('says what to do', () => {
    const text = findingsText(
      [
        { area: 'cluster', state: 'ok', message: 'fine' },
        { area: 'cluster', state: 'problem', message: 'bad', fix: 'do this' },
      ],
      plain,
    )
    assert.equal(text, 'cluster\n  ✔ fine\n  ✗ bad\n    → do this\n\n1 problems, 0 warnings\n')
  })
})

void describe('deliveries', () => {
  void it('as a table', () => {
    const row = { id: '1', at: 1000, provider: 'github', deliveryId: 'x', event: 'push', verified: true } as const
    const text = deliveriesText(
      [
        { ...row, ref: 'refs/heads/main', outcome: 'run', run: '01m8' },
        { ...row, outcome: 'refused', verified: false },
        { ...row, receiver: 'apps/hook', outcome: 'ignored', reason: 'no branch' },
      ],
      { style: plain, width: undefined, isWide: false, now: 61_000 },
    )
    assert.equal(
      text,
      'AGE  PROVIDER            EVENT  REF   OUTCOME  RUN   REASON\n' +
        '60s  github              push   main  run      01m8\n' +
        '60s  github              push         refused        not verified\n' +
        '60s  github (apps/hook)  push         ignored        no branch\n',
    )
  })
})
