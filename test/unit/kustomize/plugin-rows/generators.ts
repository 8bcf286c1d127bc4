import type { PluginTables } from './row.ts'

/** Generators; what is wanted is what kustomize v5.8.1 prints. */
export const generators: PluginTables = {
  ConfigMapGenerator: [
    {
      name: 'literals, files and envs',
      config: { literals: ['a=b'], files: ['f.txt', 'k=f.txt'], envs: ['e.env'] },
      files: { 'f.txt': 'text\n', 'e.env': '# c\nE=1\nF\n' },
      want: `apiVersion: v1
data:
  E: "1"
  F: ""
  a: b
  f.txt: |
    text
  k: |
    text
kind: ConfigMap
metadata:
  name: x-7kkc92gcfk
`,
    },
    {
      name: 'options',
      config: {
        literals: ['a=b'],
        options: { labels: { l: 'm' }, annotations: { x: 'z' }, disableNameSuffixHash: true, immutable: true },
      },
      want: `apiVersion: v1
data:
  a: b
immutable: true
kind: ConfigMap
metadata:
  annotations:
    x: z
  labels:
    l: m
  name: x
`,
    },
    {
      name: 'a name and namespace of its own',
      config: { name: 'other', namespace: 'ns', literals: ['a=b'] },
      want: `apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  name: other-4h2mbtbbt6
  namespace: ns
`,
    },
    {
      name: 'a key twice',
      config: { literals: ['a=b', 'a=c'] },
      want: { error: 'kustomize-generator-key' },
    },
    {
      name: 'a bad literal',
      config: { literals: ['a'] },
      want: { error: 'kustomize-generator-literal' },
    },
    {
      name: 'no such file',
      config: { files: ['none.txt'] },
      want: { error: 'kustomize-file-not-found' },
    },
  ],
  SecretGenerator: [
    {
      name: 'literals and files',
      config: { literals: ['a=b'], files: ['f.txt'] },
      files: { 'f.txt': 'text\n' },
      want: `apiVersion: v1
data:
  a: Yg==
  f.txt: dGV4dAo=
kind: Secret
metadata:
  name: x-fc62mmf564
type: Opaque
`,
    },
    {
      name: 'a type',
      config: {
        literals: ['tls.crt=a', 'tls.key=b'],
        type: 'kubernetes.io/tls',
        options: { disableNameSuffixHash: true },
      },
      want: `apiVersion: v1
data:
  tls.crt: YQ==
  tls.key: Yg==
kind: Secret
metadata:
  name: x
type: kubernetes.io/tls
`,
    },
    {
      name: 'nothing',
      config: {},
      want: `apiVersion: v1
data: {}
kind: Secret
metadata:
  name: x-46f8b28mk5
type: Opaque
`,
    },
    {
      name: 'no such file',
      config: { envs: ['none.env'] },
      want: { error: 'kustomize-file-not-found' },
    },
  ],
  IAMPolicyGenerator: [
    {
      name: 'binds accounts',
      config: {
        cloud: 'gke',
        kubernetesService: { name: 'sa', namespace: 'ns' },
        serviceAccount: { name: 'gsa', projectId: 'p' },
      },
      want: `apiVersion: v1
kind: ServiceAccount
metadata:
  annotations:
    iam.gke.io/gcp-service-account: gsa@p.iam.gserviceaccount.com
  name: sa
  namespace: ns
`,
    },
    {
      name: 'without a namespace',
      config: { cloud: 'gke', kubernetesService: { name: 'sa' }, serviceAccount: { name: 'gsa', projectId: 'p' } },
      want: `apiVersion: v1
kind: ServiceAccount
metadata:
  annotations:
    iam.gke.io/gcp-service-account: gsa@p.iam.gserviceaccount.com
  name: sa
`,
    },
    {
      name: 'another cloud',
      config: { cloud: 'eks', kubernetesService: { name: 'sa' }, serviceAccount: { name: 'gsa', projectId: 'p' } },
      want: { error: 'kustomize-iam-cloud' },
    },
  ],
}
