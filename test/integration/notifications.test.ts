import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { runJob } from '../../src/reconcile/index.ts'
import type { GitTestFile } from '../support/git-repository.ts'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { startNotifyServer, type NotifyServer } from '../support/notify-server.ts'
import { createScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
let server: NotifyServer

before(async () => {
  server = await startNotifyServer()
})
beforeEach(() => {
  server.received.length = 0
  server.answerWith(() => undefined)
})
after(async () => {
  for (const made of open) await made.close()
  await server.close()
})

async function scenario(options: Partial<ScenarioOptions> = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('a', '1') }, ...options })
  open.push(made)
  await made.kustomization()
  return made
}

const configMap = (name: string, value: string): GitTestFile =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`
/** The API server refuses it: names of ConfigMaps are small. */
const refused = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n'

/** Makes a Provider `provider` and an Alert `alert` for all Kustomizations. */
async function notify(
  made: Scenario,
  provider: object,
  alert: {
    readonly spec?: object
    readonly annotations?: object
    readonly secret?: { readonly [key: string]: string }
  } = {},
): Promise<void> {
  const { client, namespace } = made
  const apiVersion = 'notification.toolkit.fluxcd.io/v1beta3'
  if (alert.secret !== undefined) {
    const metadata = { name: 'provider', namespace }
    await client.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: alert.secret })
  }
  await client.apply({
    apiVersion,
    kind: 'Provider',
    metadata: { name: 'provider', namespace },
    spec: { ...(alert.secret === undefined ? {} : { secretRef: { name: 'provider' } }), ...provider },
  })
  await client.apply({
    apiVersion,
    kind: 'Alert',
    metadata: { name: 'alert', namespace, annotations: alert.annotations ?? {} },
    spec: {
      providerRef: { name: 'provider' },
      eventSources: [{ kind: 'Kustomization', name: '*' }],
      ...alert.spec,
    },
  })
}

async function alertEvents(made: Scenario): Promise<readonly TestObject[]> {
  const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace, name: '' })
  return events.filter((event) => event['involvedObject'].kind === 'Alert')
}

/** What a test looks at of an event that was sent. */
interface Sent {
  readonly reason: string
  readonly involvedObject: { readonly uid: string; readonly apiVersion: string }
  readonly metadata: { readonly [key: string]: string }
}

/** Text, colour and facts of the messages in Slack's format. */
function messages(): readonly { readonly color: string; readonly text: string; readonly author: string }[] {
  return server.received.map(({ body }) => {
    const [attachment] = (JSON.parse(body) as { attachments: { color: string; text: string; author_name: string }[] })
      .attachments
    return { color: attachment?.color ?? '', text: attachment?.text ?? '', author: attachment?.author_name ?? '' }
  })
}

const slack = (path = '/hook'): object => ({ type: 'slack', address: `${server.origin}${path}` })

describe('notifications for people', () => {
  it('tell an error once, and when it is over', async () => {
    const made = await scenario()
    await notify(made, slack(), { spec: { eventSeverity: 'error' } })
    await made.pushed()
    assert.deepEqual(messages(), [], 'a success is no error')
    await made.push({ 'app/b.yaml': refused })
    const [error, ...others] = messages()
    assert.deepEqual(others, [])
    assert.equal(error?.color, 'danger')
    assert.equal(error.author, `kustomization/app.${made.namespace}`)
    assert.match(error.text, /Not_A_Name/)
    // The same again, later than Flux's limit lets through.
    await forgetSeen(made)
    await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(messages().length, 1, 'it is the same error')
    await made.push({ 'app/b.yaml': null })
    const [, recovered, ...more] = messages()
    assert.deepEqual(more, [])
    assert.equal(recovered?.color, 'good')
    assert.equal(recovered.author, `kustomization/app.${made.namespace}`)
    await made.scan()
    await made.push({ 'app/a.yaml': configMap('a', '2') })
    assert.equal(messages().length, 2, 'nothing is over any more')
  })

  it('tell the same error again for another commit', async () => {
    const made = await scenario({ files: { 'app/b.yaml': refused } })
    await notify(made, slack(), { spec: { eventSeverity: 'error' } })
    await made.pushed()
    assert.equal(messages().length, 1)
    await made.push({ 'app/c.yaml': configMap('c', '1') })
    assert.equal(messages().length, 2)
  })

  it('are one message for a run where the Alert asks for it', async () => {
    const files = { 'app/a.yaml': configMap('a', '1'), 'other/b.yaml': refused, 'third/c.yaml': configMap('c', '1') }
    const made = await scenario({ files })
    await made.kustomization('other', { path: './other' })
    await made.kustomization('third', { path: './third' })
    await notify(made, slack(), { annotations: { 'sluice.dev/group': 'run' } })
    await made.pushed()
    const [message, ...others] = messages()
    assert.deepEqual(others, [])
    assert.equal(message?.color, 'danger')
    assert.match(message.author, /^test: 1 failed, \d succeeded or changed$/)
    assert.match(message.text, new RegExp(`^✗ kustomization/other\\.${made.namespace}: `))
    assert.match(message.text, new RegExp(`✓ kustomization/app\\.${made.namespace}: ConfigMap`))
  })
})

describe('notifications for programs', () => {
  it('are the events as Flux sends them, with the metadata of the Alert', async () => {
    const made = await scenario()
    await notify(
      made,
      { type: 'generic', address: `${server.origin}/events` },
      { spec: { eventMetadata: { env: 'prod' } }, secret: { headers: 'X-Key: abc\n' } },
    )
    await made.kustomization('app', {}, { 'event.toolkit.fluxcd.io/team': 'blue' })
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded')
    const bodies = server.received.map(({ body }) => JSON.parse(body) as Sent)
    assert.deepEqual(
      bodies.map(({ reason }) => reason),
      ['Progressing', 'ReconciliationSucceeded'],
    )
    const [first, second] = bodies
    assert.ok(first !== undefined && second !== undefined)
    const object = await made.client.get({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      namespace: made.namespace,
      name: 'app',
    })
    assert.equal(first.involvedObject.uid, object.metadata.uid)
    assert.equal(first.involvedObject.apiVersion, 'kustomize.toolkit.fluxcd.io/v1')
    assert.deepEqual(Object.keys(first.metadata).toSorted(), ['env', 'revision', 'team'])
    assert.equal(first.metadata['env'], 'prod')
    assert.match(first.metadata['revision'] ?? '', /^main@sha1:[0-9a-f]{40}$/)
    assert.equal(second.metadata['commit_status'], 'update')
    assert.equal(server.received[0]?.headers['x-key'], 'abc')
    assert.equal(server.received[0].headers['gotk-component'], 'kustomize-controller')
  })

  it('set the status of the commit, one for each Provider', async () => {
    const made = await scenario()
    await notify(
      made,
      { type: 'github', address: `${server.origin}/org/repo` },
      { secret: { token: 'gh-token-of-the-test' } },
    )
    const set: { [key: string]: string } = {}
    server.answerWith(({ method, url, body }) => {
      if (method === 'GET') return { body: '[]' }
      const { context, state } = JSON.parse(body) as { context: string; state: string }
      set[`${url.split('/').at(-1) ?? ''} ${context}`] = state
      return { status: 201 }
    })
    const provider = await made.client.get({
      apiVersion: 'notification.toolkit.fluxcd.io/v1beta3',
      kind: 'Provider',
      namespace: made.namespace,
      name: 'provider',
    })
    const context = `kustomization/app/${(provider.metadata.uid ?? '').split('-')[0] ?? ''}`
    const revisionOf = (run: { readonly nodes: readonly { readonly revision?: string }[] }): string =>
      run.nodes[0]?.revision?.split(':').at(-1) ?? ''
    const good = revisionOf(await made.pushed())
    assert.deepEqual(set, { [`${good} ${context}`]: 'success' })
    const bad = revisionOf(await made.push({ 'app/b.yaml': refused }))
    assert.deepEqual(set, { [`${good} ${context}`]: 'success', [`${bad} ${context}`]: 'failure' })
    const fixed = revisionOf(await made.push({ 'app/b.yaml': null }))
    assert.equal(set[`${fixed} ${context}`], 'success')
  })
})

describe('a receiving end that is away', () => {
  it('gets its messages from the next run, once, and the Alert says what went wrong', async () => {
    const canaries = new Canaries()
    const token = canaries.make('token')
    const path = canaries.make('path')
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1'), 'app/b.yaml': refused } })
    await notify(
      made,
      { type: 'slack' },
      { secret: { token, address: `${server.origin}/${path}` }, spec: { eventSeverity: 'error' } },
    )
    server.answerWith(() => ({ status: 403, body: `${token} at ${path}` }))
    await made.pushed()
    assert.equal(server.received.length, 1)
    const [warning] = await alertEvents(made)
    assert.equal(warning?.['type'], 'Warning')
    assert.equal(warning['reason'], 'NotificationDispatchFailed')
    assert.equal(warning['reportingComponent'], 'notification-controller')
    assert.match(
      warning['message'],
      new RegExp(
        `^failed to send notification for Kustomization/${made.namespace}/app: http://127\\.0\\.0\\.1:\\d+ answered with status 403$`,
      ),
    )
    const key = `notify/test/${made.namespace}/alert`
    const failed = (await made.deps.state.get(key)) as { lastError?: string; waiting: number; lastSentAt?: number }
    assert.match(failed.lastError ?? '', /answered with status 403$/)
    assert.deepEqual([failed.waiting, failed.lastSentAt], [1, undefined])
    for (const { key: name, value } of await made.deps.state.list('notif', { limit: 1000 }))
      canaries.see(name, JSON.stringify([name, value]))
    server.answerWith(() => undefined)
    await made.scan()
    assert.equal(server.received.length, 2)
    assert.equal(messages()[1]?.color, 'danger')
    assert.equal(server.received[1]?.body, server.received[0]?.body)
    await made.scan()
    await made.scan()
    assert.equal(server.received.length, 2, 'it is sent once')
    const sent = (await made.deps.state.get(key)) as { lastSentAt?: number; waiting: number; lastError?: string }
    assert.ok(sent.lastSentAt !== undefined && sent.waiting === 0 && sent.lastError === undefined)
    assert.deepEqual(await made.deps.state.list('notifications/test/outbox/'), [])
    for (const event of await alertEvents(made)) canaries.see('event', JSON.stringify(event))
    for (const line of made.logLines) canaries.see('log', line)
    canaries.assertNone(5)
  })

  it('does not fail the run, and does not mix up the order', async () => {
    const made = await scenario({ files: { 'app/b.yaml': refused }, limits: {} })
    await notify(made, slack('/down'), { spec: { eventSeverity: 'error' } })
    server.answerWith(() => ({ status: 503, headers: { 'retry-after': '60' } }))
    const record = await made.pushed()
    assert.equal(record.state, 'failed')
    const { message } = record.nodes[0] ?? {}
    assert.match(message ?? '', /Not_A_Name/)
    await made.push({ 'app/b.yaml': configMap('b', '1') })
    server.answerWith(() => undefined)
    server.received.length = 0
    await made.push({ 'app/b.yaml': configMap('b', '2') })
    assert.deepEqual(
      messages().map(({ color }) => color),
      ['danger', 'good'],
    )
  })

  it('gets what a run that was cut off had not sent', async () => {
    const made = await scenario({ files: { 'app/b.yaml': refused } })
    await notify(made, slack(), { spec: { eventSeverity: 'error' } })
    server.answerWith(() => ({ hang: true }))
    const stop = new AbortController()
    const job = { kind: 'trigger', runId: 'cut', cluster: 'test', receivedAt: Date.now(), target: 'cluster' } as const
    const cut = runJob(made.deps, job, { stop: stop.signal }).catch(() => undefined)
    while (server.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    await cut
    assert.equal((await made.deps.state.list('notifications/test/outbox/')).length, 1)
    server.answerWith(() => undefined)
    await made.scan()
    assert.equal(server.received.length, 2)
    assert.equal(server.received[1]?.body, server.received[0]?.body)
    await made.scan()
    assert.equal(server.received.length, 2)
  })

  it('finds no secret of the Provider in a message, whoever put it there', async () => {
    const canaries = new Canaries()
    const token = canaries.make('token')
    const made = await scenario({ files: { 'app/b.yaml': refused.replace('Not_A_Name', `Not_A_${token}`) } })
    await notify(made, slack(), { secret: { token }, spec: { eventSeverity: 'error' } })
    server.answerWith(() => ({ status: 400 }))
    await made.pushed()
    assert.match(messages()[0]?.text ?? '', /Not_A_\*\*\*\*\*/)
    canaries.see('body', server.received[0]?.body ?? '')
    const records = await made.deps.state.list('notif', { limit: 1000 })
    assert.ok(records.some(({ key }) => key.includes('/outbox/')))
    for (const { key, value } of records) canaries.see(key, JSON.stringify([key, value]))
    // What the engine says of the object itself is not what is sent; its status says the same.
    for (const line of made.logLines) if (/"alert"|notification|event not/.test(line)) canaries.see('log', line)
    for (const event of await alertEvents(made)) canaries.see('event', JSON.stringify(event))
    canaries.assertNone(5)
    // What the API server says of the name stands in the status of the Kustomization; here it is no secret.
    await made.client.delete({ apiVersion: 'v1', kind: 'Secret', namespace: made.namespace, name: 'provider' })
  })

  it('is asked for nothing by what cannot be', async () => {
    const made = await scenario()
    await notify(made, { type: 'nats', address: 'nats://nats:4222', channel: 'events' })
    await made.pushed()
    const events = await alertEvents(made)
    assert.ok(events.some((event) => /needs a TCP connection/.test(event['message'] as string)))
    assert.deepEqual(await made.deps.state.list('notifications/test/outbox/'), [])
  })
})

describe('Alerts that are wrong', () => {
  it('say so: bad patterns, a missing Provider, another namespace, a Secret that is not there', async () => {
    const made = await scenario()
    await notify(made, slack(), { spec: { inclusionList: ['(', '.*'] } })
    await made.pushed()
    assert.ok(messages().length > 0)
    const first = await alertEvents(made)
    assert.deepEqual(
      first.map((event) => [event['reason'], event['message'], event['type']]),
      [['InvalidConfig', 'failed to compile inclusion regex: (', 'Warning']],
    )
    await notify(made, slack(), { spec: { providerRef: { name: 'missing' } } })
    await made.push({ 'app/a.yaml': configMap('a', '2') })
    await notify(made, { ...slack(), secretRef: { name: 'missing' } })
    await made.push({ 'app/a.yaml': configMap('a', '3') })
    const said = (await alertEvents(made)).map((event) => event['message'] as string)
    assert.ok(
      said.some((text) => text.includes(`there is no Provider '${made.namespace}/missing'`)),
      said.join('\n'),
    )
    assert.ok(
      said.some((text) => text.includes(`failed to get secret '${made.namespace}/missing'`)),
      said.join('\n'),
    )
    assert.equal(
      made.logLines.some((line) => line.includes('failed to get secret')),
      false,
    )
  })

  it('tell nothing of another namespace, unless the deployment allows it', async () => {
    for (const noCrossNamespaceRefs of [true, false]) {
      const made = await scenario({ settings: { noCrossNamespaceRefs } })
      const other = await cluster.namespace()
      await notify({ ...made, namespace: other }, slack(), {
        spec: { eventSources: [{ kind: 'Kustomization', name: '*', namespace: made.namespace }] },
      })
      const { settings } = made.deps
      Object.assign(made.deps, { settings: { ...settings, namespaces: [made.namespace, other] } })
      server.received.length = 0
      await made.pushed()
      const said = await alertEvents({ ...made, namespace: other })
      assert.equal(server.received.length > 0, !noCrossNamespaceRefs)
      assert.equal(
        said.some((event) => /cross-namespace references have been blocked/.test(event['message'] as string)),
        noCrossNamespaceRefs,
      )
    }
  })
})

/** As if five minutes had passed. */
async function forgetSeen(made: Scenario): Promise<void> {
  const seen = await made.deps.state.list('notifications/test/seen/', { limit: 1000 })
  assert.ok(seen.length > 0)
  for (const { key } of seen) await made.deps.state.delete(key)
}
