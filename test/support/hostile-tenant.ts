import type { RuleName } from '../../src/tenancy/index.ts'
import type { GitTestFile } from './git-repository.ts'

/** One escape: an object of the tenant's with the files that it is made from, and how it must end. */
export interface Escape {
  readonly name: string
  /** Files below `e/<name>`: what a Kustomization builds, or the chart of a HelmRelease. */
  readonly files: { readonly [path: string]: GitTestFile }
  readonly kind: 'Kustomization' | 'HelmRelease'
  readonly spec?: { readonly [field: string]: unknown }
  /** The rule that refuses it; or what its message says where something else stops it; or nothing, where it goes on and has gained nothing. */
  readonly end: RuleName | RegExp | 'gains nothing'
}

/** Where the tenant is, whom it attacks, and what it would like to read. */
export interface HostilePlace {
  readonly own: string
  readonly victim: string
  readonly platform: string
  /** Repository of the victim. */
  readonly victimUrl: string
}

const map = (name: string, namespace: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\n${more}`

/** Attack classes C and D as a repository: what a tenant could put into files and objects to leave its namespace, read what is not its own, or keep others from working. */
export function hostileEscapes(place: HostilePlace): readonly Escape[] {
  return [...objectEscapes(place), ...fileEscapes(place), ...chartEscapes(place), ...templateEscapes(place)]
}

function objectEscapes({ own, victim, platform }: HostilePlace): readonly Escape[] {
  const made = (name: string, end: Escape['end'], text: string, spec: object = {}): Escape => ({
    name,
    kind: 'Kustomization',
    files: { 'a.yaml': text },
    spec: { ...spec },
    end,
  })
  const binding = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: ${own}-admin }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }\nsubjects: [{ kind: ServiceAccount, name: default, namespace: ${own} }]\n`
  const namespace = (level: string): string =>
    `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${own}, labels: { pod-security.kubernetes.io/enforce: ${level} } }\n`
  const generated = (place: string): string =>
    `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: planted, namespace: ${place} }\nspec: { interval: 1m, prune: true, path: ./e/object, sourceRef: { kind: GitRepository, name: fleet, namespace: ${platform} } }\n`
  return [
    made('object', 'object-namespace', map('planted', victim)),
    made('object-of-platform', 'object-namespace', map('planted', platform)),
    made(
      'object-in-a-list',
      'object-namespace',
      `apiVersion: v1\nkind: List\nitems:\n- ${map('planted', victim).replaceAll('\n', '\n  ')}\n`,
    ),
    made('cluster-admin', 'cluster-scoped-kind', binding),
    made(
      'bind-role',
      /forbidden|not currently held|escalat/i,
      binding
        .replace('ClusterRoleBinding', 'RoleBinding')
        .replace(`name: ${own}-admin`, `name: planted, namespace: ${own}`),
    ),
    made('privileged-namespace', 'pod-security', namespace('privileged')),
    made('privileged-by-metadata', 'pod-security', namespace('restricted'), {
      commonMetadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    }),
    made('flux-object-of-platform', 'object-namespace', generated(platform)),
    made('flux-object-that-points-outside', 'cross-namespace-reference', generated(own)),
    made('target-namespace', 'target-namespace', map('planted', own), { targetNamespace: platform }),
    made('service-account', 'identity', map('planted', own), { serviceAccountName: 'cluster-admin' }),
    made('kubeconfig-with-exec', 'remote-cluster', map('planted', own), {
      kubeConfig: { secretRef: { name: 'exec' } },
    }),
    made(
      'bad-duration',
      /Invalid value|should match/,
      generated(own).replace('interval: 1m', 'interval: forever').replace(`, namespace: ${platform} }`, ' }'),
    ),
  ]
}

function fileEscapes({ own, victimUrl }: HostilePlace): readonly Escape[] {
  const made = (name: string, end: Escape['end'], files: Escape['files']): Escape => ({
    name,
    kind: 'Kustomization',
    files,
    end,
  })
  return [
    made('remote-base', 'remote-base', { 'kustomization.yaml': `resources: ["${victimUrl}//app?ref=main"]\n` }),
    made('files-of-the-machine', /\S/, {
      'kustomization.yaml': 'configMapGenerator: [{ name: planted, files: [/etc/passwd] }]\n',
    }),
    made('files-above-the-root', /\S/, {
      'kustomization.yaml': 'configMapGenerator: [{ name: planted, files: [../../../../../../etc/passwd] }]\n',
    }),
    made('link-out', /\S/, {
      'kustomization.yaml': 'configMapGenerator: [{ name: planted, files: [link] }]\n',
      link: { symlink: '../../../../../../etc/passwd' },
    }),
    made('exec-plugin', /\S/, {
      'kustomization.yaml': 'generators: [g.yaml]\n',
      'g.yaml': `apiVersion: x/v1\nkind: Gen\nmetadata:\n  name: planted\n  annotations: { config.kubernetes.io/function: "exec: { path: /bin/sh }" }\n`,
    }),
    made('cycle', /\S/, { 'kustomization.yaml': 'resources: [../cycle]\n' }),
    made('null-entries', /\S/, { 'kustomization.yaml': 'resources: [null]\npatches: [null]\nimages: 3\n' }),
    made('alias-bomb', /\S/, {
      'a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: planted, namespace: ${own} }\ndata:\n  a: &a ["x","x","x","x","x","x","x","x","x"]\n${'bcdefghij'
        .split('')
        .map(
          (name, index) =>
            `  ${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghij'[index]}`).join(',')}]`,
        )
        .join('\n')}\n`,
    }),
  ]
}

const chart = 'apiVersion: v2\nname: chart\nversion: 1.0.0\n'
const helm = (name: string, end: Escape['end'], files: Escape['files'], spec: object = {}): Escape => ({
  name,
  kind: 'HelmRelease',
  files: { 'Chart.yaml': chart, ...files },
  spec: { ...spec },
  end,
})

function chartEscapes({ own, victim, platform }: HostilePlace): readonly Escape[] {
  const of = (text: string): Escape['files'] => ({ 'templates/a.yaml': text })
  return [
    helm('chart-object', 'object-namespace', of(map('planted', victim))),
    helm(
      'chart-cluster-role',
      'cluster-scoped-kind',
      of('apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: planted }\nrules: []\n'),
    ),
    helm('chart-crds', 'cluster-scoped-kind', {
      ...of(map('mine', own)),
      'crds/a.yaml':
        'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: plants.example.io }\nspec:\n  group: example.io\n  scope: Cluster\n  names: { kind: Plant, plural: plants }\n  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]\n',
    }),
    helm(
      'chart-hook',
      'object-namespace',
      of(map('planted', victim, '').replace(' }\n', ', annotations: { helm.sh/hook: pre-install } }\n')),
    ),
    helm('post-renderer', 'object-namespace', of(map('planted', own)), {
      postRenderers: [
        {
          kustomize: {
            patches: [
              {
                target: { kind: 'ConfigMap' },
                patch: `[{"op":"replace","path":"/metadata/namespace","value":"${victim}"}]`,
              },
            ],
          },
        },
      ],
    }),
    helm('storage', 'target-namespace', of(map('planted', own)), { storageNamespace: platform }),
    helm('values-of-the-victim', /could not find Secret/, of(map('planted', own)), {
      valuesFrom: [{ kind: 'Secret', name: 'canary' }],
    }),
    helm('null-metadata', /\S/, {
      'Chart.yaml': `${chart}dependencies: [null]\nmaintainers: [null, 3]\nkeywords: 7\n`,
      ...of(map('planted', own)),
    }),
  ]
}

function templateEscapes({ own, victim }: HostilePlace): readonly Escape[] {
  const template = (name: string, end: Escape['end'], expression: string, head = ''): Escape =>
    helm(name, end, {
      'templates/a.yaml': `${head}${map(`of-${name}`, own, `data: { stolen: {{ ${expression} | quote }} }\n`)}`,
    })
  return [
    template('lookup-secret', /forbidden|may not/i, 'lookup "v1" "Secret" "kube-system" "tenancy-canary" | toJson'),
    template('lookup-victim', /forbidden|may not/i, `lookup "v1" "Secret" "${victim}" "" | toJson`),
    template('environment', /function "env" not defined/, 'env "HOME"'),
    template('environment-in-text', /function "expandenv" not defined/, 'expandenv "$HOME"'),
    template('host-by-name', 'gains nothing', 'getHostByName "localhost"'),
    template('file-outside', 'gains nothing', '.Files.Get "../../../../../etc/passwd"'),
    template('endless-include', /\S/, 'include "loop" .', '{{ define "loop" }}{{ include "loop" . }}{{ end }}'),
    template('huge-text', /\S/, 'repeat 2000000000 "x"'),
    template('huge-list', /\S/, 'until 2000000000 | toString'),
    template('regex', 'gains nothing', 'regexMatch "(a+)+$" (printf "%sb" (repeat 40 "a"))'),
  ]
}
