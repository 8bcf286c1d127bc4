import type { HelmRelease, Kustomization } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { isMap, type KubeValue } from '../../resources/index.ts'
import { createRedactor, fromBase64 } from '../../secrets/index.ts'
import { parseYaml } from '../../yaml/index.ts'
import type { Decryption } from '../kustomization/decrypt.ts'
import type { PlannedObject } from './differences.ts'

/** Takes what came from Secrets out of the values of a plan. */
export type RedactPlan = (objects: readonly PlannedObject[]) => readonly PlannedObject[]

/** Shorter values are parts of too much else. */
const minLength = 4

/**
 * Secrets end up in other objects too: a value that is substituted into a ConfigMap, one that a chart prints. This knows the values of all Secrets that
 * the object takes values from, and what was decrypted for it.
 */
export async function planRedaction(
  client: KubeClient,
  object: Kustomization | HelmRelease,
  options: { readonly decryption?: Decryption | undefined; readonly signal: AbortSignal },
): Promise<RedactPlan> {
  const redactor = createRedactor()
  const namespace = object.metadata.namespace ?? ''
  for (const name of secretNames(object)) {
    const key = { apiVersion: 'v1', kind: 'Secret', namespace, name }
    const secret = await client.get<{ readonly data?: { readonly [key: string]: string } }>(key, {
      signal: options.signal,
    })
    for (const value of Object.values(secret?.data ?? {})) {
      const text = new TextDecoder().decode(fromBase64(value) ?? new Uint8Array())
      for (const part of [text, ...leaves(text)]) if (part.length >= minLength) redactor.add(part)
    }
  }
  const clean = (text: string): string => {
    const known = redactor.text(text)
    return options.decryption?.redact(new EngineError(known, { code: 'plan' })).message ?? known
  }
  return (objects) =>
    objects.map((one) => ({
      ...one,
      differences: one.differences.map(({ before, after, ...rest }) => ({
        ...rest,
        ...(before === undefined ? {} : { before: clean(before) }),
        ...(after === undefined ? {} : { after: clean(after) }),
      })),
    }))
}

function secretNames(object: Kustomization | HelmRelease): readonly string[] {
  const references = object.kind === 'Kustomization' ? object.spec.postBuild?.substituteFrom : object.spec.valuesFrom
  return [...new Set((references ?? []).filter(({ kind }) => kind === 'Secret').map(({ name }) => name))]
}

/** The texts inside a file of values. */
function leaves(text: string): readonly string[] {
  const visit = (value: KubeValue | undefined): readonly string[] => {
    if (typeof value === 'string') return [value]
    if (Array.isArray(value)) return value.flatMap(visit)
    return isMap(value) ? Object.values(value).flatMap(visit) : []
  }
  try {
    return visit(parseYaml(text, { dialect: 'sigs' }) as KubeValue)
  } catch {
    return [] // It is no file of values, then.
  }
}
