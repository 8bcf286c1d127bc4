import { annotations, labels } from '../../api/index.ts'
import { raw, type DigestApplication } from '../../plan/index.ts'
import { gvkOf, isMap, scalarText, type KubeMap, type KubeObject } from '../../resources/index.ts'
import type { Workload } from '../world.ts'

/** What somebody who renders an application has at hand before anything is applied: a plan at its head commit, and a run. */
export interface DesiredState {
  /** The objects of the build, or of the release's manifest; definitions in `crds/` of a chart may be among them or not. */
  readonly objects: readonly KubeObject[]
  /** Digests of what was fetched, by what it is: `source`, `chart`. */
  readonly artifacts: { readonly [name: string]: string }
}

/**
 * The parts of an approval that follow from a rendering alone: the same for a plan and for the run after the merge, where both make the same of it.
 *
 * Left out is what depends on who asks, and on commits that change nothing here. Owner labels and Helm's ownership are put on by whoever applies. The files of a Git source are not an
 * artifact: everything that they make is among the objects, and their digest would be another one after every merge of something else. What comes from
 * elsewhere (a chart, an artifact of a registry) counts by its digest. Definitions of a chart count as a part of it.
 */
export function desiredOf(
  object: Workload,
  { objects, artifacts }: DesiredState,
): Pick<DigestApplication, 'desired' | 'artifacts'> {
  const isRelease = object.kind === 'HelmRelease'
  const isFromGit = !isRelease && object.spec.sourceRef.kind === 'GitRepository'
  return {
    desired: objects.filter((one) => !isRelease || !isDefinition(one)).map((one) => raw(withoutOwner(one))),
    artifacts: Object.fromEntries(
      Object.entries(artifacts).filter(([name]) => name !== 'source' || !(isFromGit || isRelease)),
    ),
  }
}

function isDefinition(object: KubeObject): boolean {
  const { group, kind } = gvkOf(object)
  return group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition'
}

const ownerLabels = [labels.kustomizeName, labels.kustomizeNamespace, labels.helmName, labels.helmNamespace]
const ownerAnnotations = [annotations.helmReleaseName, annotations.helmReleaseNamespace]

function withoutOwner(object: KubeObject): KubeObject {
  if (!isMap(object['metadata'])) return object
  const { labels: ownLabels, annotations: ownAnnotations, ...metadata } = object['metadata']
  const left = isMap(ownLabels) ? without(ownLabels, ownerLabels) : {}
  // Helm puts it on whatever it applies, also where the chart does not.
  if (scalarText(left[labels.managedBy]) === 'Helm') delete left[labels.managedBy]
  const notes = isMap(ownAnnotations) ? without(ownAnnotations, ownerAnnotations) : {}
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(Object.keys(left).length === 0 ? {} : { labels: left }),
      ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }),
    },
  }
}

function without(map: KubeMap, keys: readonly string[]): KubeMap {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)))
}
