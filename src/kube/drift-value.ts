import { isMap, type FieldStep, type KubeValue } from '../resources/index.ts'

/** Fields whose text says what runs and where, and is nobody's secret. */
const openFields: ReadonlySet<string> = new Set([
  'apiVersion',
  'clusterIP',
  'host',
  'image',
  'imagePullPolicy',
  'kind',
  'name',
  'namespace',
  'path',
  'pathType',
  'protocol',
  'restartPolicy',
  'schedule',
  'serviceAccountName',
  'storageClassName',
  'targetPort',
  'type',
])

/** Characters of a value that are shown. */
const maxLength = 200

/**
 * A value as records, events and pages may show it: numbers, yes and no, labels, and the text of fields that hold no secrets. Of everything else its kind and length, since any text
 * of an object may be somebody's password. Not for Secrets, of which nothing is shown.
 */
export function describeDriftValue(steps: readonly FieldStep[], value: KubeValue): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') {
    const text = JSON.stringify(value.length > maxLength ? `${value.slice(0, maxLength)}…` : value)
    return isOpen(steps) ? text : `a text of ${value.length} characters`
  }
  if (Array.isArray(value)) return `a list of ${value.length}`
  return isMap(value) ? `a map of ${Object.keys(value).length}` : 'a value'
}

function isOpen(steps: readonly FieldStep[]): boolean {
  const fields = steps.map((step) => ('field' in step ? step.field : ''))
  if (fields[0] === 'metadata' && fields[1] === 'labels') return true
  // The name of a variable beside its value, and a field of free content, are not what these names stand for.
  if (fields[0] === 'data' || fields[0] === 'stringData' || fields.includes('annotations')) return false
  return openFields.has(fields.at(-1) ?? '')
}
