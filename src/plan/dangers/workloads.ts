import { formatObject, isMap, type FieldStep, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { containersOf, imageDifferences } from '../images.ts'
import { fieldAt } from '../immutable.ts'
import type { ObjectView } from '../object.ts'
import { showMessage, showName } from '../redact.ts'
import { joinShown, say, type Shown } from '../shown.ts'
import { forEach, forKinds, mapsAt, numberAt, shownAt, shownName, textAt, textsAt, type Rule } from './rule.ts'

const replicasZero: Rule = forEach((view) => {
  if (view.after === undefined || fieldAt(view.after, 'spec', 'replicas') === undefined) return []
  const after = numberAt(view.after, 'spec', 'replicas')
  // Without a number one replica runs; what is new had none.
  const before = view.before === undefined ? 0 : (numberAt(view.before, 'spec', 'replicas') ?? 1)
  return after === 0 && before > 0 ? [say`scales ${view.label} from ${before} to 0`] : []
})

const autoscalerZero: Rule = forKinds(['autoscaling/HorizontalPodAutoscaler', 'keda.sh/ScaledObject'], (view) => {
  const field = view.group === 'keda.sh' ? 'minReplicaCount' : 'minReplicas'
  if (numberAt(view.after, 'spec', field) !== 0) return []
  if (view.before !== undefined && numberAt(view.before, 'spec', field) === 0) return []
  return [say`${view.label} may scale to 0`]
})

/** Replicas of the workloads that a budget selects. */
function replicasBehind(view: ObjectView, cluster: readonly ObjectView[]): number | undefined {
  const wanted = fieldAt(view.after, 'spec', 'selector', 'matchLabels')
  if (!isMap(wanted) || Object.keys(wanted).length === 0) return undefined
  const found = cluster.flatMap((one) => {
    const labels = fieldAt(one.after, 'spec', 'template', 'metadata', 'labels')
    const isSelected =
      isMap(labels) &&
      one.namespace === view.namespace &&
      Object.entries(wanted).every(([key, value]) => labels[key] === value)
    return isSelected && ['Deployment', 'StatefulSet', 'ReplicaSet'].includes(one.kind)
      ? [numberAt(one.after, 'spec', 'replicas') ?? 1]
      : []
  })
  return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one, 0)
}

const disruptionBudget: Rule = forKinds(['policy/PodDisruptionBudget'], (view, { cluster }) => {
  const unavailable = fieldAt(view.after, 'spec', 'maxUnavailable')
  const available = fieldAt(view.after, 'spec', 'minAvailable')
  const replicas = replicasBehind(view, cluster)
  const least = typeof available === 'number' || typeof available === 'bigint' ? Number(available) : undefined
  const isBlocked = Number(unavailable ?? 1) === 0 || unavailable === '0%' || available === '100%'
  if (isBlocked) return [say`${view.label} allows no disruption`]
  if (least === undefined || replicas === undefined || replicas === 0 || least < replicas) return []
  return [say`${view.label} wants ${least} Pods available of ${replicas}: none may be disrupted`]
})

/** An image's parts; the tag of `host:5000/name` is none. */
function parseImage(image: string): { readonly tag: string; readonly digest: string } {
  const [reference = '', digest = ''] = image.split('@')
  const name = reference.slice(reference.lastIndexOf('/') + 1)
  return { tag: name.includes(':') ? name.slice(name.indexOf(':') + 1) : '', digest }
}

const imageFloating: Rule = forEach((view) => {
  if (view.after === undefined) return []
  return imageDifferences(view.before, view.after).flatMap(({ container, after }): readonly Shown[] => {
    if (after === undefined) return []
    const { tag, digest } = parseImage(after)
    if (digest !== '' || (tag !== '' && tag !== 'latest')) return []
    return [say`${view.label} runs ${showImage(view, container.steps, after)}, which is another image tomorrow`]
  })
})

const imageDigestLost: Rule = forEach((view) => {
  if (view.after === undefined) return []
  return imageDifferences(view.before, view.after).flatMap(({ container, before, after }): readonly Shown[] => {
    if (before === undefined || after === undefined) return []
    if (parseImage(before).digest === '' || parseImage(after).digest !== '') return []
    return [say`${view.label} runs ${showImage(view, container.steps, after)}, which was pinned by its digest`]
  })
})

function showImage(view: ObjectView, steps: readonly FieldStep[], image: string): Shown {
  return shownAt(view, image, ...steps, 'image')
}

/** Capabilities that are as good as being root on the node. */
const strongCapabilities: ReadonlySet<string> = new Set([
  'ALL',
  'SYS_ADMIN',
  'SYS_MODULE',
  'SYS_PTRACE',
  'NET_ADMIN',
  'SYS_RAWIO',
  'BPF',
  'DAC_READ_SEARCH',
])

function privilegesOf(container: KubeMap): readonly string[] {
  const context = fieldAt(container, 'securityContext')
  if (!isMap(context)) return []
  const capabilities = textsAt(context, 'capabilities', 'add')
    .map((one) => one.replace(/^CAP_/, ''))
    .filter((one) => strongCapabilities.has(one))
  return [...(context['privileged'] === true ? ['privileged'] : []), ...capabilities]
}

const privileged: Rule = forEach((view) => {
  const before = new Map(containersOf(view.before).map((one) => [one.key, privilegesOf(one.value)]))
  return containersOf(view.after).flatMap((container): readonly Shown[] => {
    const had = before.get(container.key) ?? []
    const added = privilegesOf(container.value).filter((one) => !had.includes(one))
    if (added.length === 0) return []
    const name = view.redaction.hasHidden(container.steps) ? say`(hidden)` : showName(container.name)
    // Only words of the list above.
    return [say`${view.label}: the container ${name} gets ${joinShown(added.map(showName), ', ')}`]
  })
})

/** The Pod specs of an object: what has a list of containers. */
function podSpecsOf(object: KubeObject | undefined): ReadonlyMap<string, KubeMap> {
  const specs = new Map<string, KubeMap>()
  for (const { steps, key } of containersOf(object)) {
    let value: KubeObject[string] | undefined = object
    for (const step of steps.slice(0, -2)) {
      if ('field' in step) value = isMap(value) ? value[step.field] : undefined
      else value = Array.isArray(value) ? value[step.index] : undefined
    }
    if (isMap(value)) specs.set(key.slice(0, key.lastIndexOf('.')), value)
  }
  return specs
}

function hostAccessOf(spec: KubeMap | undefined): readonly string[] {
  if (spec === undefined) return []
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true)
  return [
    ...shared,
    ...mapsAt(spec, 'volumes').flatMap((volume) =>
      isMap(volume['hostPath']) ? [`hostPath ${textAt(volume, 'hostPath', 'path')}`] : [],
    ),
  ]
}

const hostAccess: Rule = forEach((view) => {
  const before = podSpecsOf(view.before)
  return [...podSpecsOf(view.after)].flatMap(([key, spec]): readonly Shown[] => {
    const had = hostAccessOf(before.get(key))
    const added = hostAccessOf(spec).filter((one) => !had.includes(one))
    if (added.length === 0) return []
    return [
      say`${view.label} gets ${joinShown(
        added.map((one) => shownName(view, one, 'spec')),
        ', ',
      )} of its node`,
    ]
  })
})

const suspendedParent: Rule = ({ application }) =>
  (application.suspendedParents ?? []).map((parent) => ({
    message: say`${dependencyLabel(parent)} is suspended; the change arrives when it is resumed`,
  }))

const dependencyNeverReady: Rule = ({ application }) =>
  (application.deadDependencies ?? []).map((dependency) => {
    const why =
      dependency.why === undefined
        ? say`can never be ready`
        : showMessage(dependency.why, { isSecret: false, hasSecrets: application.hasSecrets })
    return { message: say`depends on ${dependencyLabel(dependency)}, which ${why}` }
  })

function dependencyLabel({
  kind,
  namespace,
  name,
}: {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}): Shown {
  return showName(formatObject({ kind, namespace, name }))
}

export const workloadRules = {
  'replicas-zero': replicasZero,
  'autoscaler-zero': autoscalerZero,
  'disruption-budget': disruptionBudget,
  'image-floating': imageFloating,
  'image-digest-lost': imageDigestLost,
  privileged,
  'host-access': hostAccess,
  'suspended-parent': suspendedParent,
  'dependency-never-ready': dependencyNeverReady,
}
