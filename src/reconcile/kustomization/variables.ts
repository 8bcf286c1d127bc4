import { EngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { configVersion, type ConfigKey } from '../config-versions.ts'

const variableName = /^[_\p{L}][_\p{L}\p{Nd}]*$/u

/** Variables of a Kustomization. */
export interface Variables {
  readonly values: ReadonlyMap<string, string>
  /** Which ConfigMap or Secret gave a variable its value; none for those that the object itself says. */
  readonly origins: ReadonlyMap<string, ConfigKey>
  /** Versions of the ConfigMaps and Secrets that they were read from (see configVersion). */
  readonly versions: readonly string[]
}

/**
 * The variables of `spec.postBuild`: ConfigMaps and Secrets of `substituteFrom` in list order, later ones winning, then the inline
 * `substitute`. Newlines are removed from every value (kustomize-controller 1.9, flux-behaviour of post-build substitution).
 *
 * @throws EngineError `substitute-source-missing` for a reference that is not there and not optional, `substitute-bad-name` for a key that cannot be a variable. Values never enter a message.
 */
export async function loadVariables(
  client: KubeClient,
  kustomization: Kustomization,
  signal: AbortSignal,
): Promise<Variables> {
  const postBuild = kustomization.spec.postBuild
  const variables = new Map<string, string>()
  const origins = new Map<string, ConfigKey>()
  const versions: string[] = []
  for (const reference of postBuild?.substituteFrom ?? []) {
    const key = {
      apiVersion: 'v1',
      kind: reference.kind,
      namespace: kustomization.metadata.namespace ?? '',
      name: reference.name,
    }
    const object = (await client.get(key, { signal })) as ConfigObject | undefined
    versions.push(configVersion(key, object))
    if (object === undefined) {
      if (reference.optional === true) continue
      throw new EngineError(
        `substitute from '${reference.kind}/${reference.name}' error: the ${reference.kind} was not found in namespace '${key.namespace}'; create it, or mark the reference optional`,
        { code: 'substitute-source-missing', reason: 'BuildFailed', disposition: 'retry' },
      )
    }
    for (const [name, value] of Object.entries(object.data ?? {})) {
      setVariable(
        variables,
        name,
        reference.kind === 'Secret' ? decodeBase64(value) : value,
        `${reference.kind}/${reference.name}`,
      )
      origins.set(name, { kind: reference.kind, namespace: key.namespace, name: reference.name })
    }
  }
  for (const [name, value] of Object.entries(postBuild?.substitute ?? {})) {
    setVariable(variables, name, value, 'spec.postBuild.substitute')
    origins.delete(name)
  }
  return { values: variables, origins, versions }
}

interface ConfigObject {
  readonly metadata: { readonly uid?: string; readonly resourceVersion?: string }
  readonly data?: { readonly [key: string]: string }
}

function setVariable(variables: Map<string, string>, name: string, value: string, origin: string): void {
  if (!variableName.test(name)) {
    throw new EngineError(
      `${origin}: '${name}' is not a valid variable name; use letters, digits and underscores, not starting with a digit`,
      { code: 'substitute-bad-name', reason: 'BuildFailed', data: { name } },
    )
  }
  variables.set(name, value.replaceAll('\n', ''))
}

function decodeBase64(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(value), (char) => char.charCodeAt(0)))
}
