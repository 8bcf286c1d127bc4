import { compareVersions, sluiceVersion, tryParseVersion } from '../base/index.ts'
import { apiVersions, ownAnnotations } from './names.ts'
import { definitions } from './schema/definitions.ts'

/** What is looked at of an object; anything may be missing or of another type, since it comes from Git. */
interface Candidate {
  readonly apiVersion?: unknown
  readonly kind?: unknown
  readonly metadata?: { readonly name?: unknown; readonly annotations?: { readonly [key: string]: unknown } | null }
  readonly spec?: unknown
}

interface CrdVersion {
  readonly name?: unknown
  readonly served?: unknown
  readonly storage?: unknown
  readonly subresources?: { readonly status?: unknown } | null
}

/**
 * Why this version of Sluice must not apply these objects: one sentence for each, none where it may. Two things are looked for: definitions of our own kinds after which we could no longer read or write our
 * objects (the version that we use is not served or has no status, or what is stored is a version that we do not know), and the annotation `sluice.dev/minimum-version` with a version newer than ours, on any object.
 *
 * Applying them would take away what the next run needs to notice it. Newer versions of a kind beside ours are no hindrance. Pure.
 */
export function findUnservable(objects: readonly object[], version: string = sluiceVersion): readonly string[] {
  return objects.flatMap((object) => {
    const candidate = object as Candidate
    return [...newerThan(candidate, version), ...definitionFaults(candidate, version)]
  })
}

function newerThan(object: Candidate, version: string): readonly string[] {
  const wanted = object.metadata?.annotations?.[ownAnnotations.minimumVersion]
  if (wanted === undefined || wanted === null) return []
  const at = `${String(object.kind)}/${String(object.metadata?.name)}`
  const minimum = typeof wanted === 'string' ? tryParseVersion(wanted) : undefined
  if (typeof wanted !== 'string' || minimum === undefined)
    return [`${at}: the annotation ${ownAnnotations.minimumVersion} is no version such as ${version}`]
  const own = tryParseVersion(version)
  if (own !== undefined && compareVersions(own, minimum) >= 0) return []
  return [`${at} needs Sluice ${wanted} or later, and this is ${version}`]
}

function definitionFaults(object: Candidate, version: string): readonly string[] {
  if (object.kind !== 'CustomResourceDefinition' || String(object.apiVersion).split('/')[0] !== 'apiextensions.k8s.io')
    return []
  const name = String(object.metadata?.name)
  const own = Object.values(definitions).find(({ plural, group }) => name === `${plural}.${group}`)
  if (own === undefined) return []
  const wanted = apiVersions[own.kind].split('/')[1] ?? ''
  const spec = (object.spec ?? {}) as { readonly versions?: unknown }
  const versions = (Array.isArray(spec.versions) ? spec.versions : []) as readonly (CrdVersion | null)[]
  const found = versions.find((one) => one?.name === wanted)
  const at = `CustomResourceDefinition/${name}`
  const by = `this version of Sluice (${version}) reads and writes ${wanted} of ${own.kind}`
  if (found === undefined || found === null || found.served !== true)
    return [`${at} does not serve ${wanted}, but ${by}`]
  // What is stored loses the fields that its version does not have: of one that we do not know, we cannot tell which.
  const stored = versions.find((one) => one?.storage === true)?.name
  if (!own.versions.some(({ name: one }) => one === stored))
    return [`${at} stores ${typeof stored === 'string' ? stored : 'nothing'}, but ${by}`]
  const hasStatus = own.versions.some(({ name: one, status }) => one === wanted && status !== undefined)
  if (hasStatus && (found.subresources?.status ?? undefined) === undefined)
    return [`${at} has no status subresource in ${wanted}, but ${by} and its status`]
  return []
}
