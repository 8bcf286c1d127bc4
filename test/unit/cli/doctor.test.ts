import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startNode, type NodeServer } from '../../../functions/node.ts'
import { sluiceVersion } from '../../../src/base/index.ts'
import { createDeployment } from '../../../src/cli/target/deployment.ts'
import type { Delivery } from '../../../src/observe/index.ts'
import { backlogFindings, examineDeployment, versionsFinding } from '../../../src/cli/verbs/doctor-deployment.ts'
import { webhookFindings } from '../../../src/cli/verbs/doctor-webhooks.ts'
import type { Finding } from '../../../src/cli/verbs/findings.ts'
import { deliverPush, githubSecret, triggerToken } from '../../support/deployment.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-doctor-'))
let node: NodeServer

before(async () => {
  node = await startNode(
    {
      CLUSTERS: '[{"name":"away","server":"http://127.0.0.1:9"}]',
      GITHUB_WEBHOOK_SECRET: githubSecret,
      GITLAB_WEBHOOK_SECRET: githubSecret,
      TRIGGER_TOKEN: triggerToken,
      READ_TOKEN: 'a-token-that-only-reads',
      BUILD_ID: 'of-the-test',
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: directory,
    },
    { log: () => undefined },
  )
})
after(async () => {
  await node.stop(100)
  rmSync(directory, { recursive: true })
})

const examine = (token = triggerToken): Promise<readonly Finding[]> =>
  examineDeployment(createDeployment(node.url, token, 30_000))

function about(findings: readonly Finding[], text: string): Finding {
  const found = findings.find(({ message }) => message.includes(text))
  assert.ok(found !== undefined, `nothing about ${text} in ${JSON.stringify(findings)}`)
  return found
}

void describe('the doctor looks at a deployment', () => {
  void it('which version it is, what waits, which forges have never delivered', async () => {
    const findings = await examine()
    assert.equal(about(findings, `version ${sluiceVersion} (build of-the-test)`).state, 'ok')
    assert.equal(about(findings, 'runs wait').state, 'ok')
    assert.match(about(findings, 'gitlab has delivered nothing').fix ?? '', new RegExp(`${node.url}/hook/gitlab`))
    assert.ok(
      findings.every(({ state, fix }) => state === 'ok' || (fix ?? '') !== ''),
      'every finding says what to do',
    )
  })
  void it('a webhook whose secret is another, and one that is well', async () => {
    const push = { url: 'https://git.example/team/app.git' }
    await deliverPush({ url: node.url, githubSecret: 'another secret of the forge' }, push)
    let refused: readonly Finding[] = []
    for (let at = 0; at < 100 && !refused.some(({ state, area }) => state === 'problem' && area === 'webhooks'); at++)
      refused = await examine()
    const problem = about(refused, 'every delivery of github is refused')
    assert.equal(problem.state, 'problem')
    assert.match(problem.fix ?? '', /secret/)
    assert.equal((await deliverPush({ url: node.url, githubSecret }, push)).status, 202)
    let well: readonly Finding[] = []
    for (let at = 0; at < 100 && !well.some(({ message }) => message.startsWith('1 of the last 2')); at++)
      well = await examine()
    assert.equal(about(well, '1 of the last 2 deliveries of github').state, 'warning')
  })
  void it('with a token that only reads, and with one that nobody has, says what cannot be seen, once', async () => {
    const stranger = await examine('some-token-of-nobody')
    assert.equal(stranger.filter(({ message }) => message.includes('does not accept the token')).length, 1)
    assert.equal(stranger.filter(({ state }) => state === 'problem').length, 1)
    assert.ok(!JSON.stringify(stranger).includes('some-token-of-nobody'))
  })
  void it('a Worker whose configuration is wrong, by the names of the variables', async () => {
    const server = createServer((_, response) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end('{"error":{"code":"config-invalid","message":"…"},"variables":["CLUSTERS","OIDC"]}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const findings = await examineDeployment(createDeployment(url, triggerToken, 5_000))
    server.close()
    assert.deepEqual(
      findings.map(({ state, message }) => [state, message]),
      [['problem', 'its configuration is wrong: CLUSTERS, OIDC']],
    )
  })
})

void describe('the doctor decides', () => {
  const now = Date.parse('2026-01-02T00:00:00Z')
  const row = (change: Partial<Delivery>): Delivery => ({
    id: 'a',
    at: now - 60_000,
    provider: 'github',
    deliveryId: 'd',
    event: 'push',
    verified: true,
    outcome: 'run',
    ...change,
  })
  const states = (configured: readonly string[] | undefined, deliveries: readonly Delivery[]): readonly string[] =>
    webhookFindings({ url: 'https://s.example', configured, deliveries, now }).map(
      ({ state, message }) => `${state}: ${message}`,
    )

  void it('about versions', () => {
    assert.deepEqual(
      [sluiceVersion, '0.0.1', undefined].map((version) => versionsFinding(version, undefined).state),
      ['ok', 'warning', 'warning'],
    )
  })
  void it('about what waits', () => {
    const at = (ms: number): string | undefined =>
      backlogFindings({ queued: 3, running: 1, oldestQueuedAt: now - ms }, now)[0]?.state
    assert.deepEqual([at(60_000), at(3_600_000)], ['ok', 'warning'])
    assert.equal(backlogFindings({ queued: 0, running: 0 }, now)[0]?.state, 'ok')
  })
  void it('about webhooks', () => {
    assert.deepEqual(states([], []), ['warning: no forge may deliver: pushes are found by scans alone'])
    assert.deepEqual(states(['github'], [row({})]), ['ok: github delivered 60s ago; the last 1 are well'])
    assert.deepEqual(states(['github'], [row({ outcome: 'failed', reason: 'the queue is full' }), row({})]), [
      'problem: the last delivery of github, 60s ago, failed: the queue is full',
    ])
    assert.deepEqual(states(undefined, [row({ provider: 'harbor', receiver: 'apps/hook' })]), [
      'ok: harbor delivered 60s ago; the last 1 are well',
    ])
  })
})
