import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deployedOf } from '../../../infra/deploy/deploy.ts'
import { planDeployment } from '../../../infra/deploy/plan.ts'
import { readWranglerConfig, withoutComments } from '../../../infra/deploy/wrangler-config.ts'
import { CloudflareApi } from '../../support/cloudflare-api.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'sluice-deploying-'))
const logs = join(directory, 'logs')
const build = 'build-of-the-test'

const clusters = '[{"name":"prod","server":"https://k.example","tokenSecret":"PROD_TOKEN"}]'
const secrets = {
  PROD_TOKEN: 'canary-of-the-cluster',
  TRIGGER_TOKEN: 'canary-of-triggers',
  GITHUB_WEBHOOK_SECRET: 'canary-of-github',
}

let api: CloudflareApi
let health: { readonly url: string; answer: object; status: number; readonly server: Server }

before(async () => {
  api = await CloudflareApi.start()
  const server = createServer((_, response) => {
    response.writeHead(health.status, { 'content-type': 'application/json' }).end(JSON.stringify(health.answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  health = { url, answer: { status: 'ok', build }, status: 200, server }
})
after(async () => {
  await api.stop()
  health.server.close()
  rmSync(directory, { recursive: true })
})

function envFile(name: string, values: { readonly [name: string]: string }): string {
  const path = join(directory, name)
  writeFileSync(
    path,
    Object.entries(values)
      .map(([key, value]) => `${key}='${value}'\n`)
      .join(''),
    { mode: 0o600 },
  )
  return path
}

function goodFile(more: { readonly [name: string]: string } = {}): string {
  const account = { CLOUDFLARE_API_TOKEN: api.token, CLOUDFLARE_ACCOUNT_ID: api.account }
  return envFile('good.env', { CLUSTERS: clusters, ...secrets, ...account, ...more })
}

/** What `npm run deploy` runs. */
function deploy(...args: string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['infra/deploy/main.ts', ...args], {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        BUILD_ID: build,
        CLOUDFLARE_API_BASE_URL: api.url,
        WRANGLER_LOG_PATH: logs,
        SLUICE_HEALTH_TIMEOUT_SECONDS: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => void (output += text))
    child.once('close', (code) => resolve({ code, output }))
  })
}

function assertNoSecret(text: string, where: string): void {
  for (const [name, secret] of Object.entries({ ...secrets, account: api.token }))
    assert.ok(!text.includes(secret), `${where} shows ${name}`)
}

void describe('npm run deploy', () => {
  void it('with anything wrong in the configuration names all of it, and asks Cloudflare for nothing', async () => {
    const wrong = '[{"name":"prod","server":"https://k.example","tokenSecret":"MISSING","binding":"NOWHERE"}]'
    const before = api.calls.length
    const path = envFile('wrong.env', { ...secrets, CLUSTERS: wrong, READ_TOKEN: 'short', LIMITS: 'canary' })
    const { code, output } = await deploy('--env-file', path)
    assert.equal(code, 1, output)
    for (const part of [
      'CLUSTERS.prod.tokenSecret: there is no secret MISSING',
      'READ_TOKEN: ',
      'LIMITS: is not JSON',
      'Nothing was deployed',
    ])
      assert.ok(output.includes(part), `${part} is not in ${output}`)
    assert.ok(!output.includes('canary'))
    assert.equal(api.calls.length, before)
  })

  void it('without the file, or with an environment that is not there, says how it is used', async () => {
    assert.equal((await deploy()).code, 2)
    const unknown = await deploy('--env-file', goodFile(), '--env', 'moon')
    assert.deepEqual([unknown.code, /has no environment moon; it has: preview/.test(unknown.output)], [1, true])
    assert.equal((await deploy('--rollback', 'not-an-id')).code, 2)
  })

  void it('--dry-run builds the real Worker and lists what would be set, and nothing leaves the machine', async () => {
    const before = api.calls.length
    const { code, output } = await deploy('--env-file', goodFile(), '--dry-run')
    assert.equal(code, 0, output)
    assert.match(output, /secrets: GITHUB_WEBHOOK_SECRET, PROD_TOKEN, TRIGGER_TOKEN\n/)
    assert.match(output, /Total Upload: \d/)
    assertNoSecret(output, 'the output')
    assert.equal(api.calls.length, before)
  })

  void it('makes the queues, uploads code, variables and secrets as one version, asks whether it is well', async () => {
    const first = await deploy('--env-file', goodFile(), '--url', health.url)
    assert.equal(first.code, 0, first.output)
    assert.deepEqual([...api.queues.keys()], ['sluice-jobs', 'sluice-jobs-dead-letters'])
    assert.deepEqual(
      [...api.consumers.keys()].toSorted((a, b) => a.localeCompare(b)),
      ['sluice-jobs', 'sluice-jobs-dead-letters'],
    )
    assert.deepEqual(api.schedules.get('sluice'), [{ cron: '* * * * *' }])
    const metadata = api.workers.get('sluice')?.[0]?.metadata
    assert.ok(metadata)
    const bound = new Map(metadata.bindings.map((one) => [one.name, one]))
    for (const [name, text] of Object.entries(secrets))
      assert.deepEqual(bound.get(name), { name, type: 'secret_text', text })
    assert.deepEqual(bound.get('CLUSTERS'), { name: 'CLUSTERS', type: 'plain_text', text: clusters })
    assert.equal(bound.get('BUILD_ID')?.text, build)
    assert.equal(bound.get('STATE')?.type, 'durable_object_namespace')
    assert.equal(bound.get('JOBS')?.type, 'queue')
    assert.ok(![...bound.keys()].some((name) => name.startsWith('CLOUDFLARE_')), 'the account is not for the Worker')
    assert.deepEqual(metadata.limits, { cpu_ms: 300_000 })
    assert.match(JSON.stringify(metadata.migrations), /"new_sqlite_classes":\["StateObject","ClusterObject"\]/)
    assert.match(first.output, new RegExp(`webhook of github: ${health.url}/hook/github`))

    const writes = api.writes().length
    const second = await deploy('--env-file', goodFile(), '--url', health.url)
    assert.equal(second.code, 0, second.output)
    assert.match(second.output, /queue sluice-jobs: is there/)
    assert.ok(!api.writes().slice(writes).includes('POST /queues'), 'queues are made once')
    for (const { output } of [first, second]) assertNoSecret(output, 'the output')
    for (const name of readdirSync(logs, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.log')))
      assertNoSecret(readFileSync(join(logs, name), 'utf8'), `wrangler's own log ${name}`)
  })

  void it('puts the preview beside it: a Worker, queues and a schedule of its own', async () => {
    const { code, output } = await deploy('--env-file', goodFile(), '--env', 'preview', '--url', health.url)
    assert.equal(code, 0, output)
    assert.ok(api.queues.has('sluice-preview-jobs') && api.queues.has('sluice-preview-jobs-dead-letters'))
    assert.deepEqual(api.schedules.get('sluice-preview'), [{ cron: '*/15 * * * *' }])
    const bindings = api.workers.get('sluice-preview')?.at(-1)?.metadata.bindings ?? []
    assert.deepEqual(
      bindings.filter(({ type }) => type === 'queue').map((one) => (one as { queue_name?: string }).queue_name),
      ['sluice-preview-jobs'],
    )
  })

  void it('a version that does not answer as itself is told, with the way back', async () => {
    health.answer = { status: 'ok', build: 'an-older-build' }
    const old = await deploy('--env-file', goodFile(), '--url', health.url)
    assert.equal(old.code, 1)
    assert.match(old.output, /still answers as the build an-older-build[\s\S]*--rollback/)
    health.status = 500
    health.answer = { error: { code: 'config-invalid', message: 'the configuration of the deployment is wrong: OIDC' } }
    const wrong = await deploy('--env-file', goodFile(), '--url', health.url)
    assert.match(wrong.output, /✗ the configuration of the deployment is wrong: OIDC/)
    health.status = 200
    health.answer = { status: 'ok', build }
  })

  void it('tells of a secret that the Worker has and the file does not; an account that refuses stops it with what wrangler says', async () => {
    await deploy('--env-file', goodFile({ READ_TOKEN: 'canary-for-readers' }), '--url', health.url)
    const without = await deploy('--env-file', goodFile(), '--url', health.url)
    assert.match(without.output, /! the Worker still has the secret READ_TOKEN.*wrangler secret delete READ_TOKEN/)
    const { output } = await deploy(
      '--env-file',
      goodFile({ CLOUDFLARE_API_TOKEN: 'not-the-token' }),
      '--url',
      health.url,
    )
    assert.match(output, /✗ the queue sluice-jobs cannot be looked up; wrangler says:/)
    assert.ok(!output.includes('not-the-token'))
  })

  void it('rolls back to the version before, or to the one that is named, and says what is not rolled back', async () => {
    const versions = api.workers.get('sluice') ?? []
    const wanted = versions[0]?.version ?? ''
    assert.notEqual(api.current.get('sluice'), wanted)
    const { code, output } = await deploy('--rollback', wanted, '--env-file', goodFile(), '--url', health.url)
    assert.equal(code, 0, output)
    assert.equal(api.current.get('sluice'), wanted)
    assert.match(output, /before the last migration of Durable Objects \(v1\)\n\s*cannot be rolled back to/)
  })
})

void describe('what is decided before deploying', () => {
  const config = readWranglerConfig(`${root}infra/wrangler/wrangler.jsonc`, undefined)

  void it('the configuration of wrangler is read with its comments', () => {
    assert.deepEqual(JSON.parse(withoutComments('{ // a\n "u": "https://x/*y*/", /* b */ "l": [1, 2,], }')), {
      u: 'https://x/*y*/',
      l: [1, 2],
    })
    assert.deepEqual(config, {
      worker: 'sluice',
      queues: ['sluice-jobs', 'sluice-jobs-dead-letters'],
      vpcBindings: [],
      crons: ['* * * * *'],
      migration: 'v1',
    })
  })
  void it('where it answers is taken from what wrangler writes down', () => {
    const targets = [
      'https://sluice.team.workers.dev',
      'sluice.example.com (custom domain)',
      'schedule: * * * * *',
      'Producer for sluice-jobs',
    ]
    const output = `{"type":"wrangler-session"}\n${JSON.stringify({ type: 'deploy', version_id: 'v', targets })}\n`
    assert.deepEqual(deployedOf(output), {
      version: 'v',
      urls: ['https://sluice.team.workers.dev', 'https://sluice.example.com'],
    })
  })
  void it('a cluster needs the binding that it names, and what is not known to be harmless is a secret', () => {
    const bound = '[{"name":"a","server":"https://k.example","binding":"NET"}]'
    const missing = planDeployment({ CLUSTERS: bound }, config, build)
    assert.deepEqual(
      missing.errors.map(({ field }) => field),
      ['CLUSTERS.a.binding'],
    )
    const plan = planDeployment(
      { CLUSTERS: bound, READ_TOKEN: 'canary-canary', CLOUDFLARE_API_TOKEN: 'x', PORT: '1' },
      { ...config, vpcBindings: ['NET'] },
      build,
    )
    assert.deepEqual(plan.errors, [])
    assert.deepEqual(
      [plan.variables, plan.secrets, plan.account],
      [{ BUILD_ID: build, CLUSTERS: bound }, { READ_TOKEN: 'canary-canary' }, { CLOUDFLARE_API_TOKEN: 'x' }],
    )
  })
})
