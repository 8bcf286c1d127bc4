import type { Shape } from './decode.ts'

const TEXTS: Shape = { list: 'text' }
const GVK = { group: 'text', version: 'text', kind: 'text' } as const satisfies { [name: string]: Shape }
const ID = { ...GVK, name: 'text', namespace: 'text' } as const satisfies { [name: string]: Shape }

export const FIELD_SPEC: Shape = { fields: { path: 'text', create: 'flag' }, embedded: GVK, zero: { path: '' } }
export const SELECTOR: Shape = {
  fields: { annotationSelector: 'text', labelSelector: 'text' },
  embedded: ID,
}
const OBJECT_META: Shape = { fields: { name: 'text', namespace: 'text', labels: 'texts', annotations: 'texts' } }
const GENERATOR_OPTIONS: Shape = {
  fields: { labels: 'texts', annotations: 'texts', disableNameSuffixHash: 'flag', immutable: 'flag' },
}
const GENERATOR = {
  namespace: 'text',
  name: 'text',
  behavior: 'text',
  literals: TEXTS,
  files: TEXTS,
  envs: TEXTS,
  env: 'text',
  options: GENERATOR_OPTIONS,
} as const satisfies { [name: string]: Shape }
const PATCH_OPTIONS: Shape = { fields: { allowNameChange: 'flag', allowKindChange: 'flag' } }
const PATCH = { path: 'text', patch: 'text', target: SELECTOR, options: PATCH_OPTIONS } as const satisfies {
  [name: string]: Shape
}
const IMAGE: Shape = { fields: { name: 'text', newName: 'text', tagSuffix: 'text', newTag: 'text', digest: 'text' } }
const REPLICA: Shape = { fields: { name: 'text', count: 'integer' } }
const FIELD_OPTIONS: Shape = { fields: { delimiter: 'text', index: 'integer', encoding: 'text', create: 'flag' } }
const REPLACEMENT = {
  source: { fields: { fieldPath: 'text', options: FIELD_OPTIONS }, embedded: ID },
  targets: {
    list: { fields: { select: SELECTOR, reject: { list: SELECTOR }, fieldPaths: TEXTS, options: FIELD_OPTIONS } },
  },
  sourceValue: 'text',
} as const satisfies { [name: string]: Shape }
export const REPLACEMENTS: Shape = { list: { fields: REPLACEMENT } }
export const REPLACEMENT_ENTRY: Shape = { fields: REPLACEMENT }
const HELM_GLOBALS = { chartHome: 'text', configHome: 'text' } as const satisfies { [name: string]: Shape }
const HELM_CHART = {
  name: 'text',
  version: 'text',
  repo: 'text',
  releaseName: 'text',
  namespace: 'text',
  additionalValuesFiles: TEXTS,
  valuesFile: 'text',
  valuesInline: 'any',
  valuesMerge: 'text',
  includeCRDs: 'flag',
  skipHooks: 'flag',
  apiVersions: TEXTS,
  kubeVersion: 'text',
  nameTemplate: 'text',
  skipTests: 'flag',
  debug: 'flag',
  devel: 'flag',
} as const satisfies { [name: string]: Shape }
const HELM_CHART_OLD: Shape = {
  fields: {
    chartName: 'text',
    chartVersion: 'text',
    chartRepoUrl: 'text',
    chartHome: 'text',
    chartRepoName: 'text',
    helmBin: 'text',
    helmHome: 'text',
    values: 'text',
    valuesLocal: 'any',
    valuesMerge: 'text',
    releaseName: 'text',
    releaseNamespace: 'text',
    extraArgs: TEXTS,
  },
}
const SPECS: Shape = { list: FIELD_SPEC }
const NAME_REFERENCES: Shape = { list: { fields: { fieldSpecs: SPECS }, embedded: GVK } }

/** A kustomization file (api/types, Kustomization). */
export const KUSTOMIZATION: Shape = {
  fields: {
    kind: 'text',
    apiVersion: 'text',
    metadata: OBJECT_META,
    openapi: 'texts',
    namePrefix: 'text',
    nameSuffix: 'text',
    namespace: 'text',
    commonLabels: 'texts',
    labels: { list: { fields: { pairs: 'texts', includeSelectors: 'flag', includeTemplates: 'flag', fields: SPECS } } },
    commonAnnotations: 'texts',
    patchesStrategicMerge: TEXTS,
    patchesJson6902: { list: { fields: PATCH } },
    patches: { list: { fields: PATCH } },
    images: { list: IMAGE },
    imageTags: { list: IMAGE },
    replacements: { list: { fields: { ...REPLACEMENT, path: 'text' } } },
    replicas: { list: REPLICA },
    vars: {
      list: {
        fields: {
          name: 'text',
          objref: { fields: { apiVersion: 'text', ...ID } },
          fieldref: { fields: { fieldPath: 'text' } },
        },
      },
    },
    sortOptions: {
      fields: { order: 'text', legacySortOptions: { fields: { orderFirst: TEXTS, orderLast: TEXTS } } },
    },
    resources: TEXTS,
    components: TEXTS,
    crds: TEXTS,
    bases: TEXTS,
    configMapGenerator: { list: { fields: GENERATOR } },
    secretGenerator: { list: { fields: { ...GENERATOR, type: 'text' } } },
    helmGlobals: { fields: HELM_GLOBALS },
    helmCharts: { list: { fields: HELM_CHART } },
    helmChartInflationGenerator: { list: HELM_CHART_OLD },
    generatorOptions: GENERATOR_OPTIONS,
    configurations: TEXTS,
    generators: TEXTS,
    transformers: TEXTS,
    validators: TEXTS,
    buildMetadata: TEXTS,
  },
}

/** A file of `configurations` (builtinconfig, TransformerConfig). */
export const TRANSFORMER_CONFIG: Shape = {
  fields: {
    namePrefix: SPECS,
    nameSuffix: SPECS,
    namespace: SPECS,
    commonLabels: SPECS,
    labels: SPECS,
    templateLabels: SPECS,
    commonAnnotations: SPECS,
    nameReference: NAME_REFERENCES,
    varReference: SPECS,
    images: SPECS,
    replicas: SPECS,
  },
}

/** Built-in plugins as objects: what each reads besides apiVersion, kind and metadata. */
export const PLUGINS = {
  AnnotationsTransformer: { fields: { annotations: 'texts', fieldSpecs: SPECS } },
  LabelTransformer: { fields: { labels: 'texts', fieldSpecs: SPECS } },
  NamespaceTransformer: {
    fields: { metadata: OBJECT_META, fieldSpecs: SPECS, unsetOnly: 'flag', setRoleBindingSubjects: 'text' },
  },
  PrefixTransformer: { fields: { prefix: 'text', fieldSpecs: SPECS } },
  SuffixTransformer: { fields: { suffix: 'text', fieldSpecs: SPECS } },
  PrefixSuffixTransformer: { fields: { prefix: 'text', suffix: 'text', fieldSpecs: SPECS } },
  ImageTagTransformer: { fields: { imageTag: IMAGE, fieldSpecs: SPECS } },
  ReplicaCountTransformer: { fields: { replica: REPLICA, fieldSpecs: SPECS } },
  PatchTransformer: { fields: PATCH },
  PatchStrategicMergeTransformer: { fields: { paths: TEXTS, patches: 'text' } },
  PatchJson6902Transformer: { fields: { target: SELECTOR, path: 'text', jsonOp: 'text' } },
  ReplacementTransformer: { fields: { replacements: { list: { fields: { ...REPLACEMENT, path: 'text' } } } } },
  ValueAddTransformer: {
    fields: {
      value: 'text',
      targets: { list: { fields: { selector: SELECTOR, fieldPath: 'text', filePathPosition: 'integer' } } },
      targetFilePath: 'text',
    },
  },
  HashTransformer: { fields: {} },
  ConfigMapGenerator: { fields: { metadata: OBJECT_META }, embedded: GENERATOR },
  SecretGenerator: { fields: { metadata: OBJECT_META, type: 'text' }, embedded: GENERATOR },
  HelmChartInflationGenerator: { fields: {}, embedded: { ...HELM_GLOBALS, ...HELM_CHART } },
  IAMPolicyGenerator: {
    fields: {},
    embedded: {
      cloud: 'text',
      kubernetesService: { fields: { name: 'text', namespace: 'text' } },
      serviceAccount: { fields: { name: 'text', projectId: 'text' } },
    },
  },
} as const satisfies { [kind: string]: Shape }

/** Kinds of built-in plugins. */
export type PluginKind = keyof typeof PLUGINS
