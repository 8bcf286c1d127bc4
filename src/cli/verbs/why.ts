import { Command } from 'commander'
import { EngineError, isEngineError } from '../../base/index.ts'
import { checkHealth, formatKey, inventoryKey, keyOf, type KubeClient } from '../../kube/index.ts'
import { idOfKey, loadWorld, type World } from '../../reconcile/index.ts'
import { gvkOf, nameOf, namespaceOf as namespaceOfObject, type KubeObject } from '../../resources/index.ts'
import { exitCodes } from '../exit-codes.ts'
import { readAnyObject } from '../target/any-object.ts'
import { withCluster } from '../target/cluster.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { allCliKinds } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { clusterSuspension } from './cluster-suspension.ts'
import { readEvents } from './read-events.ts'
import { traceObject } from './trace.ts'
import { explain, idsOf, rootCauses, whyText, type Why, type WhyFacts } from './why-model.ts'

/** Objects of an inventory whose health is looked at. */
const maxObjects = 200
/** Warnings that are told of one object. */
const maxWarnings = 2

/** `why KIND/NAME`: why an object is not ready, down to what is in the way of it all. */
export function whyCommand(): Command {
  const command = new Command('why')
    .description(
      'why an object is not ready: what it waits for, what its source says, who suspended it, down to where it starts',
    )
    .argument(
      '<what...>',
      "an object of Flux's kinds ('ks/app', 'source git app'), or anything that one of them made ('deployment/web')",
    )
    .action(async (what: string[], flags: TargetFlags) => runWhy(what, flags))
  return addTargetFlags(command, { cluster: true, output: true })
}

async function runWhy(what: readonly string[], flags: TargetFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const why = await withCluster(flags, terminal, async ({ client, signal }) => {
    const namespace = namespaceOf(flags, process.env)
    const start = await readAnyObject(client, what, { namespace })
    const world = await readWorld(client, namespace, signal)
    const id = (await idOfOurs(client, start)) ?? ''
    const draft = explain(world, id, { unhealthy: () => [], warnings: () => [], now: Date.now() })
    const facts = await findFacts(client, world, idsOf(draft), signal)
    const found = await withObject(client, start, explain(world, id, facts), signal)
    return underSuspension(found, await clusterSuspension(client, namespace, signal))
  })
  printAnswer(terminal, flags.output, {
    data: { ready: why.isFine, chain: why, rootCauses: rootCauses(why).map(({ id, problem }) => ({ id, problem })) },
    names: rootCauses(why).map(({ id }) => id),
    text: (style) => whyText(why, style),
  })
  if (!why.isFine) process.exitCode = exitCodes.negative
}

/** The switch of the cluster is in the way of everything in it. */
function underSuspension(why: Why, suspension: string | undefined): Why {
  if (suspension === undefined) return why
  const cluster: Why = {
    id: 'Cluster',
    isFine: false,
    problem: `is ${suspension}`,
    details: ['nothing in it is worked on'],
    advice: 'sluice resume cluster',
    causes: [],
  }
  return { ...why, isFine: false, causes: [...why.causes, cluster] }
}

/** What is asked about first where it is no object of ours: its own health, and then whoever made it. */
async function withObject(client: KubeClient, start: KubeObject, maker: Why, signal: AbortSignal): Promise<Why> {
  const key = keyOf(start)
  if (isOurs(start)) return maker
  const report = await checkHealth(client, { targets: [{ key }], budgetMs: 0, signal })
  const [found] = [...report.failed, ...report.notReady]
  const isFine = found === undefined && maker.isFine
  return {
    id: formatKey(key),
    isFine,
    problem: found === undefined ? 'is healthy' : `is not healthy (${found.status})`,
    details: found === undefined ? [] : [found.message],
    causes: isFine ? [] : maker.isFine ? [] : [maker],
    ...(found !== undefined && maker.isFine
      ? { advice: `it is as ${maker.id} wants it: look at its Pods, and at what Git says of it` }
      : {}),
  }
}

function isOurs(object: KubeObject): boolean {
  const { kind, group } = gvkOf(object)
  return group.endsWith('.toolkit.fluxcd.io') && (allCliKinds as readonly string[]).includes(kind)
}

/** All objects of ours; who may not list everywhere sees the namespace alone. */
async function readWorld(client: KubeClient, namespace: string, signal: AbortSignal): Promise<World> {
  try {
    return await loadWorld(client, [], 'all', signal)
  } catch (error) {
    if (!isEngineError(error) || error.code !== 'kube-forbidden') throw error
    return loadWorld(client, [namespace], 'all', signal)
  }
}

/** The object itself where it is one of ours, else the Kustomization or HelmRelease that made it. */
async function idOfOurs(client: KubeClient, object: KubeObject): Promise<string | undefined> {
  if (isOurs(object))
    return idOfKey({ kind: gvkOf(object).kind, namespace: namespaceOfObject(object), name: nameOf(object) })
  const steps = await traceObject(client, object)
  const owner = steps.find((step) => step.role === 'Kustomization' || step.role === 'HelmRelease')
  if (owner !== undefined) return `${owner.role}/${owner.object}`
  throw new EngineError('nothing of ours made it', { code: 'not-found', disposition: 'wait' })
}

/** Health of what is in the inventories of the chain, and the latest warnings about its objects. */
async function findFacts(
  client: KubeClient,
  world: World,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<WhyFacts> {
  const unhealthy = new Map<string, readonly string[]>()
  const warnings = new Map<string, readonly string[]>()
  await Promise.all(
    [...new Set(ids)].map(async (id) => {
      const [kind = '', namespace = '', name = ''] = id.split('/')
      const [bad, events] = await Promise.all([
        unhealthyOf(client, world, id, signal),
        readEvents(client, { namespace, kind, name }).catch(forbiddenMeans([])),
      ])
      unhealthy.set(id, bad)
      const texts = events.filter((event) => event.type === 'Warning').map((event) => event.message)
      warnings.set(id, [...new Set(texts)].slice(-maxWarnings))
    }),
  )
  return {
    unhealthy: (id) => unhealthy.get(id) ?? [],
    warnings: (id) => warnings.get(id) ?? [],
    now: Date.now(),
  }
}

async function unhealthyOf(
  client: KubeClient,
  world: World,
  id: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const object = world.get(id)
  if (object?.kind !== 'Kustomization' && object?.kind !== 'HelmRelease') return []
  // Objects in another cluster are not to be had from here.
  if (object.spec.kubeConfig !== undefined) return []
  const keys = (object.status?.inventory?.entries ?? [])
    .slice(0, maxObjects)
    .flatMap((entry) => inventoryKey(entry) ?? [])
    // Ours explain themselves.
    .filter((key) => !/\.toolkit\.fluxcd\.io\//.test(key.apiVersion))
  const report = await checkHealth(client, { targets: keys.map((key) => ({ key })), budgetMs: 0, signal })
  return [...report.failed, ...report.notReady].map(({ key, message }) => {
    const place = key.namespace === undefined || key.namespace === '' ? key.name : `${key.namespace}/${key.name}`
    return `${key.kind}/${place}: ${message}`
  })
}

function forbiddenMeans<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isEngineError(error) && error.code === 'kube-forbidden') return value
    throw error
  }
}
