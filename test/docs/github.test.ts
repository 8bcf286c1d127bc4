import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { fakeGitHub, type FakeGitHub } from '../support/fake-github.ts'
import { startNotifyServer } from '../support/notify-server.ts'
import { runPage } from './run-page.ts'
import { setStage } from './stage.ts'

const secret = randomBytes(32).toString('hex')
let github: FakeGitHub | undefined

/** What GitHub sends when a webhook is made. */
async function ping(url: string): Promise<void> {
  const body = JSON.stringify({ zen: 'Keep it logically awesome.', hook_id: 1, hook: { type: 'Repository', id: 1 } })
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'ping',
    'x-github-delivery': crypto.randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }
  const { ok, status } = await fetch(url, { method: 'POST', headers, body })
  assert.ok(ok, `a ping is answered with ${status}`)
}

runPage('infra/docs/github.md', {
  before: async (scene) => {
    const forge = await startNotifyServer()
    scene.defer(() => forge.close())
    github = fakeGitHub(forge, { token: 'a-token-for-statuses' })
    const stage = await setStage(scene, {
      env: (repository) => ({
        GITHUB_WEBHOOK_SECRET: secret,
        GITHUB_STATUS_TOKEN: 'a-token-for-statuses',
        FEEDBACK: JSON.stringify([
          {
            forge: 'github',
            repository: `${new URL(repository.url).origin}/team/*`,
            apiHost: forge.origin,
            tokenSecret: 'GITHUB_STATUS_TOKEN',
            deployments: true,
          },
        ]),
      }),
    })
    await ping(`${stage.deployment?.url}/hook/github`)
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' })
    return {
      ...stage.env,
      GITHUB_WEBHOOK_SECRET: secret,
      GITHUB_APP_ID: '1234',
      GITHUB_APP_INSTALLATION_ID: '5678',
      GITHUB_APP_KEY: await scene.write('app.pem', key.toString()),
      GITHUB_TOKEN: 'github_pat_of_the_test',
    }
  },
  after: {
    '--limit 5': ({ output }) => assert.match(output, /ping/),
    '--outcome run': ({ output }) => {
      assert.match(output, /"outcome": "run"/)
      assert.doesNotMatch(output, new RegExp(secret))
    },
    'sluice status': async ({ output }) => {
      const commit = /"commit": "([0-9a-f]{40})"/.exec(output)?.[1] ?? [...(github?.statuses.keys() ?? [])].at(-1) ?? ''
      for (let attempt = 0; attempt < 200; attempt++) {
        if (github?.latest(commit)['sluice/prod']?.startsWith('success') === true) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      assert.fail(`GitHub was not told: ${JSON.stringify(github?.latest(commit))}`)
    },
  },
})
