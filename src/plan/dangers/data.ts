import { isMap, type KubeMap } from '../../resources/index.ts'
import { fieldAt } from '../immutable.ts'
import type { ObjectView } from '../object.ts'
import { joinShown, say, type Shown } from '../shown.ts'
import { forEach, forKinds, mapsAt, shownAt, shownName, textAt, textsAt, type Rule } from './rule.ts'
import { parseQuantity } from './quantity.ts'

const claims = '/PersistentVolumeClaim'
const volumes = '/PersistentVolume'
const sets = 'apps/StatefulSet'

const deleteData: Rule = forKinds([claims, volumes, sets], (view) => {
  if (view.action === 'replace') return [say`deletes ${view.label} and creates it again: its data may be lost`]
  if (view.action !== 'delete') return []
  if (view.kind !== 'StatefulSet') return [say`deletes ${view.label} with its data`]
  const isLost = textAt(view.before, 'spec', 'persistentVolumeClaimRetentionPolicy', 'whenDeleted') === 'Delete'
  return [
    isLost ? say`deletes ${view.label} and the volumes of its Pods` : say`deletes ${view.label}; its volumes stay`,
  ]
})

const immutableField: Rule = forEach((view) => {
  if (view.action !== 'replace' && view.action !== 'refuse' && view.immutable.length === 0) return []
  if (view.action === 'create' || view.action === 'delete') return []
  if (view.action === 'refuse' && view.input.refusal?.isImmutable !== true && view.immutable.length === 0) return []
  const paths = [...new Set(view.immutable.map(({ steps }) => view.redaction.path(steps)))].slice(0, 5)
  const fields = paths.length === 0 ? say`a field that cannot be changed` : joinShown(paths, ', ')
  return [
    view.action === 'replace'
      ? say`${view.label} is deleted and created again, because of ${fields}`
      : say`${view.label} cannot be changed in ${fields}; the apply is refused unless the object is recreated`,
  ]
})

function templatesOf(view: ObjectView, side: 'before' | 'after'): ReadonlyMap<string, KubeMap> {
  return new Map(
    mapsAt(view[side], 'spec', 'volumeClaimTemplates').map((one) => [textAt(one, 'metadata', 'name'), one]),
  )
}

const volumeClaimTemplates: Rule = forKinds([sets], (view) => {
  if (view.before === undefined || view.after === undefined) return []
  const [before, after] = [templatesOf(view, 'before'), templatesOf(view, 'after')]
  const facts = (one: KubeMap): string => {
    const modes = textsAt(one, 'spec', 'accessModes')
    // The server fills in what is not said.
    return JSON.stringify([
      textAt(one, 'spec', 'storageClassName'),
      modes,
      textAt(one, 'spec', 'resources', 'requests', 'storage'),
    ])
  }
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((name) => {
    const [was, is] = [before.get(name), after.get(name)]
    return was === undefined || is === undefined || facts(was) !== facts(is)
  })
  return changed.length === 0
    ? []
    : [
        say`changes the volume claims of ${view.label} (${joinShown(
          changed.map((name) => shownName(view, name, 'spec', 'volumeClaimTemplates')),
          ', ',
        )}): the set must be recreated, and its volumes stay as they are`,
      ]
})

const storageShrink: Rule = forKinds([claims, sets], (view) => {
  const storage = ['spec', 'resources', 'requests', 'storage'] as const
  const pairs: (readonly [KubeMap | undefined, KubeMap | undefined])[] =
    view.kind === 'StatefulSet'
      ? [...templatesOf(view, 'before')].map(([name, one]) => [one, templatesOf(view, 'after').get(name)])
      : [[view.before, view.after]]
  return pairs.flatMap(([before, after]): readonly Shown[] => {
    const [was, is] = [fieldAt(before, ...storage), fieldAt(after, ...storage)]
    const [from, to] = [parseQuantity(was), parseQuantity(is)]
    if (from === undefined || to === undefined || to >= from || was === undefined || is === undefined) return []
    return [
      say`${view.label} asks for ${shownAt(view, is, ...storage)} of storage instead of ${shownAt(view, was, ...storage)}; volumes cannot shrink`,
    ]
  })
})

const dataRetention: Rule = forKinds([volumes, sets, 'storage.k8s.io/StorageClass'], (view) => {
  const fields =
    view.kind === 'StatefulSet'
      ? ['whenDeleted', 'whenScaled'].map((field) => ['spec', 'persistentVolumeClaimRetentionPolicy', field])
      : view.kind === 'PersistentVolume'
        ? [['spec', 'persistentVolumeReclaimPolicy']]
        : [['reclaimPolicy']]
  return fields.flatMap((path) => {
    // Classes and volumes that are new take nobody's data; sets do not delete unless told to.
    const isNew = view.before === undefined && view.kind !== 'StatefulSet'
    if (isNew || textAt(view.after, ...path) !== 'Delete' || textAt(view.before, ...path) === 'Delete') return []
    return [
      say`${view.label}: ${view.redaction.path(path.map((field) => ({ field })))} becomes Delete: volumes go with what uses them`,
    ]
  })
})

const definitionRemoval: Rule = forKinds(['apiextensions.k8s.io/CustomResourceDefinition'], (view) =>
  view.action === 'delete' || view.action === 'replace'
    ? [say`deletes ${view.label}, and with it all objects of its kind in the cluster`]
    : [],
)

const definitionVersionRemoval: Rule = forKinds(['apiextensions.k8s.io/CustomResourceDefinition'], (view) => {
  if (view.before === undefined || view.after === undefined) return []
  const after = new Map(mapsAt(view.after, 'spec', 'versions').map((one) => [textAt(one, 'name'), one]))
  return mapsAt(view.before, 'spec', 'versions').flatMap((was): readonly Shown[] => {
    const name = textAt(was, 'name')
    const is = after.get(name)
    const version = shownName(view, name, 'spec', 'versions')
    if (is === undefined) return [say`${view.label} loses the version ${version}`]
    const lost: Shown[] = []
    if (was['served'] === true && is['served'] !== true)
      lost.push(say`${view.label} does not serve the version ${version} any more`)
    if (was['storage'] === true && is['storage'] !== true)
      lost.push(say`${view.label} does not store the version ${version} any more`)
    return lost
  })
})

const namespaceDeletion: Rule = forKinds(['/Namespace'], (view) =>
  view.action === 'delete' || view.action === 'replace' ? [say`deletes ${view.label} and everything in it`] : [],
)

/** Deletions from which on they are many. */
const manyDeletions = 10

const pruneMany: Rule = ({ objects }) => {
  const present = objects.filter(({ before }) => before !== undefined)
  const gone = objects.filter(({ action }) => action === 'delete')
  const isAll = gone.length >= 2 && gone.length === present.length
  if (gone.length < manyDeletions && !isAll) return []
  return [
    {
      message: isAll
        ? say`deletes all ${gone.length} objects of the application`
        : say`deletes ${gone.length} of ${present.length} objects`,
    },
  ]
}

const finalizerRemoval: Rule = forEach((view) => {
  if (view.before === undefined || view.after === undefined) return []
  const after = new Set(textsAt(view.after, 'metadata', 'finalizers'))
  const isOwned = isMap(view.before['metadata'])
  const gone = textsAt(view.before, 'metadata', 'finalizers').filter((one) => !after.has(one))
  // A rendering says nothing of finalizers that others have put on; only the server's answer, or base, does.
  const isKnown = view.input.result !== undefined || view.input.live === undefined
  if (!isOwned || !isKnown || gone.length === 0) return []
  const names = gone.map((one) => shownAt(view, one, 'metadata', 'finalizers', { item: one, index: 0 }))
  return [say`takes ${joinShown(names, ', ')} from ${view.label}: what the finalizer cleans up stays behind`]
})

export const dataRules = {
  'delete-data': deleteData,
  'immutable-field': immutableField,
  'volume-claim-templates': volumeClaimTemplates,
  'storage-shrink': storageShrink,
  'data-retention': dataRetention,
  'definition-removal': definitionRemoval,
  'definition-version-removal': definitionVersionRemoval,
  'namespace-deletion': namespaceDeletion,
  'prune-many': pruneMany,
  'finalizer-removal': finalizerRemoval,
}
