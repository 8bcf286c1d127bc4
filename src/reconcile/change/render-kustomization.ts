import type { Kustomization } from '../../api/index.ts'
import { toEngineError, type EngineError } from '../../base/index.ts'
import { maskFile, maskJsonObject } from '../../secrets/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import { isMap } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { checkAccess } from '../kustomization/access.ts'
import type { BuiltKustomization } from '../kustomization/build.ts'
import { decryptWith, loadDecryption, noDecryption, type Decryption } from '../kustomization/decrypt.ts'
import { buildFrom, remoteBasesOf } from '../kustomization/render.ts'
import { loadVariables, type Variables } from '../kustomization/variables.ts'
import { artifactFor } from '../safety/pinned-revision.ts'
import { admitRendered, tenantOfObject } from '../tenancy.ts'
import { hiddenVariables, referenceOfVariable } from './hidden-spec.ts'
import { withoutSecrets } from './open-error.ts'
import { pairForms, type FormObject } from './pair-objects.ts'
import { notePlaceholders, type NotedPlaceholders, type SideOptions } from './side-options.ts'
import type { RenderedSide } from './types.ts'

/**
 * A Kustomization as one commit makes it. It is built with placeholders for what is encrypted and for variables from Secrets and ConfigMaps of the cluster; where any took part, again with others, and with what they stand for.
 *
 * @throws EngineError as a run would; where placeholders took part, of the build with placeholders.
 */
export async function renderKustomizationSide(
  ctx: RunContext,
  object: Kustomization,
  options: SideOptions,
): Promise<RenderedSide> {
  checkAccess(ctx, object)
  const source = await artifactFor(ctx, object)
  const isUsed = options.secrets === 'used'
  const decryption = isUsed ? await loadDecryption(ctx, object) : undefined
  const variables = isUsed ? await loadVariables(ctx.client, object, ctx.signal) : undefined
  const remote = remoteBasesOf(ctx, object)
  const build = async (given: Decryption, values: Variables, of = object): Promise<BuiltKustomization> => {
    const built = await buildFrom(ctx, of, { source, decryption: given, variables: values, remote })
    if (tenantOfObject(ctx, object) === undefined) return built
    // What `spec.kubeConfig` names is a Secret, too.
    const client = isUsed || object.spec.kubeConfig === undefined ? await ctx.identities.of(object) : ctx.client
    await admitRendered(ctx, object, { objects: built.objects, client })
    return built
  }
  const open = async (placeholders: NotedPlaceholders, of = object): Promise<BuiltKustomization> =>
    await build(
      object.spec.decryption === undefined ? noDecryption : maskingDecryption(ctx, object, placeholders),
      openVariables(of, options, variables, placeholders),
      of,
    )
  const noted = notePlaceholders(options.placeholders, 'open')
  const built = await open(noted).catch((error: unknown) => {
    throw noted.isUsed || options.twin !== undefined ? withoutSecrets(error) : error
  })
  const artifacts = artifactsOf(source)
  const shown = formOf(built)
  const ownTwin = options.twin?.kind === 'Kustomization' ? options.twin : undefined
  if (!noted.isUsed && ownTwin === undefined)
    return { ...pairForms({ open: shown, desired: shown }), hasSecrets: false, artifacts }
  const twin = formOf(await open(notePlaceholders(options.placeholders, 'twin'), ownTwin))
  if (decryption === undefined || variables === undefined || ownTwin !== undefined)
    return { ...pairForms({ open: shown, twin }), hasSecrets: true, artifacts }
  try {
    const desired = formOf(await build(decryption, variables))
    return { ...pairForms({ open: shown, twin, desired }), hasSecrets: true, artifacts }
  } catch (caught) {
    const failure = toEngineError(caught)
    if (isTellable(failure)) throw failure
    return { ...pairForms({ open: shown, twin }), failure, hasSecrets: true, artifacts }
  }
}

/** Errors that do not depend on what a secret is: a key is missing, a server does not answer. */
function isTellable({ code, disposition }: EngineError): boolean {
  return code.startsWith('sops-') || code === 'aborted' || disposition === 'retry'
}

function artifactsOf({ digest }: SourceArtifact): RenderedSide['artifacts'] {
  return { source: digest }
}

function formOf(built: BuiltKustomization): readonly FormObject[] {
  return built.objects.map((object) => {
    const place = built.originOf(object)
    const source = JSON.stringify([built.originalNameOf(object), place?.file, place?.line])
    return { object, source, file: place?.file, line: place?.line }
  })
}

/**
 * Puts a placeholder where something is encrypted, which needs no key. What Git shows of a value, its place and how it is encrypted, is what the placeholder stands for: a value that is encrypted anew counts as another one.
 */
function maskingDecryption(ctx: RunContext, object: Kustomization, placeholders: NotedPlaceholders): Decryption {
  const { kind, name, namespace = object.metadata.namespace ?? '' } = object.spec.sourceRef
  const source = `${kind}/${namespace}/${name}`
  const mask = (what: string) => (path: readonly string[], encrypted: string) =>
    placeholders.text(['sops', source, what, ...path, encrypted])
  return decryptWith({
    file: (content, { name: what, ...formats }) => Promise.resolve(maskFile(content, { ...formats, mask: mask(what) })),
    object: (given, what) => Promise.resolve(maskJsonObject(given, mask(what))),
    signal: ctx.signal,
  })
}

/** The variables as everybody may read them. */
function openVariables(
  object: Kustomization,
  { configMap, hidden: paths }: SideOptions,
  variables: Variables | undefined,
  placeholders: NotedPlaceholders,
): Variables {
  const namespace = object.metadata.namespace ?? ''
  const unwritten = hiddenVariables(paths)
  const open = new Map<string, string>()
  const hidden = new Map<string, readonly string[]>()
  const known = (key: { readonly namespace: string; readonly name: string }): { readonly [name: string]: string } => {
    const data = configMap?.(key)?.['data']
    return isMap(data) ? (data as { readonly [name: string]: string }) : {}
  }
  const { substituteFrom = [], substitute = {} } = object.spec.postBuild ?? {}
  for (const [name, value] of variables?.values ?? []) {
    const origin = variables?.origins.get(name)
    const given = origin?.kind === 'ConfigMap' ? known(origin)[name] : undefined
    if (origin === undefined && unwritten.has(name)) hidden.set(name, referenceOfVariable(object, name))
    else if (origin === undefined)
      open.set(name, object.spec.postBuild?.substitute?.[name]?.replaceAll('\n', '') ?? value)
    else if (given === undefined) hidden.set(name, [origin.kind, origin.namespace, origin.name, name])
    else open.set(name, given.replaceAll('\n', ''))
  }
  if (variables !== undefined)
    return { values: new OpenVariables(open, hidden, placeholders), origins: new Map(), versions: [] }
  const unread = substituteFrom.filter(
    ({ kind, name }) => kind === 'Secret' || configMap?.({ namespace, name }) === undefined,
  )
  for (const { kind, name: of } of substituteFrom)
    if (kind === 'ConfigMap')
      for (const [name, value] of Object.entries(known({ namespace, name: of }))) open.set(name, value)
  for (const [name, value] of Object.entries(substitute))
    if (unwritten.has(name)) hidden.set(name, referenceOfVariable(object, name))
    else open.set(name, value.replaceAll('\n', ''))
  const anywhere =
    unread.length === 0 ? undefined : ['variable', namespace, ...unread.map(({ kind, name }) => `${kind}/${name}`)]
  return { values: new OpenVariables(open, hidden, placeholders, anywhere), origins: new Map(), versions: [] }
}

/** Variables in which a placeholder counts as used only where it is asked for. */
class OpenVariables extends Map<string, string> {
  readonly #hidden: ReadonlyMap<string, readonly string[]>
  readonly #placeholders: NotedPlaceholders
  readonly #anywhere: readonly string[] | undefined

  /** @param anywhere What stands for variables that may come from what is not read; undefined: there are none. */
  constructor(
    open: ReadonlyMap<string, string>,
    hidden: ReadonlyMap<string, readonly string[]>,
    placeholders: NotedPlaceholders,
    anywhere?: readonly string[],
  ) {
    super([...open, ...[...hidden.keys()].map((name) => [name, ''] as const)])
    // Without any variable nothing would be replaced.
    if (anywhere !== undefined && this.size === 0) this.set('_', '')
    this.#hidden = hidden
    this.#placeholders = placeholders
    this.#anywhere = anywhere
  }

  override get(name: string): string | undefined {
    const reference =
      this.#hidden.get(name) ?? (this.has(name) || this.#anywhere === undefined ? undefined : [...this.#anywhere, name])
    return reference === undefined ? super.get(name) : this.#placeholders.text(reference)
  }
}
