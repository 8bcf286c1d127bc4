import type { PluginTables } from './row.ts'

/** Transformers of what objects hold; what is wanted is what kustomize v5.8.1 prints. */
export const content: PluginTables = {
  PatchTransformer: [
    {
      name: 'merges into the object that the patch names',
      config: { patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1"}}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
`,
      want: `apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
`,
    },
    {
      name: 'merges into what the target selects',
      config: {
        target: { kind: 'ConfigMap', name: 'b.*' },
        patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: any}, data: {x: "1"}}',
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b2}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
---
apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: b
---
apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: b2
`,
    },
    {
      name: 'operations',
      config: { target: { labelSelector: 'x=y2' }, patch: '- {op: add, path: /data, value: {a: b}}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {x: y2}}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
---
apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  labels:
    x: y2
  name: b
`,
    },
    {
      name: 'may rename',
      config: {
        target: { name: 'a' },
        patch: '{apiVersion: v1, kind: Secret, metadata: {name: c}}',
        options: { allowNameChange: true, allowKindChange: true },
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: `apiVersion: v1
kind: Secret
metadata:
  name: c
`,
    },
    {
      name: 'deletes',
      config: { patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, $patch: delete}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: b
`,
    },
    {
      name: 'from a file',
      config: { path: 'p.yaml' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      files: { 'p.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "1"}\n' },
      want: `apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: a
`,
    },
    {
      name: 'operations need a target',
      config: { patch: '- {op: add, path: /data, value: {a: b}}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-patch-target' },
    },
    {
      name: 'neither patch nor path',
      config: { target: { name: 'a' } },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-patch-entry' },
    },
    {
      name: 'both patch and path',
      config: { path: 'p.yaml', patch: '{}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      files: { 'p.yaml': '{}\n' },
      want: { error: 'kustomize-patch-entry' },
    },
    {
      name: 'no such object',
      config: { patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-target-missing' },
    },
  ],
  PatchStrategicMergeTransformer: [
    {
      name: 'inline',
      config: {
        patches:
          'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: b, image: new}]}}}\n',
      },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {containers: [{name: a}, {name: b, image: old}]}}}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template:
    spec:
      containers:
      - image: new
        name: b
      - name: a
`,
    },
    {
      name: 'files',
      config: { paths: ['p.yaml'] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      files: { 'p.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "1"}\n' },
      want: `apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: a
`,
    },
    {
      name: 'nothing',
      config: {},
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-plugin-config' },
    },
    {
      name: 'no such object',
      config: { patches: '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-target-missing' },
    },
  ],
  PatchJson6902Transformer: [
    {
      name: 'inline',
      config: {
        target: { version: 'v1', kind: 'ConfigMap', name: 'a' },
        jsonOp: '[{"op":"add","path":"/data","value":{"x":"1"}}]',
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
`,
      want: `apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
`,
    },
    {
      name: 'a file of YAML',
      config: { target: { kind: 'ConfigMap', name: 'a' }, path: 'p.yaml' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      files: { 'p.yaml': '- {op: test, path: /metadata/name, value: a}\n- {op: add, path: /data, value: {x: "1"}}\n' },
      want: `apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  name: a
`,
    },
    {
      name: 'without operations',
      config: { target: { kind: 'ConfigMap', name: 'a' }, jsonOp: '[]' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-patch-empty' },
    },
    {
      name: 'without a name',
      config: { target: { kind: 'ConfigMap' }, jsonOp: '[{"op":"remove","path":"/kind"}]' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-patch-target' },
    },
    {
      name: 'a failing operation',
      config: { target: { kind: 'ConfigMap', name: 'a' }, jsonOp: '[{"op":"remove","path":"/data"}]' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'json-patch-failed' },
    },
  ],
  ReplacementTransformer: [
    {
      name: 'inline',
      config: {
        replacements: [
          {
            source: { kind: 'ConfigMap', name: 'a', fieldPath: 'metadata.name' },
            targets: [{ select: { kind: 'Deployment' }, fieldPaths: ['spec.of'], options: { create: true } }],
          },
        ],
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {}
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
  of: a
`,
    },
    {
      name: 'from a file',
      config: { replacements: [{ path: 'r.yaml' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {of: x}
`,
      files: {
        'r.yaml':
          'source: {kind: ConfigMap, name: a}\ntargets: [{select: {kind: Deployment}, fieldPaths: [spec.of]}]\n',
      },
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
  of: a
`,
    },
    {
      name: 'no such source',
      config: { replacements: [{ source: { kind: 'Secret' }, targets: [{ select: { kind: 'Deployment' } }] }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-replacement-source' },
    },
    {
      name: 'no such field',
      config: {
        replacements: [
          { source: { kind: 'ConfigMap' }, targets: [{ select: { kind: 'Deployment' }, fieldPaths: ['spec.no'] }] },
        ],
      },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {}
`,
      want: { error: 'kustomize-replacement-target' },
    },
  ],
  ValueAddTransformer: [
    {
      name: 'sets and creates fields',
      config: { value: 'v', targets: [{ selector: { kind: 'ConfigMap' }, fieldPath: 'data/deep/x' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {}
`,
      want: `apiVersion: v1
data:
  deep:
    x: v
kind: ConfigMap
metadata:
  name: a
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec: {}
`,
    },
    {
      name: 'a part of a path',
      config: { value: 'v', targets: [{ fieldPath: 'spec/path', filePathPosition: 2 }] },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {path: /a/b}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  path: /a/v/b
`,
    },
    {
      name: 'namespaces',
      config: { value: 'v', targets: [{ fieldPath: 'metadata/namespace' }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: Node
metadata: {name: n}
`,
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: v
---
apiVersion: v1
kind: Node
metadata:
  name: "n"
`,
    },
    {
      name: 'targets in a file',
      config: { value: 'v', targetFilePath: 't.yaml' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      files: { 't.yaml': 'targets: [{fieldPath: metadata/annotations/x}]\n' },
      want: `apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    x: v
  name: a
`,
    },
    {
      name: 'without targets',
      config: { value: 'v' },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-plugin-config' },
    },
    {
      name: 'without a field',
      config: { value: 'v', targets: [{}] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-plugin-config' },
    },
    {
      name: 'a negative position',
      config: { value: 'v', targets: [{ fieldPath: 'a', filePathPosition: -1 }] },
      objects: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
`,
      want: { error: 'kustomize-plugin-config' },
    },
  ],
  ImageTagTransformer: [
    {
      name: 'containers of any kind',
      config: { imageTag: { name: 'a', newTag: '2' } },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {containers: [{image: "a:1"}, {image: b}], initContainers: [{image: a}]}}}
---
apiVersion: example.com/v1
kind: Other
metadata: {name: o}
spec: {deep: [{containers: [{image: a}]}], image: a}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template:
    spec:
      containers:
      - image: a:2
      - image: b
      initContainers:
      - image: a:2
---
apiVersion: example.com/v1
kind: Other
metadata:
  name: o
spec:
  deep:
  - containers:
    - image: a:2
  image: a
`,
    },
    {
      name: 'further fields',
      config: {
        imageTag: { name: 'a', newName: 'b', digest: 'sha256:1' },
        fieldSpecs: [{ path: 'spec/image', kind: 'Other' }],
      },
      objects: `apiVersion: example.com/v1
kind: Other
metadata: {name: o}
spec: {image: "a:1"}
`,
      want: `apiVersion: example.com/v1
kind: Other
metadata:
  name: o
spec:
  image: b@sha256:1
`,
    },
    {
      name: 'custom resource definitions stay',
      config: { imageTag: { name: 'a', newTag: '2' } },
      objects: `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: c}
spec: {containers: [{image: a}]}
`,
      want: `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: c
spec:
  containers:
  - image: a
`,
    },
  ],
  ReplicaCountTransformer: [
    {
      name: 'sets and creates',
      config: {
        replica: { name: 'd', count: 3 },
        fieldSpecs: [{ path: 'spec/replicas', create: true, kind: 'Deployment' }],
      },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {replicas: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: e}
spec: {replicas: 1}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  replicas: 3
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: e
spec:
  replicas: 1
`,
    },
    {
      name: 'zero',
      config: {
        replica: { name: 'd', count: 0 },
        fieldSpecs: [{ path: 'spec/replicas', create: true, kind: 'Deployment' }],
      },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {}
`,
      want: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  replicas: 0
`,
    },
    {
      name: 'nothing of that name',
      config: {
        replica: { name: 'x', count: 3 },
        fieldSpecs: [{ path: 'spec/replicas', create: true, kind: 'Deployment' }],
      },
      objects: `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {}
`,
      want: { error: 'kustomize-replicas-target' },
    },
  ],
}
