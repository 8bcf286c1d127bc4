import type { KubeMap } from '../resources/index.ts'
import type { FieldSpec } from './config/field-spec.ts'

/** Selects objects; name, namespace and the parts of the kind are anchored regular expressions. */
export interface Selector {
  readonly group?: string
  readonly version?: string
  readonly kind?: string
  readonly name?: string
  readonly namespace?: string
  readonly labelSelector?: string
  readonly annotationSelector?: string
}

export interface PatchEntry {
  readonly path?: string
  readonly patch?: string
  readonly target?: Selector
  readonly options?: { readonly allowNameChange?: boolean; readonly allowKindChange?: boolean }
}

export interface LabelEntry {
  readonly pairs?: { readonly [key: string]: string }
  readonly includeSelectors?: boolean
  readonly includeTemplates?: boolean
  readonly fields?: readonly FieldSpec[]
}

export interface ImageEntry {
  readonly name?: string
  readonly newName?: string
  readonly tagSuffix?: string
  readonly newTag?: string
  readonly digest?: string
}

export interface ReplicaEntry {
  readonly name?: string
  readonly count?: number | bigint
}

export interface GeneratorOptions {
  readonly labels?: { readonly [key: string]: string }
  readonly annotations?: { readonly [key: string]: string }
  readonly disableNameSuffixHash?: boolean
  readonly immutable?: boolean
}

export interface GeneratorEntry {
  readonly name?: string
  readonly namespace?: string
  readonly behavior?: string
  readonly literals?: readonly string[]
  readonly files?: readonly string[]
  readonly envs?: readonly string[]
  readonly env?: string
  readonly options?: GeneratorOptions
  /** Secrets only. */
  readonly type?: string
}

export interface FieldOptions {
  readonly delimiter?: string
  readonly index?: number
  readonly encoding?: string
  readonly create?: boolean
}

export interface ReplacementEntry {
  readonly source?: Omit<Selector, 'labelSelector' | 'annotationSelector'> & {
    readonly fieldPath?: string
    readonly options?: FieldOptions
  }
  readonly sourceValue?: string
  readonly targets?: readonly {
    readonly select?: Selector
    readonly reject?: readonly Selector[]
    readonly fieldPaths?: readonly string[]
    readonly options?: FieldOptions
  }[]
  readonly path?: string
}

export interface VarEntry {
  readonly name: string
  readonly objref?: {
    readonly apiVersion?: string
    readonly group?: string
    readonly version?: string
    readonly kind?: string
    readonly name?: string
    readonly namespace?: string
  }
  readonly fieldref?: { readonly fieldPath?: string }
}

export interface SortOptions {
  readonly order?: string
  readonly legacySortOptions?: { readonly orderFirst?: readonly string[]; readonly orderLast?: readonly string[] }
}

export interface HelmGlobals {
  readonly chartHome?: string
  readonly configHome?: string
}

export interface HelmChartEntry {
  readonly name?: string
  readonly version?: string
  readonly repo?: string
  readonly releaseName?: string
  readonly namespace?: string
  readonly additionalValuesFiles?: readonly string[]
  readonly valuesFile?: string
  readonly valuesInline?: KubeMap
  readonly valuesMerge?: string
  readonly includeCRDs?: boolean
  readonly skipHooks?: boolean
  readonly apiVersions?: readonly string[]
  readonly kubeVersion?: string
  readonly nameTemplate?: string
  readonly skipTests?: boolean
}

/** A kustomization file as the build uses it: deprecated fields are folded into their successors. */
export interface Kustomization {
  readonly kind: 'Kustomization' | 'Component'
  readonly openapi: { readonly version?: string; readonly path?: string }
  readonly namePrefix: string
  readonly nameSuffix: string
  readonly namespace: string
  readonly commonLabels: { readonly [key: string]: string }
  readonly labels: readonly LabelEntry[]
  readonly commonAnnotations: { readonly [key: string]: string }
  readonly patchesStrategicMerge: readonly string[]
  readonly patchesJson6902: readonly PatchEntry[]
  readonly patches: readonly PatchEntry[]
  readonly images: readonly ImageEntry[]
  readonly replacements: readonly ReplacementEntry[]
  readonly replicas: readonly ReplicaEntry[]
  readonly vars: readonly VarEntry[]
  readonly sortOptions: SortOptions | undefined
  readonly resources: readonly string[]
  readonly components: readonly string[]
  readonly crds: readonly string[]
  readonly configMapGenerator: readonly GeneratorEntry[]
  readonly secretGenerator: readonly GeneratorEntry[]
  readonly helmGlobals: HelmGlobals
  readonly helmCharts: readonly HelmChartEntry[]
  readonly generatorOptions: GeneratorOptions | undefined
  readonly configurations: readonly string[]
  readonly generators: readonly string[]
  readonly transformers: readonly string[]
  readonly validators: readonly string[]
  readonly buildMetadata: readonly string[]
}
