import { EngineError } from '../base/index.ts'
import { getKey, isMap, scalarText, type KubeMap, type KubeObject } from '../resources/index.ts'
import { failureOf, pollUntil, type ApplyContext } from './apply-context.ts'
import type { ObjectFailure } from './apply-types.ts'
import { computeHealth } from './health/index.ts'
import { formatKey, type KindRef } from './object-key.ts'
import type { PlannedObject } from './plan-object.ts'

/**
 * Waits until what later stages rely on can be used: CRDs are established and served, Namespaces active. Objects that are ready
 * already cost nothing. A namespace that is being deleted fails at once: it would not become active.
 */
export async function waitForStage(context: ApplyContext, planned: readonly PlannedObject[]): Promise<ObjectFailure[]> {
  const { options } = context
  const timeoutMs = options.stageTimeoutMs ?? 60_000
  const outcomes = await Promise.all(
    planned.map(async ({ key, source, change, live }) => {
      const isReady =
        change.action === 'skipped' ||
        (change.action === 'unchanged' && live && computeHealth(live, context.client.clock.now()).status === 'Current')
      if (isReady) return undefined
      try {
        await waitForObject(context, key, timeoutMs)
        return undefined
      } catch (error) {
        return failureOf(error, key, 'wait', options.originOf?.(source))
      }
    }),
  )
  return outcomes.filter((failure) => failure !== undefined)
}

async function waitForObject(context: ApplyContext, key: PlannedObject['key'], timeoutMs: number): Promise<void> {
  const { client, options, live } = context
  let last = 'not found'
  const ready = await pollUntil(context, timeoutMs, async () => {
    const object = await client.get(key, { signal: options.signal })
    if (!object) return undefined
    const health = computeHealth(object, client.clock.now())
    last = health.message
    if (health.status === 'Terminating') {
      throw new EngineError(`${key.kind} is being deleted; nothing can be created with it until it is gone`, {
        code: 'stage-object-terminating',
        disposition: 'retry',
      })
    }
    if (health.status !== 'Current') return undefined
    live.remember(client, key, object)
    return object
  })
  if (ready && key.kind === 'CustomResourceDefinition') await waitUntilServed(context, ready, timeoutMs)
  if (ready) return
  throw new EngineError(`not ready after ${timeoutMs} ms: ${last}`, {
    code: 'stage-not-ready',
    disposition: 'retry',
    data: { object: formatKey(key) },
  })
}

/** Waits until discovery knows the kinds of a definition. Established comes a moment earlier. */
async function waitUntilServed(context: ApplyContext, definition: KubeObject, timeoutMs: number): Promise<void> {
  const kinds = servedKinds(definition)
  await pollUntil(context, timeoutMs, async () => {
    try {
      for (const kind of kinds) await context.client.resource(kind, { signal: context.options.signal })
      return true
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'kube-kind-unknown') throw error
      context.client.invalidateDiscovery()
      return undefined
    }
  })
}

/** The kinds that a CustomResourceDefinition serves. */
export function servedKinds(definition: KubeObject): KindRef[] {
  const spec = getKey(definition, 'spec')
  if (!isMap(spec) || !isMap(spec['names'])) return []
  const versions = Array.isArray(spec['versions']) ? spec['versions'] : []
  const kind = scalarText(spec['names']['kind'])
  return versions
    .filter((version) => isMap(version) && version['served'] === true)
    .map((version) => ({
      apiVersion: `${scalarText(spec['group'])}/${scalarText((version as KubeMap)['name'])}`,
      kind,
    }))
}
