import { apiVersions, type Kustomization } from '../../api/index.ts'
import { EngineError, sha256Hex } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { isMap, scalarText, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { isEncryptedObject, toBase64 } from '../../secrets/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import type { EngineDeps, Job, ObjectKey } from '../job.ts'
import { buildKustomization } from '../kustomization/build.ts'
import { noDecryption, type Decryption } from '../kustomization/decrypt.ts'
import { idOfKey } from '../world.ts'
import { createPlanContext } from './plan-job.ts'
import { planKustomization } from './plan-kustomization.ts'
import type { PlannedNode } from './planned-node.ts'

/** Files on somebody's disk in place of a source. */
export interface LocalSource {
  readonly files: FileTree
  /** The directory in `files` that takes the place of `spec.path`; left out, `spec.path` itself. */
  readonly path?: string | undefined
}

/**
 * What applying local files in place of a Kustomization's source would change in the cluster: the live object's spec with other files. Reads and
 * dry-runs only, as the caller.
 *
 * @throws EngineError `not-found` where the cluster has no such Kustomization; others when it cannot be reached.
 */
export async function planLocalFiles(
  deps: EngineDeps,
  key: ObjectKey,
  source: LocalSource,
  signal: AbortSignal,
): Promise<PlannedNode> {
  const job: Job = {
    kind: 'trigger',
    runId: 'local',
    cluster: deps.cluster.name,
    receivedAt: deps.clock.now(),
    target: { object: key },
    plan: true,
  }
  const { ctx } = await createPlanContext(deps, job, signal)
  const object = ctx.world.get(idOfKey(key))
  if (object?.kind !== 'Kustomization') {
    throw new EngineError(`Kustomization '${key.namespace}/${key.name}' was not found in the cluster`, {
      code: 'not-found',
      disposition: 'wait',
    })
  }
  const artifact: SourceArtifact = {
    revision: 'local files',
    digest: `sha256:${sha256Hex('')}`,
    files: source.files,
    prefetch: () => Promise.resolve(),
  }
  const local = { ...ctx, sources: { ...ctx.sources, artifact: () => Promise.resolve(artifact) } }
  return planKustomization(local, withPath(object, source.path))
}

/** What {@link buildLocalFiles} takes. */
export interface LocalBuild extends LocalSource {
  /** Left out: one that says nothing but the path, whose owner labels are left out too. */
  readonly kustomization?: Kustomization
  readonly strictSubstitution: boolean
  readonly signal: AbortSignal
}

/**
 * Builds a Kustomization from local files without any cluster, as `flux build kustomization --dry-run` does: only the inline `substitute` of its
 * spec is there, and what is encrypted stays so; values of encrypted Secrets are shown as `**SOPS**`.
 *
 * @throws DiagnosticsError with every finding of the build.
 */
export async function buildLocalFiles(build: LocalBuild): Promise<readonly KubeObject[]> {
  const given = build.kustomization
  const object = withPath(given ?? unnamed, build.path)
  const variables = new Map(Object.entries(object.spec.postBuild?.substitute ?? {}))
  const { objects } = await buildKustomization(object, build.files, variables, {
    strictSubstitution: build.strictSubstitution,
    decryption: masking,
    signal: build.signal,
  })
  return given === undefined ? objects.map(withoutOwner) : objects
}

const unnamed: Kustomization = {
  apiVersion: apiVersions.Kustomization,
  kind: 'Kustomization',
  metadata: { name: '', namespace: '' },
  spec: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: '' } },
}

function withPath(object: Kustomization, path: string | undefined): Kustomization {
  return path === undefined ? object : { ...object, spec: { ...object.spec, path } }
}

function withoutOwner(object: KubeObject): KubeObject {
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  const labels: KubeMap = isMap(metadata['labels']) ? { ...metadata['labels'] } : {}
  for (const key of ['name', 'namespace']) delete labels[`kustomize.toolkit.fluxcd.io/${key}`]
  if (Object.keys(labels).length > 0) metadata['labels'] = labels
  else delete metadata['labels']
  return { ...object, metadata }
}

const mask = '**SOPS**'

/** Nothing is decrypted: encrypted objects are shown with their keys alone. */
const masking: Decryption = {
  ...noDecryption,
  objects: (objects) => Promise.resolve(objects.map((object) => (isEncryptedObject(object) ? masked(object) : object))),
}

function masked(object: KubeObject): KubeObject {
  const result: KubeObject = { ...object }
  delete result['sops']
  const isSecret = scalarText(object['kind']) === 'Secret'
  for (const [field, value] of Object.entries(result)) {
    if (!isMap(value) || field === 'metadata') continue
    const text = isSecret && field === 'data' ? toBase64(new TextEncoder().encode(mask)) : mask
    result[field] = maskValues(value, text)
  }
  return result
}

function maskValues(map: KubeMap, text: string): KubeMap {
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [
      key,
      isMap(value) ? maskValues(value, text) : typeof value === 'string' && value.startsWith('ENC[') ? text : value,
    ]),
  )
}
