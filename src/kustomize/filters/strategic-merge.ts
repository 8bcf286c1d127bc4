import { noteSourceText, sourceText, strategicMerge } from '../../resources/index.ts'
import { touchesBuildAnnotations, withBuildAnnotations } from '../build-annotations.ts'
import { findingsOf, problems } from '../problems.ts'
import type { Resource } from '../resource.ts'
import { resolvePlain } from '../scalar.ts'

/** What a patch may change besides the content of its target. */
export interface ChangePermissions {
  readonly name: boolean
  readonly kind: boolean
}

/**
 * Merges `patch` into `target`. Kind, name and namespace of the target stay, unless a change is permitted (api/resource, ApplySmPatch). A
 * target that the patch deletes is left empty.
 */
export function applyStrategicMerge(target: Resource, patch: Resource, permissions: ChangePermissions): void {
  if (touchesBuildAnnotations(patch.object)) withBuildAnnotations([target], () => merge(target, patch, permissions))
  else merge(target, patch, permissions)
}

function merge(target: Resource, patch: Resource, permissions: ChangePermissions): void {
  const { name, namespace, object } = target
  // What kustomize writes back is the text, without a tag that it may have had.
  const kind = object['kind'] === undefined ? undefined : resolvePlain(sourceText(object, 'kind'))
  if (permissions.name || permissions.kind) target.rememberId()
  let merged
  try {
    merged = strategicMerge(object, patch.object, { schema: target.schema, newElements: 'prepend' })
  } catch (error) {
    throw problems(findingsOf(error, { object: target.describe(), ...patch.place }))
  }
  // compat(kustomize): it merges in place, so the new root that `$patch: replace` at the top makes is lost, and nothing changes.
  if (merged === undefined || Object.keys(object).length === 0) {
    target.object = {}
    return
  }
  target.hasFaults ||= patch.hasFaults
  if (!permissions.kind && kind !== undefined) object['kind'] = kind
  if (!permissions.name) target.setName(name)
  target.setNamespace(namespace)
  if (patch.lacksVersion) {
    object['apiVersion'] = null
    noteSourceText(object, 'apiVersion', '')
  }
}

/**
 * The patch as it is applied to a selected target: it takes the target's apiVersion, and its labels and annotations count as texts (which
 * is why null does not remove a label here: kustomize writes the text of the null).
 */
export function preparePatch(patch: Resource, target: Resource): Resource {
  const result = patch.copy()
  result.setTexts('labels', patch.texts('labels'))
  result.setTexts('annotations', patch.texts('annotations'))
  result.setNamespace(patch.namespace)
  if (target.object['apiVersion'] !== undefined)
    result.object['apiVersion'] = resolvePlain(sourceText(target.object, 'apiVersion'))
  else {
    // kustomize writes the missing version of the target as nothing into the patch, which then stays.
    delete result.object['apiVersion']
    result.lacksVersion = true
  }
  return result
}
