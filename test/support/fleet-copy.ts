import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { encryptedFixture } from './sops-fixtures.ts'

/** Files of a working copy; null takes one away. */
export type CopyFiles = { readonly [path: string]: string | null }

/** A working copy on disk, with the user's `git`. */
export interface FleetCopy {
  readonly directory: string
  git(...args: readonly string[]): Promise<string>
  write(files: CopyFiles): Promise<void>
  /** Writes, and commits everything. */
  commit(files: CopyFiles): Promise<string>
}

/** A working copy at a directory that is there, or is made. */
export function openCopy(directory: string): FleetCopy {
  const git = async (...args: readonly string[]): Promise<string> => {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
    const { stdout } = await promisify(execFile)('git', [...identity, ...args], { cwd: directory })
    return stdout.trimEnd()
  }
  const write = async (files: CopyFiles): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      const file = join(directory, path)
      await mkdir(dirname(file), { recursive: true })
      if (text === null) await rm(file)
      else await writeFile(file, text)
    }
  }
  return {
    directory,
    git,
    write,
    commit: async (files) => {
      await write(files)
      await git('add', '--all')
      await git('commit', '--quiet', '--message', 'change')
      return git('rev-parse', 'HEAD')
    },
  }
}

/** A new working copy with files on `main`. */
export async function createCopy(directory: string, files: CopyFiles): Promise<FleetCopy> {
  await mkdir(directory, { recursive: true })
  const copy = openCopy(directory)
  await copy.git('init', '--quiet', '--initial-branch=main')
  await copy.commit(files)
  return copy
}

/** The objects that a bootstrap writes for a cluster. */
export function syncFile(path: string, more: { readonly url?: string; readonly ref?: string } = {}): string {
  const { url = 'ssh://git@github.com/team/fleet', ref = '{ branch: main }' } = more
  return `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: flux-system, namespace: flux-system }
spec: { interval: 1m, ref: ${ref}, secretRef: { name: flux-system }, url: "${url}" }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: flux-system, namespace: flux-system }
spec: { interval: 10m, path: ./${path}, prune: true, sourceRef: { kind: GitRepository, name: flux-system } }
`
}

export const configMap = (name: string, color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { color: ${color} }\n`

/** A child of the fleet's own repository. */
export const child = (name: string, path: string, more = ''): string =>
  `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: ${name}, namespace: flux-system }\nspec:\n  interval: 10m\n  prune: true\n  targetNamespace: shop\n  path: ${path}\n  sourceRef: { kind: GitRepository, name: flux-system }\n${more}`

/** A release of the chart in the same repository. */
export const greeter = (replicas: number, more = ''): string =>
  `apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: greeter, namespace: flux-system }\nspec:\n  interval: 10m\n  targetNamespace: shop\n  values: { replicas: ${replicas}, tag: v1 }\n  chart: { spec: { chart: ./charts/greeter, reconcileStrategy: Revision, sourceRef: { kind: GitRepository, name: flux-system } } }\n${more}`

/** A repository as a bootstrap of Flux and a team leave it: one cluster, a child with an encrypted file, another one, and a release. */
export const fleetFiles: CopyFiles = {
  '.gitignore': 'ignored.yaml\n',
  'clusters/production/flux-system/gotk-sync.yaml': syncFile('clusters/production'),
  'clusters/production/flux-system/kustomization.yaml': 'resources: [gotk-sync.yaml]\n',
  'clusters/production/web.yaml': child('web', './apps/web', '  decryption: { provider: sops }\n'),
  'clusters/production/other.yaml': child('other', './apps/other'),
  'clusters/production/greeter.yaml': greeter(2),
  'charts/greeter/Chart.yaml': 'apiVersion: v2\nname: greeter\nversion: 1.0.0\n',
  'charts/greeter/templates/deployment.yaml':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: greeter }\nspec:\n  replicas: {{ .Values.replicas }}\n  selector: { matchLabels: { app: greeter } }\n  template:\n    metadata: { labels: { app: greeter } }\n    spec: { containers: [{ name: greeter, image: "example/greeter:{{ .Chart.AppVersion | default .Values.tag }}" }] }\n',
  'apps/web/a.yaml': configMap('a', 'red'),
  'apps/web/gone.yaml': configMap('gone', 'red'),
  'apps/web/moved.yaml': configMap('moved', 'red'),
  'apps/web/secret.yaml': new TextDecoder().decode(encryptedFixture('rule-encrypted-regex.yaml')),
  'apps/other/b.yaml': configMap('b', 'red'),
}
