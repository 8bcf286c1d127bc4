import { EngineError, isEngineError } from '../../base/index.ts'
import { groups, type Kustomization } from '../../api/index.ts'
import type { FileTree } from '../../ports/index.ts'
import {
  formatObject,
  isMap,
  nameOf,
  namespaceOf,
  scalarText,
  type KubeMap,
  type KubeObject,
} from '../../resources/index.ts'
import {
  createKeyServices,
  createRedactor,
  decryptFile,
  decryptJsonObject,
  detectFormat,
  formatOfPath,
  fromBase64,
  isEncryptedObject,
  readKeyMaterial,
  secretsError,
  toBase64,
  type KeyServices,
  type SopsFormat,
} from '../../secrets/index.ts'
import { configVersion } from '../config-versions.ts'
import type { RunContext } from '../context.ts'
import { mayUsePlatformCredentials } from '../tenancy.ts'
import { combineFailures } from './decrypt-failures.ts'
import { keyLogins } from './key-logins.ts'
import { decryptSources } from './decrypt-sources.ts'

/** What decrypts the sources and objects of one Kustomization, for one run. */
export interface Decryption {
  /** `files` with the encrypted files that the kustomization at `path` reads as secrets in plain; nothing is written anywhere. */
  sources(files: FileTree, path: string): Promise<FileTree>
  /** The objects in plain. Rejects with every object's failure in one error. */
  objects(objects: readonly KubeObject[]): Promise<readonly KubeObject[]>
  /** Version of the Secret that the keys are from (see configVersion). */
  readonly versions: readonly string[]
  /** An error without any value that was decrypted. */
  redact(error: EngineError): EngineError
}

/** Without `spec.decryption` everything stays as it is. */
export const noDecryption: Decryption = {
  sources: (files) => Promise.resolve(files),
  objects: (objects) => Promise.resolve(objects),
  versions: [],
  redact: (error) => error,
}

const decryptAnnotation = `${groups.kustomize}/decrypt`

/**
 * The decryption that `spec.decryption` asks for, with the keys of its Secret, which is read with the deployment's own identity from the
 * Kustomization's namespace (kustomize-controller 1.9, ImportKeys).
 *
 * @throws EngineError `decryption-secret-missing`, or what {@link keyLogins} and reading the keys throws. Never holds a value.
 */
export async function loadDecryption(ctx: RunContext, kustomization: Kustomization): Promise<Decryption> {
  const { decryption } = kustomization.spec
  if (decryption === undefined) return noDecryption
  const versions: string[] = []
  const material = readKeyMaterial(
    await secretData(ctx, kustomization, versions),
    `Secret '${decryption.secretRef?.name ?? ctx.deps.settings.sopsAgeSecret}'`,
  )
  const { http, clock, settings } = ctx.deps
  const services = { http, egress: settings.egress, now: () => clock.now(), signal: ctx.signal }
  const keys = await createKeyServices(material, services, keyLogins(ctx, kustomization, services))
  return { ...createDecryption(keys, { verifyMac: settings.verifySopsMac, signal: ctx.signal }), versions }
}

async function secretData(
  ctx: RunContext,
  { metadata, spec }: Kustomization,
  versions: string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const name = spec.decryption?.secretRef?.name
  if (name === undefined)
    return mayUsePlatformCredentials(ctx, { metadata }) ? deploymentKeys(ctx, versions) : new Map()
  const namespace = metadata.namespace ?? ''
  const data = await readData(ctx, { namespace, name, versions })
  if (data !== undefined) return data
  throw new EngineError(
    `cannot get sops decryption Secret '${namespace}/${name}': it does not exist; create it with the keys, or correct spec.decryption.secretRef`,
    { code: 'decryption-secret-missing', reason: 'BuildFailed', disposition: 'retry' },
  )
}

/** The age identities that all Kustomizations without a Secret of their own share (`--sops-age-secret`). */
async function deploymentKeys(ctx: RunContext, versions: string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const { sopsAgeSecret } = ctx.deps.settings
  if (sopsAgeSecret === '') return new Map()
  const [namespace = '', name = ''] = sopsAgeSecret.split('/')
  const data = await readData(ctx, { namespace, name, versions })
  if (data !== undefined) return new Map([...data].filter(([entry]) => entry.endsWith('.agekey')))
  throw new EngineError(
    `cannot get the Secret '${sopsAgeSecret}' with the age keys of the deployment: it does not exist; create it, or correct sopsAgeSecret in the settings`,
    { code: 'decryption-secret-missing', reason: 'BuildFailed', disposition: 'retry' },
  )
}

/** The entries of a Secret, whose version goes into `versions`. */
async function readData(
  ctx: RunContext,
  { namespace, name, versions }: { readonly namespace: string; readonly name: string; readonly versions: string[] },
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const key = { apiVersion: 'v1', kind: 'Secret', namespace, name } as const
  const secret = await ctx.client.get<SecretObject>(key, { signal: ctx.signal })
  versions.push(configVersion(key, secret))
  if (secret === undefined) return undefined
  return new Map(
    Object.entries(secret.data ?? {}).map(([entry, value]) => [entry, fromBase64(value) ?? new Uint8Array()]),
  )
}

interface SecretObject {
  readonly metadata: { readonly uid?: string; readonly resourceVersion?: string }
  readonly data?: { readonly [name: string]: string }
}

/** Decrypts with the given key services. Exported for tests. */
export function createDecryption(
  keys: KeyServices,
  options: { readonly verifyMac: boolean; readonly signal: AbortSignal },
): Decryption {
  const redactor = createRedactor()
  const common = { keys, verifyMac: options.verifyMac, onValue: (value: string) => redactor.add(value) }
  return {
    ...decryptWith({
      file: (content, file) => decryptFile(content, { ...common, ...file }),
      object: (object, name) => decryptJsonObject(object, { ...common, name }),
      signal: options.signal,
    }),
    redact: (error) => redactor.error(error),
  }
}

/** How content that SOPS has encrypted becomes plain; `name` is for messages. */
export interface Decrypter {
  readonly file: (
    content: Uint8Array,
    file: { readonly format: SopsFormat; readonly outputFormat?: SopsFormat; readonly name: string },
  ) => Promise<Uint8Array>
  readonly object: (object: KubeObject, name: string) => Promise<KubeObject>
  readonly signal: AbortSignal
}

/** The decryption of everything that a Kustomization has encrypted in one of the places where it may. */
export function decryptWith(decrypter: Decrypter): Decryption {
  return {
    sources: (files, path) => decryptSources(files, path, { decrypt: decrypter.file, signal: decrypter.signal }),
    objects: async (objects) => {
      const failures: EngineError[] = []
      const result: KubeObject[] = []
      for (const object of objects) {
        decrypter.signal.throwIfAborted()
        try {
          result.push(await decryptObject(object, decrypter))
        } catch (error) {
          if (!isEngineError(error)) throw error
          failures.push(error)
        }
      }
      if (failures.length > 0) throw combineFailures(failures)
      return result
    },
    versions: [],
    redact: (error) => error,
  }
}

async function decryptObject(object: KubeObject, decrypter: Decrypter): Promise<KubeObject> {
  if (isDecryptionDisabled(object)) return object
  if (isEncryptedObject(object)) return await decrypter.object(object, nameOfObject(object))
  const { data } = object
  if (object['kind'] !== 'Secret' || !isMap(data)) return object
  const plain: KubeMap = { ...data }
  for (const [key, value] of Object.entries(data)) {
    const content = typeof value === 'string' ? fromBase64(value) : undefined
    const format = content === undefined ? undefined : detectFormat(content)
    if (content === undefined || format === undefined) continue
    const name = `the field '${key}' of ${nameOfObject(object)}`
    plain[key] = toBase64(await decrypter.file(content, { format, outputFormat: formatOfPath(key), name }))
  }
  return { ...object, data: plain }
}

/**
 * Refuses Secrets that are still encrypted: applied as they are they would be useless. Flux lets those through whose encrypted values are in
 * `stringData`, because its typed objects drop the field that shows it.
 *
 * @throws DiagnosticsError naming all of them.
 */
export function refuseEncryptedSecrets(objects: readonly KubeObject[]): void {
  const failures = objects
    .filter(
      (object) =>
        object['kind'] === 'Secret' &&
        object['apiVersion'] === 'v1' &&
        object['sops'] !== undefined &&
        !isDecryptionDisabled(object),
    )
    .map((object) =>
      secretsError(
        'sops-not-configured',
        `${nameOfObject(object)} is SOPS encrypted, configuring decryption is required for this secret to be reconciled: set spec.decryption`,
        { reason: 'ReconciliationFailed' },
      ),
    )
  if (failures.length > 0) throw combineFailures(failures)
}

function isDecryptionDisabled(object: KubeObject): boolean {
  const { metadata } = object
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined
  return isMap(annotations) && scalarText(annotations[decryptAnnotation]).toLowerCase() === 'disabled'
}

function nameOfObject(object: KubeObject): string {
  return formatObject({ kind: scalarText(object['kind']), namespace: namespaceOf(object), name: nameOf(object) })
}
