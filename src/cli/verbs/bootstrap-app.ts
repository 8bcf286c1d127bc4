import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EngineError, fromBase64, isEngineError, toBase64, utf8Text } from '../../base/index.ts'
import { mergeEnvironment, parseEnvironment, type EnvironmentStore } from '../../bootstrap/index.ts'
import { createGitHubApp, gitHubApiOf, manifestForm, type GitHubApp } from '../../forges/index.ts'
import { systemClock } from '../../platforms/node/index.ts'
import type { HttpClient } from '../../ports/index.ts'
import { defaultGitLimits, gitHubAppToken, GitObjectCache } from '../../sources/index.ts'
import { usageError } from '../exit-codes.ts'
import { durationFlag } from '../target/flags.ts'
import { createProgress } from '../terminal/progress.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { BootstrapFlags, RepositoryAccess } from './bootstrap.ts'
import { forgeEgress, forgeTargetOf, openForge } from './forge-flags.ts'

/** What a login as an App works with. */
export interface AppLogin {
  readonly flags: BootstrapFlags
  readonly http: HttpClient
  readonly terminal: Terminal
  readonly environment: EnvironmentStore
  readonly signal: AbortSignal
}

/** Variables with the App, in the environment of the deployment. The key is in base64: line breaks cannot stand there. */
const variables = {
  id: 'GITHUB_APP_ID',
  slug: 'GITHUB_APP_SLUG',
  key: 'GITHUB_APP_PRIVATE_KEY',
  secret: 'GITHUB_WEBHOOK_SECRET',
} as const

/**
 * Logs in as the GitHub App of the environment file; where there is none, one is made in a browser from a manifest, and written there at once, since GitHub gives its key only once.
 *
 * @throws EngineError `app-not-installed` until the App is installed for the repository; `wait-timeout` when nobody came back from GitHub.
 */
export async function loginWithApp(login: AppLogin): Promise<RepositoryAccess> {
  const { flags, http, environment, signal } = login
  const target = forgeTargetOf('github', flags)
  const egress = forgeEgress(target.host)
  const text = await environment.read()
  const known = parseEnvironment(text, environment.name)
  const app = known[variables.id] === undefined ? await makeApp(login, text) : knownApp(known, environment.name)
  const api = gitHubApiOf(target)
  const isPublic = api === 'https://api.github.com'
  const secretData = {
    githubAppID: app.id,
    githubAppInstallationOwner: target.owner,
    githubAppPrivateKey: app.privateKey,
    ...(isPublic ? {} : { githubAppBaseURL: api }),
  }
  const git = { http, egress, cache: new GitObjectCache(), clock: systemClock, limits: defaultGitLimits }
  const token = await gitHubAppToken(git, { secret: secretData, credentials: {}, signal }).catch((error: unknown) => {
    if (isEngineError(error) && error.reason === 'AuthenticationFailed') throw notInstalled(target.host, app, error)
    throw error
  })
  const forge = openForge('github', { ...target, token }, http, signal)
  return {
    forge,
    provider: 'github',
    login: { username: forge.gitUser, password: token },
    secretData,
    sourceProvider: 'github',
    variables: {},
    hasOwnWebhook: true,
  }
}

type KnownApp = Pick<GitHubApp, 'id' | 'slug' | 'privateKey'>

function knownApp(environment: { readonly [name: string]: string }, file: string): KnownApp {
  const bytes = fromBase64(environment[variables.key] ?? '')
  const privateKey = bytes === undefined ? '' : (utf8Text(bytes) ?? '')
  if (!privateKey.includes('PRIVATE KEY'))
    throw new EngineError(
      `${variables.key} in ${file} is no key in base64; take ${variables.id} out to make a new App`,
      {
        code: 'environment-invalid',
      },
    )
  return { id: environment[variables.id] ?? '', slug: environment[variables.slug] ?? '', privateKey }
}

function notInstalled(host: string, app: KnownApp, cause: EngineError): EngineError {
  const where = app.slug === '' ? 'in its settings' : `at ${host}/apps/${app.slug}/installations/new`
  return new EngineError(
    `the App is not installed for the owner of the repository, or was refused (${cause.message}); install it ${where}, then run this again`,
    { code: 'app-not-installed', disposition: 'wait', cause },
  )
}

async function makeApp({ flags, http, terminal, environment, signal }: AppLogin, text: string): Promise<KnownApp> {
  const target = forgeTargetOf('github', flags)
  const publicUrl = flags.publicUrl ?? flags.url ?? process.env['SLUICE_URL'] ?? ''
  if (!URL.canParse(publicUrl))
    throw usageError('an App delivers to the deployment: give its URL with --public-url, also when it does not run yet')
  const progress = createProgress(terminal)
  const state = randomBytes(16).toString('hex')
  const options = {
    name: `sluice-${flags.cluster ?? 'fleet'}-${target.owner}`.slice(0, 34),
    hookUrl: `${publicUrl.replace(/\/+$/, '')}/hook/github`,
    homepage: publicUrl,
    host: target.host,
    state,
    ...(flags.personal === true ? {} : { organization: target.owner }),
  }
  progress.begin(`GitHub App ${options.name}`)
  if (flags.dryRun === true) {
    const { action, manifest } = manifestForm({ ...options, redirectUrl: 'http://127.0.0.1/callback' })
    terminal.out(`# file: the manifest that a browser would send to ${action}\n${manifest}\n`)
    throw usageError('what follows depends on the App: make it (without --dry-run), then --dry-run shows the rest')
  }
  const code = await receiveCode(options, (url) => progress.wait(`open ${url} in a browser and make the App there`), {
    signal,
    timeoutMs: durationFlag('--timeout', flags.timeout ?? '5m'),
  })
  const app = await createGitHubApp({ http, egress: forgeEgress(target.host), signal }, target, code)
  const set = {
    [variables.id]: app.id,
    [variables.slug]: app.slug,
    [variables.key]: toBase64(new TextEncoder().encode(app.privateKey)),
    [variables.secret]: app.webhookSecret,
  }
  await environment.write(mergeEnvironment(text, set))
  progress.done(`made ${app.webUrl}; its key is in ${environment.name}`)
  return app
}

/** Serves the form on this machine, and waits for GitHub to send the browser back with a code. */
async function receiveCode(
  options: Omit<Parameters<typeof manifestForm>[0], 'redirectUrl'>,
  onReady: (url: string) => void,
  limits: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<string> {
  const received = Promise.withResolvers<string>()
  let origin = ''
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const isOurs = url.pathname === '/callback' && url.searchParams.get('state') === options.state
    const code = url.searchParams.get('code') ?? ''
    const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
    if (url.pathname === '/') return void response.writeHead(200, headers).end(formPage(options, `${origin}/callback`))
    if (!isOurs || !/^[\w-]{1,200}$/.test(code))
      return void response.writeHead(404, headers).end('There is nothing here.')
    response.writeHead(200, headers).end('<p>The App is made. Go back to the terminal.</p>')
    received.resolve(code)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const deadline = AbortSignal.any([limits.signal, AbortSignal.timeout(limits.timeoutMs)])
  const timeout = (): void =>
    received.reject(
      new EngineError('nobody came back from GitHub in time; run it again', {
        code: 'wait-timeout',
        disposition: 'wait',
      }),
    )
  deadline.addEventListener('abort', timeout, { once: true })
  try {
    onReady(`${origin}/`)
    return await received.promise
  } finally {
    deadline.removeEventListener('abort', timeout)
    server.closeAllConnections()
    server.close()
  }
}

function formPage(options: Omit<Parameters<typeof manifestForm>[0], 'redirectUrl'>, redirectUrl: string): string {
  const { action, manifest } = manifestForm({ ...options, redirectUrl })
  const escape = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<!doctype html><meta charset="utf-8"><title>Sluice</title>
<p>This makes a GitHub App for ${escape(options.organization ?? 'you')} that may read and write the contents of the repositories it is installed for, and tells the deployment of pushes.</p>
<form method="post" action="${escape(action)}"><input type="hidden" name="manifest" value="${escape(manifest)}"><button>Go to GitHub</button></form>
`
}
