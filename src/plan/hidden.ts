import { isMap, type FieldStep } from '../resources/index.ts'

/** Groups whose schemas are known to hold secrets in a few places only; everything else is a custom resource. */
const builtInGroups: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
])

/** Whether the schemas of a group are known. */
export function isBuiltInGroup(group: string): boolean {
  return builtInGroups.has(group)
}

/** Fields of built-in kinds below which anybody may write anything. */
const freeFields: ReadonlySet<string> = new Set([
  'annotations',
  'binaryData',
  'data',
  'options',
  'parameters',
  'volumeAttributes',
])

/** Lists and maps of environment variables, by the names that kinds and charts give them. */
const environmentFields: ReadonlySet<string> = new Set([
  'env',
  'envVars',
  'environment',
  'environmentVariables',
  'extraEnv',
  'extraEnvVars',
  'httpHeaders',
])

const secretWords =
  /pass(?:word|wd|phrase|code)?$|pass(?:word|phrase)|secret|token|credential|api-?_?key|access-?_?key|private-?_?key|encryption-?_?key|signing-?_?key|auth(?!or)|dsn|connection-?_?string|connection-?_?ur[il]|cookie|bearer|salt|kubeconfig|htpasswd|dockerconfig|keystore|webhook-?_?ur[il]|last-applied-configuration/i
/** Fields that name a secret, or say something about one. */
const references =
  /(?:refs?|names?|class|seconds|type|kind|enabled|namespaces?|issuer|mode|method|policy)$|^(?:imagePullSecrets|secrets|automountServiceAccountToken|secretKeyRef|secretRef|existingSecret|authorization-mode)$/i

/**
 * Whether the value of a field is never shown, whoever wrote it: content of Secrets, environment variables, what kubectl keeps of an object in an annotation, and fields that are named as secrets are
 * where a kind lets anybody write anything. `steps` leads to a value; what is hidden is also everything below it.
 */
export function isHiddenField(
  type: { readonly group: string; readonly kind: string },
  steps: readonly FieldStep[],
): boolean {
  if (type.group === '' && type.kind === 'Secret') return isHiddenInSecret(steps)
  const isBuiltIn = builtInGroups.has(type.group)
  let isFree = !isBuiltIn
  for (const [index, step] of steps.entries()) {
    if (!('field' in step)) continue
    if (isFree && isSecretName(step.field)) return true
    if (isEnvironmentValue(steps, index)) return true
    if (freeFields.has(step.field)) isFree = true
  }
  return false
}

/** True for a name that says that a secret is behind it. */
export function isSecretName(name: string): boolean {
  return secretWords.test(name) && !references.test(name)
}

/** Of a Secret only its type and metadata are shown; annotations are as free as anywhere. */
function isHiddenInSecret(steps: readonly FieldStep[]): boolean {
  const [first, second, third] = steps.map((step) => ('field' in step ? step.field : ''))
  if (first === undefined) return false
  if (first === 'metadata') return second === 'annotations' && third !== undefined
  return !['apiVersion', 'kind', 'type', 'immutable'].includes(first)
}

/** `env[…].value`, and `env.NAME` where the variables are a map. */
function isEnvironmentValue(steps: readonly FieldStep[], index: number): boolean {
  const step = steps[index]
  if (step === undefined || !('field' in step)) return false
  const list = steps[index - 2]
  const item = steps[index - 1]
  if (step.field === 'value' && item !== undefined && 'item' in item && isMap(item.item) && 'name' in item.item)
    return list !== undefined && 'field' in list && /env|header/i.test(list.field)
  return item !== undefined && 'field' in item && environmentFields.has(item.field)
}
