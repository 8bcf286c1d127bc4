import { COMMON_ANNOTATIONS, COMMON_LABELS, IMAGES, NAMESPACE, REPLICAS, TEMPLATE_LABELS } from './default-fields.ts'
import { NAME_REFERENCES } from './default-name-references.ts'
import { VAR_REFERENCES } from './default-var-references.ts'
import { type FieldSpec, mergeFieldSpecs, mergeNameReferences, type NameReference, sortByKind } from './field-spec.ts'

/** Which fields each built-in transformer works on. Values of this type are never changed. */
export interface TransformerConfig {
  readonly namePrefix: readonly FieldSpec[]
  readonly nameSuffix: readonly FieldSpec[]
  readonly namespace: readonly FieldSpec[]
  readonly commonLabels: readonly FieldSpec[]
  readonly labels: readonly FieldSpec[]
  readonly templateLabels: readonly FieldSpec[]
  readonly commonAnnotations: readonly FieldSpec[]
  readonly nameReference: readonly NameReference[]
  readonly varReference: readonly FieldSpec[]
  readonly images: readonly FieldSpec[]
  readonly replicas: readonly FieldSpec[]
}

/** No fields at all. */
export const emptyConfig: TransformerConfig = {
  namePrefix: [],
  nameSuffix: [],
  namespace: [],
  commonLabels: [],
  labels: [],
  templateLabels: [],
  commonAnnotations: [],
  nameReference: [],
  varReference: [],
  images: [],
  replicas: [],
}

const NAME: readonly FieldSpec[] = [{ path: 'metadata/name' }]

/** The built-in fields of kustomize v5.8.1. */
export const defaultConfig: TransformerConfig = sortConfig({
  namePrefix: NAME,
  nameSuffix: NAME,
  namespace: NAMESPACE,
  commonLabels: COMMON_LABELS,
  labels: [],
  templateLabels: TEMPLATE_LABELS,
  commonAnnotations: COMMON_ANNOTATIONS,
  nameReference: NAME_REFERENCES,
  varReference: VAR_REFERENCES,
  images: IMAGES,
  replicas: REPLICAS,
})

/** Adds the fields of `incoming`. Throws EngineError `field-spec-conflict` where both disagree about `create`. */
export function mergeConfigs(config: TransformerConfig, incoming: TransformerConfig): TransformerConfig {
  if (config === incoming || incoming === emptyConfig) return config
  // Merging into nothing is no copy: a spec for all kinds is left out behind one for some. The built-in fields have none of these.
  if (config === emptyConfig && incoming === defaultConfig) return incoming
  return sortConfig({
    namePrefix: mergeFieldSpecs(config.namePrefix, incoming.namePrefix),
    nameSuffix: mergeFieldSpecs(config.nameSuffix, incoming.nameSuffix),
    namespace: mergeFieldSpecs(config.namespace, incoming.namespace),
    commonLabels: mergeFieldSpecs(config.commonLabels, incoming.commonLabels),
    labels: mergeFieldSpecs(config.labels, incoming.labels),
    templateLabels: mergeFieldSpecs(config.templateLabels, incoming.templateLabels),
    commonAnnotations: mergeFieldSpecs(config.commonAnnotations, incoming.commonAnnotations),
    nameReference: mergeNameReferences(config.nameReference, incoming.nameReference),
    varReference: mergeFieldSpecs(config.varReference, incoming.varReference),
    images: mergeFieldSpecs(config.images, incoming.images),
    replicas: mergeFieldSpecs(config.replicas, incoming.replicas),
  })
}

/** A configuration in the order in which its fields are worked on. */
export function sortConfig(config: TransformerConfig): TransformerConfig {
  return {
    namePrefix: sortByKind(config.namePrefix),
    nameSuffix: sortByKind(config.nameSuffix),
    namespace: sortByKind(config.namespace),
    commonLabels: sortByKind(config.commonLabels),
    labels: sortByKind(config.labels),
    templateLabels: sortByKind(config.templateLabels),
    commonAnnotations: sortByKind(config.commonAnnotations),
    nameReference: sortByKind(config.nameReference),
    varReference: sortByKind(config.varReference),
    images: sortByKind(config.images),
    replicas: sortByKind(config.replicas),
  }
}
