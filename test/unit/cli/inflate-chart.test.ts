import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inflateChart } from '../../../src/cli/inflate-chart.ts'
import { isEngineError } from '../../../src/base/index.ts'
import { MemoryTree } from '../../../src/files/index.ts'
import { build } from '../../../src/kustomize/index.ts'
import { printYaml } from '../../../src/yaml/index.ts'

const FILES = {
  'charts/app/Chart.yaml': `apiVersion: v2
name: app
version: 1.2.3
appVersion: "9"
`,
  'charts/app/values.yaml': `a: chart
b: {x: 1, y: 2}
`,
  'charts/app/templates/cm.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-conf
  namespace: {{ .Release.Namespace }}
  labels: {chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"}
data:
  a: {{ .Values.a | quote }}
  b: {{ toJson .Values.b | quote }}
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  has: {{ .Capabilities.APIVersions.Has "example.com/v9" | quote }}
`,
  'charts/app/templates/hook.yaml': `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {"helm.sh/hook": pre-install}
spec: {containers: [{name: c, image: i}]}
`,
  'charts/app/templates/test.yaml': `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {"helm.sh/hook": test}
spec: {containers: [{name: c, image: i}]}
`,
  'charts/app/crds/crd.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
`,
  'v.yaml': `a: file
b: {y: 3, z: 4}
`,
  'v2.yaml': `a: second
c: yes
`,
}

function print(kustomization: string): string {
  const files = new MemoryTree({ ...FILES, 'kustomization.yaml': kustomization })
  const { objects } = build({
    files,
    path: '',
    options: { loadRestrictions: 'root-only', reorder: 'legacy', inflateHelm: inflateChart },
  })
  return objects.map((one) => printYaml(one, { dialect: 'sigs' })).join('---\n')
}

void describe('helmCharts', () => {
  // What is wanted is what kustomize v5.8.1 prints with helm v4.3.1.
  const rows: readonly (readonly [name: string, kustomization: string, want: string])[] = [
    [
      'values of a file and of the kustomization',
      `namespace: nn
namePrefix: p-
helmCharts:
- name: app
  releaseName: rel
  valuesFile: v.yaml
  valuesInline: {b: {z: 5}, c: inline}
  valuesMerge: override
  includeCRDs: true
  apiVersions: [example.com/v9]
  kubeVersion: "1.30"
`,
      `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.com
---
apiVersion: v1
data:
  a: file
  b: '{"true":2,"x":1,"y":3,"z":5}'
  has: "true"
  kube: v1.30
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: p-rel-conf
  namespace: nn
---
apiVersion: v1
kind: Pod
metadata:
  annotations:
    helm.sh/hook: pre-install
  name: p-rel-hook
spec:
  containers:
  - image: i
    name: c
---
apiVersion: v1
kind: Pod
metadata:
  annotations:
    helm.sh/hook: test
  name: p-rel-test
spec:
  containers:
  - image: i
    name: c
`,
    ],
    [
      'the chart’s values win when it says so',
      `helmCharts: [{name: app, releaseName: r, skipHooks: true, valuesInline: {a: inl, b: {x: null, n: {m: 1}}}, valuesMerge: merge}]
`,
      `apiVersion: v1
data:
  a: chart
  b: '{"false":{"m":1},"true":2,"x":1,"y":2}'
  has: "false"
  kube: v1.37.0
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: r-conf
  namespace: default
`,
    ],
    [
      'a null takes a value back to the chart’s own',
      `helmCharts: [{name: app, releaseName: r, skipHooks: true, valuesInline: {a: inl, b: {x: null, n: {m: 1}}}}]
`,
      `apiVersion: v1
data:
  a: inl
  b: '{"false":{"m":1},"true":2,"x":1,"y":2}'
  has: "false"
  kube: v1.37.0
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: r-conf
  namespace: default
`,
    ],
    [
      'only what the kustomization says',
      `helmCharts: [{name: app, releaseName: r, skipHooks: true, valuesInline: {a: null, b: {x: null, n: {m: 1}}}, valuesMerge: replace}]
`,
      `apiVersion: v1
data:
  a: null
  b: '{"false":{"m":1},"true":2}'
  has: "false"
  kube: v1.37.0
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: r-conf
  namespace: default
`,
    ],
    [
      'further files, without tests',
      `namespace: other
helmCharts: [{name: app, releaseName: r, valuesFile: v.yaml, additionalValuesFiles: [v2.yaml], skipTests: true, namespace: chartns}]
`,
      `apiVersion: v1
data:
  a: second
  b: '{"true":3,"x":1,"z":4}'
  has: "false"
  kube: v1.37.0
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: r-conf
  namespace: chartns
---
apiVersion: v1
kind: Pod
metadata:
  annotations:
    helm.sh/hook: pre-install
  name: r-hook
spec:
  containers:
  - image: i
    name: c
`,
    ],
    [
      'charts elsewhere, twice, patched',
      `helmGlobals: {chartHome: ./charts/../charts}
helmCharts: [{name: app, releaseName: r, skipHooks: true}, {name: app, releaseName: s, namespace: t, skipHooks: true}]
patches: [{target: {kind: ConfigMap}, patch: '[{"op":"add","path":"/data/p","value":"q"}]'}]
`,
      `apiVersion: v1
data:
  a: chart
  b: '{"true":2,"x":1}'
  has: "false"
  kube: v1.37.0
  p: q
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: r-conf
  namespace: default
---
apiVersion: v1
data:
  a: chart
  b: '{"true":2,"x":1}'
  has: "false"
  kube: v1.37.0
  p: q
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: s-conf
  namespace: t
`,
    ],
    [
      'as a plugin',
      `generators:
- |-
  apiVersion: builtin
  kind: HelmChartInflationGenerator
  metadata: {name: x}
  name: app
  releaseName: plug
  skipHooks: true
  valuesInline: {a: 1}
`,
      `apiVersion: v1
data:
  a: "1"
  b: '{"true":2,"x":1,"y":2}'
  has: "false"
  kube: v1.37.0
kind: ConfigMap
metadata:
  labels:
    chart: app-1.2.3
  name: plug-conf
  namespace: default
`,
    ],
  ]
  for (const [name, kustomization, want] of rows) void it(name, () => assert.equal(print(kustomization), want))
  for (const [name, chart, message] of [
    ['that are nowhere', '{name: none, releaseName: r}', /no repo specified for pull, no chart found/],
    [
      'that would be pulled',
      '{name: far, repo: https://example.com, version: 1.0.0, releaseName: r}',
      /helm pull far --untar/,
    ],
    ['without a name of the release', '{name: app}', /needs a releaseName/],
    ['with a template for it', '{name: app, nameTemplate: "x"}', /nameTemplate/],
    ['with another way to merge', '{name: app, releaseName: r, valuesMerge: other}', /valuesMerge must be one of/],
  ] as const) {
    void it(`refuses charts ${name}`, () =>
      assert.throws(
        () => print(`helmCharts: [${chart}]\n`),
        (error) => isEngineError(error) && message.test(error.message),
      ))
  }
})
