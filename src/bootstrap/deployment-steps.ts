import { apiVersions } from '../api/index.ts'
import { EngineError, checkEgress, isEngineError, toBase64, toBase64Url, toEngineError } from '../base/index.ts'
import { settingOf } from '../receivers/index.ts'
import { readAccountToken, syncState } from './cluster-steps.ts'
import {
  clusterEntries,
  mergeEnvironment,
  parseEnvironment,
  shownEnvironment,
  tokenVariable,
  withCluster,
  withPrivateHost,
} from './environment.ts'
import { syncName, systemNamespace } from './names.ts'
import type { AskDeployment, StepContext } from './types.ts'

/** Registers the cluster with the deployment: its address, its token, and the secrets that webhooks and triggers are proven with. What is set already stays. */
export async function writeEnvironment(context: StepContext): Promise<void> {
  const { deps, options, state } = context
  const { environment: store, report } = deps
  report.begin(`environment of the deployment in ${store.name}`)
  const text = await store.read()
  const known = parseEnvironment(text, store.name)
  const hookVariable = settingOf(options.provider)
  const tokenName = tokenVariable(options.cluster)
  const set: { [name: string]: string } = { ...options.variables }
  const entries = clusterEntries(known)
  const merged = withCluster(entries, {
    name: options.cluster,
    server: options.server,
    ...(options.ca === undefined ? {} : { ca: toBase64(new TextEncoder().encode(options.ca)) }),
    tokenSecret: tokenName,
  })
  set['CLUSTERS'] = JSON.stringify(merged)
  const entry = merged.find(({ name }) => name === options.cluster)
  if (entry?.tokenSecret === tokenName) set[tokenName] = options.isDryRun ? '***' : await readAccountToken(context)
  if ((known[hookVariable] ?? '') === '' && set[hookVariable] === undefined) {
    set[hookVariable] = secretOf(context)
    state.isNewSecret = true
  }
  if ((known['TRIGGER_TOKEN'] ?? '') === '') set['TRIGGER_TOKEN'] = secretOf(context)
  const host = privateHostOf(state.repository?.cloneUrl)
  if (host !== undefined) set['PRIVATE_HOSTS'] = JSON.stringify(withPrivateHost(known, host))
  const changed = Object.fromEntries(
    Object.entries(set).filter(
      ([name, value]) => known[name] !== value && !(options.isDryRun && value === '***' && known[name] !== undefined),
    ),
  )
  state.environment = { ...known, ...set }
  if (Object.keys(changed).length === 0) return report.nothing('it has everything')
  const names = Object.keys(changed).toSorted()
  if (options.isDryRun) {
    report.show(store.name, shownEnvironment(changed))
    return report.done('would set', names)
  }
  await store.write(mergeEnvironment(text, changed))
  state.writes += 1
  report.done('set', names)
  if ('CLUSTERS' in changed && isPrivate(options.server))
    report.warn(
      `the API server is at ${new URL(options.server).host}, an address of this network: where the deployment cannot reach it, give another with --server`,
    )
}

function secretOf({ deps, options }: StepContext): string {
  return options.isDryRun ? '***' : toBase64Url(deps.random.bytes(32))
}

/** The repository's host, where a deployment does not fetch from it unless it is told that it may. */
function privateHostOf(url: string | undefined): string | undefined {
  return url !== undefined && isPrivate(url) ? new URL(url).hostname : undefined
}

function isPrivate(url: string): boolean {
  try {
    checkEgress(new URL(url), {})
    return false
  } catch {
    return true
  }
}

interface ShownClusters {
  readonly clusters?: readonly { readonly name?: string; readonly cluster?: string }[]
}

/** Waits until the deployment answers, takes the token, and knows the cluster. */
export async function checkDeployment(context: StepContext): Promise<void> {
  const { deps, options, state } = context
  const { report } = deps
  const [token = ''] = secretsIn(state.environment?.['TRIGGER_TOKEN'] ?? '')
  const ask = deps.deployment(token)
  if (ask === undefined) return
  report.begin(`deployment at ${ask.url}`)
  if (options.isDryRun) return report.done(`would wait until it serves '${options.cluster}'`)
  await waitFor(context, 'deployment-not-ready', async () => {
    const problem = await problemOf(ask, options.cluster)
    return problem === undefined ? undefined : `${problem}; start (or restart) it with ${deps.environment.name}`
  })
  state.ask = ask
  report.found(`it serves '${options.cluster}'`)
}

async function problemOf(ask: AskDeployment, cluster: string): Promise<string | undefined> {
  try {
    const { clusters = [] } = (await ask.get('/api/clusters')) as ShownClusters
    const isKnown = clusters.some((one) => one.name === cluster || one.cluster === cluster)
    return isKnown ? undefined : `${ask.url} does not know the cluster '${cluster}' yet`
  } catch (error) {
    const { message, code } = toEngineError(error)
    if (code === 'unexpected') throw error
    return message
  }
}

/** One secret, or the first of a JSON list of them. */
function secretsIn(text: string): readonly string[] {
  if (!text.startsWith('[')) return [text]
  try {
    return (JSON.parse(text) as unknown[]).filter((one) => typeof one === 'string')
  } catch {
    return []
  }
}

/** The webhook of the deployment at the forge: its URL ends in the forge's endpoint. */
export function hookUrlOf(publicUrl: string, provider: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/hook/${provider}`
}

/** Registers the webhook, or makes the one that is there what it should be. */
export async function registerWebhook({ deps, options, state }: StepContext): Promise<void> {
  const { forge, report } = deps
  const { publicUrl, provider, pullRequests } = options
  if (forge === undefined || publicUrl === undefined || options.hasOwnWebhook) return
  const url = hookUrlOf(publicUrl, provider)
  report.begin(`webhook at ${forge.title}`)
  const hooks = state.repository === undefined ? [] : await forge.listWebhooks()
  const known = hooks.find((hook) => hook.url === url)
  const isRight =
    known !== undefined &&
    known.isActive &&
    forge.eventsOf({ pullRequests }).every((event) => known.events.includes(event)) &&
    state.isNewSecret !== true
  if (isRight) {
    state.hookId = known.id
    return report.nothing(`${url} is registered`)
  }
  if (options.isDryRun) return report.done(`would ${known === undefined ? 'register' : 'update'} ${url}`)
  const [secret = ''] = secretsIn(state.environment?.[settingOf(provider)] ?? '')
  const wish = { url, secret, pullRequests }
  const { id } = known === undefined ? await forge.createWebhook(wish) : await forge.updateWebhook(known.id, wish)
  state.hookId = id
  state.isNewHook = true
  state.writes += 1
  report.done(`${known === undefined ? 'registered' : 'updated'} ${url}`)
}

interface ShownDeliveries {
  readonly deliveries?: readonly { readonly id: string; readonly provider: string; readonly verified: boolean }[]
}

/** Has the forge deliver something, and looks for it in the deployment: only a delivery that came and was believed shows that pushes will. */
export async function checkRoundTrip(context: StepContext): Promise<void> {
  const { deps, options, state } = context
  const { forge, report, clock } = deps
  const { ask, hookId } = state
  if (ask === undefined || forge === undefined || (hookId === undefined && !options.hasOwnWebhook)) return
  report.begin('round trip of a delivery')
  // Ids sort by time, which is the deployment's own: clocks need not agree.
  const newest = async (after: string): Promise<string | undefined> => {
    const { deliveries = [] } = (await ask.get('/deliveries', { limit: '100' })) as ShownDeliveries
    return deliveries.find(({ id, provider, verified }) => verified && provider === options.provider && id > after)?.id
  }
  const known = await newest('')
  if (known !== undefined && state.isNewHook !== true)
    return report.nothing(`the deployment has got deliveries of ${forge.title}`)
  if (hookId === undefined)
    return report.warn('no delivery of the App has come yet: the next push shows whether they do')
  const start = clock.now()
  await forge.testWebhook(hookId)
  try {
    await waitFor(context, 'bootstrap-no-delivery', async () =>
      (await newest(known ?? '')) === undefined ? 'no delivery has come' : undefined,
    )
  } catch (error) {
    if (!isEngineError(error) || error.code !== 'bootstrap-no-delivery') throw error
    throw noDelivery(await toldByForge(context, hookId, start), hookUrlOf(options.publicUrl ?? '', options.provider))
  }
  report.done(`${forge.title} has delivered, and the deployment has believed it`)
}

/** What the forge says became of its deliveries. */
async function toldByForge({ deps }: StepContext, hookId: string, start: number): Promise<string> {
  try {
    const deliveries = await deps.forge?.recentDeliveries(hookId)
    const last = deliveries?.find(({ at }) => Number.isNaN(Date.parse(at)) || Date.parse(at) >= start - 60_000)
    if (last === undefined) return 'the forge does not say that it has sent one'
    if (last.status === 0) return 'the forge could not reach it'
    return `the forge got the answer ${last.status}${last.status === 401 ? ': the secret of the deployment is another one, restart it with the environment file' : ''}`
  } catch (error) {
    return toEngineError(error).message
  }
}

function noDelivery(told: string, url: string): EngineError {
  return new EngineError(
    `no delivery has come to the deployment (${told}); check that the forge reaches ${url}, then run this again`,
    { code: 'bootstrap-no-delivery', disposition: 'retry' },
  )
}

/** Has the cluster side looked at, and waits until the Kustomization has applied the commit and is ready. */
export async function awaitFirstRun(context: StepContext): Promise<void> {
  const { deps, options, state } = context
  const { report } = deps
  const { ask } = state
  if (ask === undefined) return
  const short = (state.head ?? '').slice(0, 8)
  report.begin(`Kustomization ${systemNamespace}/${syncName} at ${short}`)
  if ((await syncState(context)).isReady) return report.nothing('it is applied and ready')
  const source = {
    apiVersion: apiVersions.GitRepository,
    kind: 'GitRepository',
    namespace: systemNamespace,
    name: syncName,
  }
  const { kind, namespace, name } = source
  await ask.post('/trigger', { cluster: options.cluster, source: { kind, namespace, name }, actor: 'sluice bootstrap' })
  await waitFor(context, 'wait-timeout', async () => {
    const { isReady, isFailed, message } = await syncState(context)
    if (isFailed)
      throw new EngineError(
        `${message}; 'sluice why ks/${syncName}' says more. Repair it in Git, then run this again`,
        {
          code: 'reconciliation-failed',
        },
      )
    return isReady ? undefined : message
  })
  report.done('it is applied and ready')
}

/** Looks until `problem` says that there is none. @throws EngineError with the last problem when the time is up. */
async function waitFor(context: StepContext, code: string, problem: () => Promise<string | undefined>): Promise<void> {
  const { deps, options } = context
  const { clock, report, signal } = deps
  const start = clock.now()
  for (;;) {
    const found = await problem()
    if (found === undefined) return
    const waited = clock.now() - start
    if (waited >= options.timeoutMs)
      throw new EngineError(`${found}; then run this again: it goes on where it stopped`, {
        code,
        disposition: 'retry',
      })
    report.wait(found, Math.round(waited / 1000))
    await clock.sleep(options.pollMs, signal)
  }
}
