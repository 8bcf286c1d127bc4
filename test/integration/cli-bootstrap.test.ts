import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parseEnvironment } from '../../src/bootstrap/index.ts'
import { bundleCli, type Cli, type CliResult } from '../support/cli.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { startForge } from '../support/forge-api/server.ts'
import { GitServer } from '../support/git-server.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'

const source = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  namespace: 'flux-system',
  name: 'flux-system',
}
const workload = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'web' }
const workloadFile =
  'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web, namespace: default }\ndata: { color: blue }\n'

describe('sluice bootstrap and uninstall', () => {
  let controlPlane: ControlPlane
  let client: KubeTestClient
  let directory: string
  let cli: Cli
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-cli-bootstrap-'))
    cli = await bundleCli(directory)
    controlPlane = await startControlPlane()
    client = createKubeTestClient(controlPlane)
  })
  after(async () => {
    client.close()
    await controlPlane.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const at = (name: string): string => join(directory, name)
  const run = (args: readonly string[], env: { readonly [name: string]: string } = {}): Promise<CliResult> =>
    cli.run([...args, '--kubeconfig', controlPlane.kubeconfigPath, '--timeout', '60s'], env)

  /** Starts a deployment with an environment file, as systemd and docker do. */
  async function serve(file: string): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
    const { startNode } = await import('../../functions/node.ts')
    const env = parseEnvironment(await readFile(file, 'utf8'), file)
    const own = { PORT: '0', HOST: '127.0.0.1', DATA_DIR: `${file}.state`, SCAN_INTERVAL_SECONDS: '86400' }
    const started = await startNode({ ...env, ...own }, { log: () => undefined })
    return { url: started.url, stop: () => started.stop() }
  }

  it('with any Git server: everything but the webhook, which it says how to register', async () => {
    await using git = await GitServer.start({ auth: { username: 'git', password: 'canary-git-password' } })
    const repository = await git.create('team/fleet')
    const file = at('git.env')
    const args = ['bootstrap', 'git', '--repository-url', repository.url, '--cluster', 'prod', '--environment', file]
    const env = { GIT_PASSWORD: 'canary-git-password' }

    const dry = await run([...args, '--dry-run'], env)
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, /^# file: clusters\/prod\/flux-system\/sluice-crds\.yaml$/m)
    assert.match(dry.stdout, /name: buckets\.source\.toolkit\.fluxcd\.io/)
    assert.match(dry.stderr, /Nothing was written/)
    assert.equal(await repository.head(), undefined)
    await assert.rejects(stat(file), { code: 'ENOENT' })

    const json = at('git-secrets.json')
    const hook = ['--public-url', 'https://sluice.example', '--webhook', 'gitlab', '-o', 'x']
    const wrong = await run([...args, ...hook], env)
    assert.equal(wrong.code, 2)
    const first = await run([...args, ...hook.slice(0, 4), '--secrets-json', json], env)
    assert.equal(first.code, 0, first.stderr)
    const told = JSON.parse(first.stdout) as { [field: string]: unknown }
    assert.deepEqual(
      { cluster: told['cluster'], path: told['path'], isServed: told['isServed'], commit: told['commit'] },
      { cluster: 'prod', path: 'clusters/prod', isServed: false, commit: await repository.head() },
    )
    assert.deepEqual(told['webhook'], { url: 'https://sluice.example/hook/gitlab', secretIn: 'GITLAB_WEBHOOK_SECRET' })
    for (const path of [file, json]) assert.equal((await stat(path)).mode & 0o777, 0o600)
    const variables = parseEnvironment(await readFile(file, 'utf8'), file)
    assert.deepEqual(JSON.parse(await readFile(json, 'utf8')), variables)
    for (const secret of ['canary-git-password', variables['PROD_TOKEN'] ?? '', variables['TRIGGER_TOKEN'] ?? '']) {
      assert.ok(secret.length > 8)
      assert.ok(![first, dry].some(({ stdout, stderr }) => `${stdout}${stderr}`.includes(secret)))
    }

    // Both readers of such files read the same: docker as it stands, systemd without what it would take for quotes and escapes.
    for (const value of Object.values(variables)) assert.doesNotMatch(value, /[\\\n]|^["']/)

    const served = await serve(file)
    try {
      const second = await run([...args, '--url', served.url], env)
      assert.equal(second.code, 0, second.stderr)
      assert.match(second.stderr, /it is applied and ready/)
      const third = await run([...args, '--url', served.url], env)
      assert.equal((JSON.parse(third.stdout) as { writes: number }).writes, 0, third.stderr)
    } finally {
      await served.stop()
    }
    const undone = await run(['uninstall', '--crds', '--with-namespace'])
    assert.equal(undone.code, 0, undone.stderr)
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'flux-system' }
    await client.waitFor(namespace, (found) => found === undefined, 60_000)
  })

  it('as a GitHub App that is made from a manifest in a browser', async () => {
    const forge = await startForge('github')
    try {
      await forge.create('team', 'fleet', { 'README.md': 'ours\n' })
      const file = at('app.env')
      const served = Promise.withResolvers<string>()
      const where = ['--cluster', 'prod', '--environment', file, '--kubeconfig', controlPlane.kubeconfigPath]
      const repository = ['--owner', 'team', '--repository', 'fleet', '--hostname', forge.host]
      const args = ['bootstrap', 'github', '--app', ...repository, ...where]
      const child = spawn(process.execPath, [
        join(directory, 'bundle', 'main.mjs'),
        ...args,
        '--public-url',
        'https://sluice.example',
      ])
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        const url = /open (http:\/\/127\.0\.0\.1:\d+\/) in a browser/.exec(said)?.[1]
        if (url !== undefined) served.resolve(url)
      })
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
      void ended.then(() => served.reject(new Error(said)))
      const form = await served.promise
      const page = await (await fetch(form)).text()
      const unescape = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&amp;', '&')
      const action = new URL(unescape(/action="([^"]+)"/.exec(page)?.[1] ?? ''))
      const manifest = JSON.parse(unescape(/value="([^"]+)"/.exec(page)?.[1] ?? '')) as {
        hook_attributes: { url: string }
        redirect_url: string
        default_events: string[]
        default_permissions: { [name: string]: string }
      }
      assert.equal(`${action.origin}${action.pathname}`, `${forge.host}/organizations/team/settings/apps/new`)
      assert.equal(manifest.hook_attributes.url, 'https://sluice.example/hook/github')
      assert.deepEqual(manifest.default_events, ['push', 'pull_request', 'pull_request_review', 'issue_comment'])
      assert.equal(manifest.default_permissions['contents'], 'write')
      // A code for somebody else's form is not taken.
      const back = new URL(manifest.redirect_url)
      back.search = String(new URLSearchParams({ code: 'a-code-of-the-tests', state: 'another' }))
      assert.equal((await fetch(back)).status, 404)
      back.searchParams.set('state', action.searchParams.get('state') ?? '')
      assert.equal((await fetch(back)).status, 200)
      assert.equal(await ended, 0, said)
      const variables = parseEnvironment(await readFile(file, 'utf8'), file)
      assert.equal(variables['GITHUB_APP_ID'], '4711')
      assert.equal(variables['GITHUB_WEBHOOK_SECRET'], 'canary-webhook-secret-of-the-app')
      const key = Buffer.from(variables['GITHUB_APP_PRIVATE_KEY'] ?? '', 'base64').toString()
      assert.match(key, /^-----BEGIN RSA PRIVATE KEY-----/)
      assert.ok(!said.includes('canary'))
      const spec = (await client.get(source))['spec']
      assert.deepEqual(
        { provider: spec.provider, secretRef: spec.secretRef },
        { provider: 'github', secretRef: { name: 'flux-system' } },
      )

      // The deployment fetches with the keys of the App, and hears of pushes by the App's webhook.
      const deployment = await serve(file)
      try {
        forge.installApp(`${deployment.url}/hook/github`)
        await forge.push('team/fleet', { 'clusters/prod/web.yaml': workloadFile })
        await client.waitFor(workload, (found) => found !== undefined, 60_000)
        const again = await cli.run([...args, '--url', deployment.url])
        assert.equal(again.code, 0, again.stderr)
        assert.equal((JSON.parse(again.stdout) as { writes: number }).writes, 0, again.stderr)
        assert.match(again.stderr, /the deployment has got deliveries of GitHub/)
      } finally {
        await deployment.stop()
      }
      const undone = await run(['uninstall', '--crds', '--with-namespace'])
      assert.equal(undone.code, 0, undone.stderr)
      assert.notEqual(await client.find(workload), undefined)
    } finally {
      await forge.close()
    }
  })

  it('deletes the webhook, and only its own', async () => {
    const forge = await startForge('gitlab')
    try {
      const repository = await forge.create('team', 'fleet', { a: 'a' })
      for (const url of ['https://sluice.example/hook/gitlab', 'https://other.example/hook/gitlab'])
        repository.hooks.push({
          id: repository.hooks.length + 1,
          url,
          secret: '',
          events: ['push_events'],
          active: true,
          deliveries: [],
        })
      const args = [
        'uninstall',
        '--forge',
        'gitlab',
        '--owner',
        'team',
        '--repository',
        'fleet',
        '--hostname',
        forge.host,
      ]
      const env = { GITLAB_TOKEN: forge.token }
      const dry = await run([...args, '--url', 'https://sluice.example', '--dry-run'], env)
      assert.match(dry.stderr, /would delete https:\/\/sluice\.example\/hook\/gitlab/)
      assert.equal(repository.hooks.length, 2)
      const result = await run([...args, '--url', 'https://sluice.example'], env)
      assert.equal(result.code, 0, result.stderr)
      assert.deepEqual(
        repository.hooks.map(({ url }) => url),
        ['https://other.example/hook/gitlab'],
      )
    } finally {
      await forge.close()
    }
  })

  it('says what is wrong before anything is written', async () => {
    await writeFile(at('bad.env'), 'CLUSTERS=[canary\n')
    const forge = await startForge('github')
    try {
      await forge.create('team', 'fleet', { a: 'a' })
      const github = ['bootstrap', 'github', '--owner', 'team', '--repository', 'fleet', '--hostname', forge.host]
      const rows: readonly (readonly [
        args: readonly string[],
        env: { readonly [name: string]: string },
        want: RegExp,
      ])[] = [
        [github, {}, /name the cluster with --cluster/],
        [[...github, '--cluster', 'prod'], {}, /give a token for the forge in \$GITHUB_TOKEN/],
        [
          [...github, '--cluster', 'prod'],
          { GITHUB_TOKEN: 'canary-wrong' },
          /does not accept the token: Bad credentials/,
        ],
        [
          [...github, '--cluster', 'prod', '--path', '../x'],
          { GITHUB_TOKEN: 'canary-wrong' },
          /--path must be a directory inside/,
        ],
        [
          ['bootstrap', 'github', '--cluster', 'prod'],
          { GITHUB_TOKEN: 'x' },
          /name the repository with --owner and --repository/,
        ],
        [
          ['bootstrap', 'gitea', '--cluster', 'prod', '--owner', 'a', '--repository', 'b'],
          { GITEA_TOKEN: 'x' },
          /give the host/,
        ],
        [
          [...github.slice(0, 6), '--cluster', 'prod', '--hostname', 'http://git.example.com'],
          { GITHUB_TOKEN: 'x' },
          /plain http/,
        ],
        [['bootstrap', 'git', '--cluster', 'prod', '--repository-url', 'ssh://git@x/y'], {}, /http or https URL/],
        [['uninstall', '--forge', 'github'], { GITHUB_TOKEN: 'x' }, /which webhook\?/],
      ]
      for (const [args, env, want] of rows) {
        const { code, stderr, stdout } = await run(args, env)
        assert.equal(code, 2, stderr)
        assert.match(stderr, want)
        assert.ok(!`${stderr}${stdout}`.includes('canary-wrong'))
      }
      assert.deepEqual(
        forge.requests.filter(({ method }) => method !== 'GET'),
        [],
      )
    } finally {
      await forge.close()
    }
  })
})
