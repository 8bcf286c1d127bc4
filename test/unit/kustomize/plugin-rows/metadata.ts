import type { PluginTables } from './row.ts'

/** Transformers of names, namespaces, labels and annotations; what is wanted is what kustomize v5.8.1 prints. */
export const metadata: PluginTables = {
  AnnotationsTransformer: [
    {
      name: 'adds and overwrites',
      config: { annotations: { a: '1', b: 'x' }, fieldSpecs: [{ path: 'metadata/annotations', create: true }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, annotations: {a: old, c: kept}}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    a: "1"
    b: x
  name: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    a: "1"
    b: x
    c: kept
  name: b
`,
    },
    {
      name: 'creates nothing where the spec does not say so',
      config: { annotations: { a: '1' }, fieldSpecs: [{ path: 'metadata/annotations' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, annotations: {}}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    a: "1"
  name: b
`,
    },
    {
      name: 'fields of one kind',
      config: {
        annotations: { a: '1' },
        fieldSpecs: [{ path: 'spec/template/metadata/annotations', create: true, kind: 'Deployment' }],
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {}}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template:
    metadata:
      annotations:
        a: "1"
`,
    },
    {
      name: 'without annotations',
      config: { fieldSpecs: [{ path: 'metadata/annotations', create: true }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
`,
    },
    {
      name: 'a text in the way',
      config: { annotations: { a: '1' }, fieldSpecs: [{ path: 'spec/replicas/x', create: true, kind: 'Deployment' }] },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {replicas: 1}
`,
      want: { error: 'kustomize-field-path' },
    },
  ],
  LabelTransformer: [
    {
      name: 'adds to labels and selectors',
      config: {
        labels: { app: 'x' },
        fieldSpecs: [
          { path: 'metadata/labels', create: true },
          { path: 'spec/selector/matchLabels', create: true, kind: 'Deployment' },
        ],
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {old: y2}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    app: x
    old: y2
  name: a
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: x
  name: d
spec:
  selector:
    matchLabels:
      app: x
`,
    },
    {
      name: 'numbers become text',
      config: { labels: { n: 1, b: true }, fieldSpecs: [{ path: 'metadata/labels', create: true }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    b: "true"
    "n": "1"
  name: a
`,
    },
    {
      name: 'elements of lists',
      config: { labels: { app: 'x' }, fieldSpecs: [{ path: 'spec/items[]/labels', create: true }] },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {items: [{n: 1}, {labels: {a: b}}, {labels: null}]}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  items:
  - labels:
      app: x
    "n": 1
  - labels:
      a: b
      app: x
  - labels:
      app: x
`,
    },
    {
      name: 'a list is no mapping',
      config: { labels: { app: 'x' }, fieldSpecs: [{ path: 'spec/labels' }] },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {labels: [a]}
`,
      want: { error: 'kustomize-field-path' },
    },
  ],
  NamespaceTransformer: [
    {
      name: 'namespaced objects only',
      config: { metadata: { name: 'x', namespace: 'ns' } },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: old}
---
apiVersion: v1
kind: Node
metadata: {name: n}
---
apiVersion: example.com/v1
kind: Other
metadata: {name: o}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: ns
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
  namespace: ns
---
apiVersion: v1
kind: Node
metadata:
  name: "n"
---
apiVersion: example.com/v1
kind: Other
metadata:
  name: o
  namespace: ns
`,
    },
    {
      name: 'only where none is set',
      config: { metadata: { name: 'x', namespace: 'ns' }, unsetOnly: true },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: old}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: ns
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
  namespace: old
`,
    },
    {
      name: 'subjects called default',
      config: { metadata: { name: 'x', namespace: 'ns' } },
      objects: `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r}
subjects: [{kind: ServiceAccount, name: default}, {kind: ServiceAccount, name: other, namespace: o}, {kind: User, name: u}]
`,
      want: `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: r
  namespace: ns
subjects:
- kind: ServiceAccount
  name: default
  namespace: ns
- kind: ServiceAccount
  name: other
  namespace: o
- kind: User
  name: u
`,
    },
    {
      name: 'all service accounts',
      config: { metadata: { name: 'x', namespace: 'ns' }, setRoleBindingSubjects: 'allServiceAccounts' },
      objects: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: r}
subjects: [{kind: ServiceAccount, name: default}, {kind: ServiceAccount, name: other, namespace: o}, {kind: User, name: u}]
`,
      want: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: r
subjects:
- kind: ServiceAccount
  name: default
  namespace: ns
- kind: ServiceAccount
  name: other
  namespace: ns
- kind: User
  name: u
`,
    },
    {
      name: 'no subjects',
      config: { metadata: { name: 'x', namespace: 'ns' }, setRoleBindingSubjects: 'none' },
      objects: `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r}
subjects: [{kind: ServiceAccount, name: default}]
`,
      want: `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: r
  namespace: ns
subjects:
- kind: ServiceAccount
  name: default
`,
    },
    {
      name: 'fields of custom kinds',
      config: {
        metadata: { name: 'x', namespace: 'ns' },
        fieldSpecs: [{ path: 'spec/target', create: true, kind: 'Other' }],
      },
      objects: `apiVersion: example.com/v1
kind: Other
metadata: {name: o}
`,
      want: `apiVersion: example.com/v1
kind: Other
metadata:
  name: o
  namespace: ns
spec:
  target: ns
`,
    },
    {
      name: 'two objects become one',
      config: { metadata: { name: 'x', namespace: 'ns' } },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: o}
`,
      want: { error: 'kustomize-id-conflict' },
    },
  ],
  PrefixTransformer: [
    {
      name: 'names',
      config: { prefix: 'p-', fieldSpecs: [{ path: 'metadata/name' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: Namespace
metadata: {name: n}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: p-a
---
apiVersion: v1
kind: Namespace
metadata:
  name: "n"
`,
    },
    {
      name: 'names of one kind, and who refers to them',
      config: { prefix: 'p-', fieldSpecs: [{ path: 'metadata/name', kind: 'ConfigMap' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {volumes: [{name: v, configMap: {name: a}}]}}}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: p-a
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template:
    spec:
      volumes:
      - configMap:
          name: p-a
        name: v
`,
    },
    {
      name: 'other fields',
      config: { prefix: 'p-', fieldSpecs: [{ path: 'spec/shown' }] },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {shown: x}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  shown: p-x
`,
    },
    {
      name: 'nothing',
      config: { prefix: '', fieldSpecs: [{ path: 'metadata/name' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
`,
    },
    {
      name: 'without field specs',
      config: { prefix: 'p-' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-plugin-config' },
    },
  ],
  SuffixTransformer: [
    {
      name: 'names',
      config: { suffix: '-s', fieldSpecs: [{ path: 'metadata/name' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: c}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a-s
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: c
`,
    },
    {
      name: 'who refers to them',
      config: { suffix: '-s', fieldSpecs: [{ path: 'metadata/name' }] },
      objects: `apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {serviceAccountName: sa}}}
`,
      want: `apiVersion: v1
kind: ServiceAccount
metadata:
  name: sa-s
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d-s
spec:
  template:
    spec:
      serviceAccountName: sa-s
`,
    },
    {
      name: 'without field specs',
      config: { suffix: '-s' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-plugin-config' },
    },
  ],
  PrefixSuffixTransformer: [
    {
      name: 'both',
      config: { prefix: 'p-', suffix: '-s', fieldSpecs: [{ path: 'metadata/name' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: p-a-s
`,
    },
    {
      name: 'one of them',
      config: { suffix: '-s', fieldSpecs: [{ path: 'metadata/name' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a-s
`,
    },
  ],
  HashTransformer: [
    {
      name: 'hashes what needs it',
      config: {},
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {internal.config.kubernetes.io/needsHashSuffix: enabled}}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a-6ct58987ht-6ct58987ht
`,
    },
    {
      name: 'leaves the rest alone',
      config: {},
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
`,
    },
  ],
}
