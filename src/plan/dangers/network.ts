import { isMap, type KubeMap, type KubeObject, type KubeValue } from '../../resources/index.ts'
import { fieldAt } from '../immutable.ts'
import type { ObjectView } from '../object.ts'
import { joinShown, say, type Shown } from '../shown.ts'
import { forKinds, listAt, mapsAt, shownAt, shownName, textAt, textsAt, type Finding, type Rule } from './rule.ts'

const serviceType: Rule = forKinds(['/Service'], (view) => {
  if (view.before === undefined || view.after === undefined) return []
  const [was, is] = [
    textAt(view.before, 'spec', 'type') || 'ClusterIP',
    textAt(view.after, 'spec', 'type') || 'ClusterIP',
  ]
  return was === is
    ? []
    : [say`${view.label} becomes ${shownAt(view, is, 'spec', 'type')} instead of ${shownAt(view, was, 'spec', 'type')}`]
})

const serviceSelector: Rule = forKinds(['/Service'], (view) => {
  if (view.before === undefined || view.after === undefined) return []
  const sorted = (object: KubeObject): string => {
    const selector = fieldAt(object, 'spec', 'selector')
    return JSON.stringify(Object.entries(isMap(selector) ? selector : {}).sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  return sorted(view.before) === sorted(view.after) ? [] : [say`${view.label} selects other Pods`]
})

function hostsOf(object: KubeObject | undefined): readonly string[] {
  return [
    ...textsAt(object, 'spec', 'hostnames'),
    ...mapsAt(object, 'spec', 'rules').map((rule) => textAt(rule, 'host')),
  ].filter((host) => host !== '')
}

const routes: readonly string[] = [
  'networking.k8s.io/Ingress',
  ...['HTTPRoute', 'GRPCRoute', 'TLSRoute'].map((kind) => `gateway.networking.k8s.io/${kind}`),
]

const hostRemoval: Rule = forKinds(routes, (view, { cluster }) => {
  // A host that another one serves from then on is no loss.
  const served = new Set(
    cluster.filter((one) => routes.includes(`${one.group}/${one.kind}`)).flatMap((one) => hostsOf(one.after)),
  )
  const gone = [...new Set(hostsOf(view.before))].filter((host) => !served.has(host))
  return gone.length === 0
    ? []
    : [
        say`${view.label}: ${joinShown(
          gone.map((host) => shownName(view, host, 'spec')),
          ', ',
        )} is not served any more`,
      ]
})

/** Names of Secrets and ConfigMaps that an object uses: volumes, environments, pull secrets, certificates of Ingresses, values of our own objects. */
function usedNames(object: KubeObject | undefined, kind: 'Secret' | 'ConfigMap'): ReadonlySet<string> {
  const found = new Set<string>()
  const add = (value: KubeValue | undefined): void => {
    if (typeof value === 'string') found.add(value)
  }
  const fields =
    kind === 'Secret' ? ['secret', 'secretRef', 'secretKeyRef'] : ['configMap', 'configMapRef', 'configMapKeyRef']
  const visit = (value: KubeValue | undefined, depth: number): void => {
    if (depth > 30) return
    if (Array.isArray(value)) for (const item of value) visit(item, depth + 1)
    if (!isMap(value)) return
    for (const [field, one] of Object.entries(value)) {
      if (fields.includes(field) && isMap(one) && one['optional'] !== true)
        [one['name'], one['secretName']].forEach(add)
      if (kind === 'Secret' && field === 'secretName') add(one)
      if (kind === 'Secret' && field === 'imagePullSecrets')
        listAt({ one }, 'one').forEach((item) => add(isMap(item) ? item['name'] : item))
      if (['valuesFrom', 'substituteFrom'].includes(field)) valuesOf({ one }, kind).forEach(add)
      visit(one, depth + 1)
    }
  }
  visit(fieldAt(object, 'spec') ?? object, 0)
  if (kind === 'Secret') mapsAt(object, 'secrets').forEach((one) => add(one['name']))
  if (kind === 'Secret') mapsAt(object, 'imagePullSecrets').forEach((one) => add(one['name']))
  return found
}

function valuesOf(held: { one: KubeValue }, kind: string): readonly (KubeValue | undefined)[] {
  return mapsAt(held, 'one')
    .filter((item: KubeMap) => item['kind'] === kind && item['optional'] !== true)
    .map((item) => item['name'])
}

const referenceRemoval: Rule = ({ objects, cluster }) =>
  objects
    .filter(
      ({ group, kind, action }) => group === '' && (kind === 'Secret' || kind === 'ConfigMap') && action === 'delete',
    )
    .flatMap((view): readonly Finding[] => {
      const users = cluster.filter(
        (one) =>
          one.namespace === view.namespace &&
          one.after !== undefined &&
          usedNames(one.after, view.kind as 'Secret' | 'ConfigMap').has(view.name),
      )
      const more = users.length - 3
      if (users.length === 0) return []
      const list = joinShown(
        users.slice(0, 3).map(({ label }: ObjectView): Shown => label),
        ', ',
      )
      return [
        {
          object: view,
          message: say`deletes ${view.label}, which is used by ${more > 0 ? say`${list} and ${more} more` : list}`,
        },
      ]
    })

const failClosed: Rule = forKinds(
  ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'].map(
    (kind) => `admissionregistration.k8s.io/${kind}`,
  ),
  (view) => {
    const policyOf = (webhook: KubeMap): string => textAt(webhook, 'failurePolicy') || 'Fail'
    const before = new Map(mapsAt(view.before, 'webhooks').map((one) => [textAt(one, 'name'), policyOf(one)]))
    const closed = mapsAt(view.after, 'webhooks').filter(
      (one) => policyOf(one) === 'Fail' && before.get(textAt(one, 'name')) !== 'Fail',
    )
    if (closed.length === 0) return []
    const names = closed.slice(0, 5).map((one) => shownName(view, textAt(one, 'name'), 'webhooks'))
    return [say`${view.label} refuses requests while its webhooks do not answer: ${joinShown(names, ', ')}`]
  },
)

export const networkRules = {
  'service-type': serviceType,
  'service-selector': serviceSelector,
  'host-removal': hostRemoval,
  'reference-removal': referenceRemoval,
  'webhook-fail-closed': failClosed,
}
