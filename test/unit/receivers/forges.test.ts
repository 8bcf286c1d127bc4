import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { listDeliveries } from '../../../functions/delivery-log.ts'
import { receivers, type Decoded } from '../../../src/receivers/index.ts'
import { allForges, forgeRequest, type Forge, type ForgeDelivery } from '../../support/forge-deliveries.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { codeCommitTrigger, snsTopic } from '../../support/sns.ts'

const { forges, sns } = allForges()
const config = testConfig({
  webhookSecrets: Object.fromEntries(forges.map(({ provider, secret }) => [provider, [secret]])),
})
const depsOf = (): ReturnType<typeof testDeps> => testDeps({ config, http: sns.http })
type Deps = ReturnType<typeof testDeps>

const deliver = async (
  deps: Deps,
  forge: Forge,
  delivery: ForgeDelivery,
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await createApp(deps).fetch(forgeRequest(forge, delivery))
  const answer = { status: response.status, body: (await response.json()) as Record<string, unknown> }
  await deps.settled()
  return answer
}
const forgeOf = (provider: string): Forge => forges.find((one) => one.provider === provider) as Forge
const decode = (provider: Forge['provider'], payload: unknown, event?: string): Decoded => {
  const forge = forgeOf(provider)
  const { headers, body } = forge.sign(payload, event === undefined ? {} : { event })
  return receivers[provider].decode(new Headers(headers), new TextEncoder().encode(body))
}
const refs = (decoded: Decoded): readonly string[] | string =>
  decoded.kind === 'push'
    ? decoded.notices.map(({ ref }) => ref)
    : decoded.kind === 'ignored'
      ? decoded.reason
      : decoded.kind

describe('every forge with an endpoint of the deployment', () => {
  for (const forge of forges) {
    describe(forge.provider, () => {
      it('a valid delivery gives a run, and a record that names it', async () => {
        const deps = depsOf()
        const { status, body } = await deliver(deps, forge, forge.sign(forge.payload()))
        assert.equal(status, 202, JSON.stringify(body))
        assert.deepEqual(
          deps.sent.map(({ job }) => [job.cluster, job.runId, job.push?.ref, job.push?.provider]),
          ['one', 'two'].map((cluster) => [cluster, body['run'], 'refs/heads/main', forge.provider]),
        )
        const { deliveries } = await listDeliveries(deps, { limit: 10 })
        assert.equal(deliveries.length, 1)
        const [record] = deliveries
        assert.equal(record?.outcome, 'run')
        assert.equal(record?.run, body['run'])
        assert.equal(record?.ref, 'refs/heads/main')
        assert.equal(record?.verified, true)
        assert.deepEqual(record?.clusters, ['one', 'two'])
        assert.notEqual(record?.deliveryId, '')
      })

      const good = forge.sign(forge.payload())
      const without = (name: string): ForgeDelivery => {
        const { [name]: _, ...headers } = good.headers
        return { ...good, headers }
      }
      const proof = forge.proof ?? 'x-amz-sns-topic-arn'
      const replaced = (value: string): ForgeDelivery => ({ ...good, headers: { ...good.headers, [proof]: value } })
      const forged: { name: string; delivery: ForgeDelivery }[] = [
        { name: 'another secret', delivery: forge.sign(forge.payload(), { secret: `${forge.secret}x` }) },
        { name: 'no proof', delivery: without(proof) },
        { name: 'an empty proof', delivery: replaced('') },
        { name: 'a proof cut short', delivery: replaced((good.headers[proof] ?? '').slice(0, -3)) },
        {
          name: 'a proof of another algorithm',
          delivery: replaced((good.headers[proof] ?? '').replace(/^(sha256=|Basic )?/, 'sha1=')),
        },
        ...(forge.signsBody
          ? [
              {
                name: 'another body',
                delivery: { ...good, body: good.body.replace('refs/heads/main', 'refs/heads/evil') },
              },
            ]
          : []),
      ]
      for (const { name, delivery } of forged) {
        it(`refuses: ${name}`, async () => {
          const deps = depsOf()
          assert.equal((await deliver(deps, forge, delivery)).status, 401)
          assert.equal(deps.sent.length, 0)
          assert.deepEqual(await deps.state.list('deliveries/'), [])
          const { deliveries } = await listDeliveries(deps, { limit: 10 })
          assert.deepEqual(
            deliveries.map(({ outcome, verified, deliveryId }) => [outcome, verified, deliveryId]),
            [['refused', false, '']],
          )
        })
      }
      it('a replayed delivery is a duplicate', async () => {
        const deps = depsOf()
        const delivery = forge.sign(forge.payload(), { id: 'the-same-id' })
        const first = await deliver(deps, forge, delivery)
        const second = await deliver(deps, forge, delivery)
        assert.deepEqual(second, { status: 202, body: { run: first.body['run'], duplicate: true } })
        assert.equal(deps.sent.length, 2)
        assert.equal((await listDeliveries(deps, { limit: 1 })).deliveries[0]?.outcome, 'duplicate')
      })
      it('a payload that cannot be read is told to the sender, and recorded', async () => {
        const deps = depsOf()
        const answer = await deliver(
          deps,
          forge,
          forge.sign('{"ref": 7, "changes": 7, "push": 7, "eventType": "git.push", "Records": []}'),
        )
        assert.equal(answer.status, 400, JSON.stringify(answer.body))
        const [record] = (await listDeliveries(deps, { limit: 1 })).deliveries
        assert.deepEqual([record?.outcome, record?.verified], ['failed', true])
      })
    })
  }
})

describe('what payloads say', () => {
  const repository = { clone_url: 'https://git.example/team/app.git' }
  const zero = '0'.repeat(40)
  const rows: {
    name: string
    provider: Forge['provider']
    event?: string
    payload: unknown
    want: readonly string[] | string
  }[] = [
    {
      name: 'GitHub: a new head of a pull request',
      provider: 'github',
      event: 'pull_request',
      payload: { action: 'synchronize', number: 7, repository, pull_request: { head: { sha: 'a'.repeat(40) } } },
      want: ['refs/pull/7/head'],
    },
    {
      name: 'GitHub: a label of a pull request',
      provider: 'github',
      event: 'pull_request',
      payload: { action: 'labeled', number: 7, repository },
      want: "'labeled' of a pull request moves no ref",
    },
    {
      name: 'GitHub: a forced push',
      provider: 'github',
      payload: { ...forgeOf('github').payload(), forced: true },
      want: ['refs/heads/main'],
    },
    {
      name: 'GitHub: a tag that was deleted',
      provider: 'github',
      payload: { ...forgeOf('github').payload('refs/tags/v1'), deleted: true, after: zero },
      want: ['refs/tags/v1'],
    },
    {
      name: 'GitHub: a branch that was deleted',
      provider: 'github',
      payload: { ...forgeOf('github').payload(), deleted: true, after: zero },
      want: 'refs/heads/main was deleted: there is nothing to fetch',
    },
    {
      name: 'GitLab: a new commit of a merge request',
      provider: 'gitlab',
      event: 'Merge Request Hook',
      payload: {
        project: { git_http_url: 'https://git.example/team/app.git' },
        object_attributes: { iid: 3, action: 'update', oldrev: 'b'.repeat(40) },
      },
      want: ['refs/merge-requests/3/head'],
    },
    {
      name: 'GitLab: a new title of a merge request',
      provider: 'gitlab',
      event: 'Merge Request Hook',
      payload: {
        project: { git_http_url: 'https://git.example/team/app.git' },
        object_attributes: { iid: 3, action: 'update' },
      },
      want: "'update' of a merge request moves no ref",
    },
    {
      name: 'Gitea: a branch that was deleted',
      provider: 'gitea',
      event: 'delete',
      payload: { ref: 'old', ref_type: 'branch', repository },
      want: 'refs/heads/old was deleted: there is nothing to fetch',
    },
    {
      name: 'Gitea: a tag that was made',
      provider: 'gitea',
      event: 'create',
      payload: { ref: 'v1', ref_type: 'tag', repository },
      want: ['refs/tags/v1'],
    },
    {
      name: 'Gitea: a pull request',
      provider: 'gitea',
      event: 'pull_request_sync',
      payload: { action: 'synchronized', number: 4, repository },
      want: ['refs/pull/4/head'],
    },
    {
      name: 'Bitbucket Data Center: several refs',
      provider: 'bitbucket',
      payload: {
        ...forgeOf('bitbucket').payload(),
        changes: [
          { ref: { id: 'refs/heads/a' }, type: 'UPDATE' },
          { ref: { id: 'refs/heads/b' }, type: 'DELETE' },
          { ref: { id: 'refs/tags/v1' }, type: 'ADD' },
        ],
      },
      want: ['refs/heads/a', 'refs/tags/v1'],
    },
    {
      name: 'Bitbucket Data Center: a pull request',
      provider: 'bitbucket',
      event: 'pr:from_ref_updated',
      payload: { pullRequest: { id: 9, toRef: { repository: forgeOf('bitbucket').payload()['repository'] } } },
      want: ['refs/pull-requests/9/from'],
    },
    {
      name: 'Bitbucket Data Center: the test of a hook',
      provider: 'bitbucket',
      event: 'diagnostics:ping',
      payload: { test: true },
      want: 'ping',
    },
    {
      name: 'Bitbucket Cloud: a branch and a tag',
      provider: 'bitbucket',
      event: 'repo:push',
      payload: {
        push: {
          changes: [
            { new: { type: 'branch', name: 'main', target: { hash: 'a'.repeat(40) } }, old: null },
            { new: { type: 'tag', name: 'v1' }, old: null },
            { new: null, old: { type: 'branch', name: 'gone' } },
          ],
        },
        repository: { links: { html: { href: 'https://bitbucket.org/team/app' } } },
      },
      want: ['refs/heads/main', 'refs/tags/v1'],
    },
    {
      name: 'Bitbucket Cloud: a pull request',
      provider: 'bitbucket',
      event: 'pullrequest:updated',
      payload: {
        pullrequest: { id: 2 },
        repository: { links: { html: { href: 'https://bitbucket.org/team/app' } } },
      },
      want: 'Bitbucket Cloud has no refs of pull requests that could be followed',
    },
    {
      name: 'Azure DevOps: a pull request',
      provider: 'azuredevops',
      payload: {
        id: 'x',
        eventType: 'git.pullrequest.updated',
        resource: { pullRequestId: 5, status: 'active', repository: { remoteUrl: 'https://dev.azure.com/o/p/_git/r' } },
      },
      want: ['refs/pull/5/merge'],
    },
    {
      name: 'Azure DevOps: a pull request that is done',
      provider: 'azuredevops',
      payload: {
        id: 'x',
        eventType: 'git.pullrequest.updated',
        resource: {
          pullRequestId: 5,
          status: 'completed',
          repository: { remoteUrl: 'https://dev.azure.com/o/p/_git/r' },
        },
      },
      want: 'a pull request that is completed moves no ref',
    },
    {
      name: 'Azure DevOps: another event',
      provider: 'azuredevops',
      payload: { id: 'x', eventType: 'build.complete', resource: {} },
      want: 'events of type build.complete are not acted on',
    },
    {
      name: 'CodeCommit: a branch that was deleted',
      provider: 'codecommit',
      payload: codeCommitTrigger([{ ref: 'refs/heads/old', deleted: true }]),
      want: 'refs/heads/old was deleted: there is nothing to fetch',
    },
    {
      name: 'CodeCommit: an event of EventBridge',
      provider: 'codecommit',
      payload: {
        'detail-type': 'CodeCommit Repository State Change',
        region: 'eu-west-1',
        detail: { event: 'referenceUpdated', repositoryName: 'app', referenceType: 'tag', referenceName: 'v1' },
      },
      want: ['refs/tags/v1'],
    },
    {
      name: 'CodeCommit: some other message',
      provider: 'codecommit',
      payload: { hello: 1 },
      want: 'the message is no event of CodeCommit',
    },
  ]
  for (const { name, provider, event, payload, want } of rows) {
    it(name, () => assert.deepEqual(refs(decode(provider, payload, event)), want))
  }
  it('Azure DevOps: the URL for SSH follows from the one for HTTPS', () => {
    const payload = {
      id: 'x',
      eventType: 'git.push',
      resource: {
        refUpdates: [{ name: 'refs/heads/main' }],
        repository: { remoteUrl: 'https://o@dev.azure.com/o/p/_git/r' },
      },
    }
    const decoded = decode('azuredevops', payload)
    assert.ok(decoded.kind === 'push' && decoded.notices[0]?.urls.includes('ssh://git@ssh.dev.azure.com/v3/o/p/r'))
  })
  it('more refs than twenty are left to the intervals, and the record says so', async () => {
    const forge = forgeOf('bitbucket')
    const changes = Array.from({ length: 30 }, (_, index) => ({ ref: { id: `refs/tags/v${index}` }, type: 'ADD' }))
    const deps = depsOf()
    const { body } = await deliver(deps, forge, forge.sign({ ...forge.payload(), changes }))
    assert.equal((body['runs'] as string[]).length, 20)
    const { deliveries } = await listDeliveries(deps, { limit: 50 })
    assert.equal(deliveries.length, 20)
    assert.match(deliveries[0]?.reason ?? '', /^10 further refs/)
  })
})

describe('Gitea and Forgejo', () => {
  const forge = forgeOf('gitea')
  const payload = JSON.stringify(forge.payload())
  const { headers } = forge.sign(payload)
  const status = async (change: Record<string, string>, body: string): Promise<number> =>
    (await deliver(depsOf(), forge, { headers: { ...headers, ...change }, body })).status
  const form = { 'content-type': 'application/x-www-form-urlencoded' }

  it('a form is signed by its payload, not by its bytes', async () => {
    const body = new URLSearchParams({ payload }).toString()
    assert.equal(await status(form, body), 202)
    const ofBytes = forge.sign(body).headers['x-gitea-signature'] ?? ''
    assert.equal(await status({ ...form, 'x-gitea-signature': ofBytes }, body), 401)
    assert.equal(await status(form, new URLSearchParams({ payload: `${payload} ` }).toString()), 401)
    assert.equal(await status(form, 'other=1'), 401)
  })
  it('the headers of Forgejo alone are enough', async () => {
    const renamed = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.replace('gitea', 'forgejo'), value]),
    )
    const answer = await deliver(depsOf(), forge, { headers: renamed, body: payload })
    assert.equal(answer.status, 202)
  })
})

describe('Amazon SNS', () => {
  const forge = forgeOf('codecommit')
  const send = async (deps: Deps, message: object, topic = snsTopic): Promise<number> =>
    (await deliver(deps, forge, { headers: { 'x-amz-sns-topic-arn': topic }, body: JSON.stringify(message) })).status

  it('believes both versions of the signature, with or without a subject', async () => {
    for (const change of [{ SignatureVersion: '1' }, { SignatureVersion: '2' }, { Subject: 'UPDATE: AWS CodeCommit' }])
      assert.equal(await send(depsOf(), sns.message(change)), 202)
  })
  const evil = 'arn:aws:sns:eu-west-1:999999999999:commits'
  const rows: { name: string; message: object; topic?: string }[] = [
    {
      name: 'a topic of somebody else, although Amazon signed it',
      message: sns.message({ TopicArn: evil }),
      topic: evil,
    },
    { name: 'a topic of somebody else under the header of ours', message: sns.message({ TopicArn: evil }) },
    {
      name: 'a certificate from elsewhere',
      message: sns.message({ SigningCertURL: 'https://evil.example/SimpleNotificationService-0.pem' }),
    },
    {
      name: 'a certificate from a host that looks like it',
      message: sns.message({
        SigningCertURL: 'https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem',
      }),
    },
    {
      name: 'a certificate of another region',
      message: sns.message({ SigningCertURL: 'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem' }),
    },
    {
      name: 'a certificate by another path',
      message: sns.message({
        SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-0.pem',
      }),
    },
    {
      name: 'a certificate over http',
      message: sns.message({ SigningCertURL: 'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem' }),
    },
    {
      name: 'a user in the URL of the certificate',
      message: sns.message({
        SigningCertURL: 'https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem',
      }),
    },
    {
      name: 'an old message',
      message: sns.message({ Timestamp: new Date(Date.now() - 5 * 86_400_000).toISOString() }),
    },
    { name: 'a message without a time', message: sns.message({ Timestamp: 'soon' }) },
    { name: 'another message than was signed', message: sns.message({}, { Message: '{}' }) },
    {
      name: 'another type than was signed',
      message: sns.message({}, { Type: 'SubscriptionConfirmation', Token: 't', SubscribeURL: 'https://x.example' }),
    },
    { name: 'a signature that is no base64', message: sns.message({}, { Signature: '???' }) },
    { name: 'an unknown version of signatures', message: sns.message({}, { SignatureVersion: '3' }) },
  ]
  for (const { name, message, topic } of rows) {
    it(`refuses ${name}`, async () => {
      const deps = depsOf()
      const seen = sns.requests.length
      assert.equal(await send(deps, message, topic), 401)
      assert.equal(deps.sent.length, 0)
      for (const url of sns.requests.slice(seen)) assert.match(url, /^https:\/\/sns\.eu-west-1\.amazonaws\.com\/Simple/)
    })
  }
  it('confirms a subscription at the host of the topic, whatever the message says', async () => {
    const deps = depsOf()
    const message = sns.message({
      Type: 'SubscriptionConfirmation',
      Token: 'the token',
      SubscribeURL: 'https://metadata.internal/latest',
      Message: 'You have chosen to subscribe',
    })
    assert.equal(await send(deps, message), 200)
    assert.equal(
      sns.requests.at(-1),
      `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${encodeURIComponent(snsTopic)}&Token=the+token`,
    )
    assert.equal(deps.sent.length, 0)
  })
  it('a certificate is fetched once; one that cannot be had is a matter of trying again', async () => {
    const deps = depsOf()
    const seen = sns.requests.length
    for (let i = 0; i < 5; i++) await send(deps, sns.message())
    assert.equal(sns.requests.length - seen, 1)
    const failing = testDeps({ config, http: { send: () => Promise.reject(new Error(`down ${randomUUID()}`)) } })
    assert.equal(await send(failing, sns.message()), 503)
  })
})
