import { apiVersions, fieldManagers, getCondition, labels, type Kustomization } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { matchesLabels, parseLabelSelector } from '../../resources/index.ts'
import type { World } from '../../reconcile/index.ts'
import type { Controller } from './controllers.ts'
import { flagOf } from './flags.ts'
import type { HandOver } from './hand-over.ts'

/** Which Kustomizations are handed over on their own. */
export interface PartWish {
  /** `name` or `namespace/name`. */
  readonly names: readonly string[]
  /** Everything whose `spec.path` is this directory or below it. */
  readonly path?: string | undefined
  readonly namespace: string
}

/**
 * The Kustomizations that a wish means. Pure.
 *
 * @throws EngineError `not-found` for a name or a path that means none.
 */
export function selectPart(world: World, wish: PartWish): readonly Kustomization[] {
  const all = world.ofKind('Kustomization')
  const named = wish.names.map((text) => {
    const [namespace, name] = text.includes('/') ? text.split('/', 2) : [wish.namespace, text]
    const found = all.find((one) => one.metadata.name === name && one.metadata.namespace === namespace)
    if (found === undefined) throw missing(`Kustomization '${namespace}/${name}' was not found`)
    return found
  })
  const path = wish.path === undefined ? undefined : normalPath(wish.path)
  const below =
    path === undefined
      ? []
      : all.filter((one) => path === '' || `${normalPath(one.spec.path ?? '')}/`.startsWith(`${path}/`))
  if (path !== undefined && below.length === 0) throw missing(`no Kustomization has a path at or below '${wish.path}'`)
  return [...new Set([...named, ...below])]
}

function normalPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

function missing(message: string): EngineError {
  return new EngineError(message, { code: 'not-found', disposition: 'wait' })
}

/** The selector with which a deployment serves the objects of a shard, and nothing else. */
export function shardSelector(shard: string): string {
  return `${labels.sharding}=${shard}`
}

/**
 * Controllers that would go on serving a Kustomization with the label of the shard: one of two would undo what the other does. Pure.
 */
export function notApart(controllers: readonly Controller[], shard: string): readonly Controller[] {
  return controllers.filter((one) => {
    if (one.component !== 'kustomize-controller') return false
    const selector = flagOf(one, 'watch-label-selector') ?? ''
    try {
      return matchesLabels(parseLabelSelector(selector), { [labels.sharding]: shard })
    } catch (error) {
      if (isEngineError(error)) return true // Whatever it does, it does not leave ours alone.
      throw error
    }
  })
}

/** What to commit so that Flux's controllers leave alone what carries the label: Flux's own recipe for shards. */
export const shardPatch = `patches:
  - target:
      kind: Deployment
      name: kustomize-controller
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/args/-
        value: --watch-label-selector=!${labels.sharding}
`

/** Gives Kustomizations the label of the shard, or takes it away; who has worked on them before is waited for. */
export async function labelPart(run: HandOver, part: readonly Kustomization[], shard: string | null): Promise<void> {
  for (const { metadata } of part) {
    const { name, namespace = '' } = metadata
    run.onStep(shard === null ? `giving Kustomization ${name} back to Flux` : `labelling Kustomization ${name}`)
    const key = { apiVersion: apiVersions.Kustomization, kind: 'Kustomization', namespace, name }
    const body = { metadata: { labels: { [labels.sharding]: shard } } }
    await run.client.patch(key, { type: 'merge', body }, { fieldManager: fieldManagers.operator, signal: run.signal })
    if (shard !== null) await waitUntilIdle(run, run.client, key)
  }
}

/** A reconciliation that was under way goes on to its end. */
async function waitUntilIdle(
  run: HandOver,
  client: KubeClient,
  key: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
): Promise<void> {
  for (;;) {
    const object = await client.get<Kustomization>(key, { signal: run.signal })
    const isBusy = getCondition(object?.status?.conditions, 'Reconciling')
    if (isBusy?.status !== 'True' || isBusy.reason === 'ProgressingWithRetry') return
    if (client.clock.now() > run.deadline) {
      throw new EngineError(
        `Kustomization '${key.namespace}/${key.name}' is still being worked on; run it again later`,
        {
          code: 'wait-timeout',
          disposition: 'wait',
        },
      )
    }
    await client.clock.sleep(500, run.signal)
  }
}
