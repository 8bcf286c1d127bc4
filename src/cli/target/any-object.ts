import { EngineError } from '../../base/index.ts'
import type { ApiResource, KubeClient, ObjectKey } from '../../kube/index.ts'
import { formatApiVersion, type KubeObject } from '../../resources/index.ts'
import { usageError } from '../exit-codes.ts'
import { kindOfWord } from './kinds.ts'

/** Short names that kubectl knows of the kinds one asks for most. */
const shortNames: { readonly [word: string]: string } = {
  po: 'pods',
  deploy: 'deployments',
  rs: 'replicasets',
  sts: 'statefulsets',
  ds: 'daemonsets',
  svc: 'services',
  cm: 'configmaps',
  ing: 'ingresses',
  sa: 'serviceaccounts',
  ns: 'namespaces',
  pvc: 'persistentvolumeclaims',
  cj: 'cronjobs',
  crd: 'customresourcedefinitions',
  hpa: 'horizontalpodautoscalers',
  pdb: 'poddisruptionbudgets',
  netpol: 'networkpolicies',
}

/**
 * Reads any object of the cluster by words as kubectl takes them: `deployment/web`, `deployment web`, `deploy.apps/web`, `ks app`.
 *
 * @throws EngineError `usage` for words that name no kind which the cluster serves; `not-found`.
 */
export async function readAnyObject(
  client: KubeClient,
  words: readonly string[],
  options: { readonly namespace: string; readonly apiVersion?: string | undefined; readonly kind?: string | undefined },
): Promise<KubeObject> {
  const { kind, name } = splitWords(words, options.kind)
  const resource = await resourceOf(client, kind, options.apiVersion)
  const key: ObjectKey = {
    apiVersion: formatApiVersion(resource),
    kind: resource.kind,
    ...(resource.namespaced ? { namespace: options.namespace } : {}),
    name,
  }
  const object = await client.get<KubeObject>(key)
  if (object !== undefined) return object
  const where = resource.namespaced ? `'${options.namespace}/${name}'` : `'${name}'`
  throw new EngineError(`${resource.kind} ${where} was not found; name its namespace with -n`, {
    code: 'not-found',
    disposition: 'wait',
  })
}

function splitWords(
  words: readonly string[],
  kind: string | undefined,
): { readonly kind: string; readonly name: string } {
  const [first = '', second, third, ...more] = words
  if (kind !== undefined && second === undefined) return { kind, name: first }
  if (more.length === 0 && /^sources?$/i.test(first) && second !== undefined && third !== undefined) {
    return { kind: kindOfWord(`source/${second}`) ?? second, name: third }
  }
  const slash = /^([^/]+)\/(.+)$/.exec(first)
  if (slash !== null && second === undefined) return { kind: slash[1] ?? '', name: slash[2] ?? '' }
  if (second !== undefined && third === undefined) return { kind: first, name: second }
  throw usageError("name one object: 'deployment/web', 'deployment web', 'ks/app'")
}

/** The resource that a word names: ours first, then what the server prefers. */
async function resourceOf(client: KubeClient, word: string, apiVersion: string | undefined): Promise<ApiResource> {
  const { byKind, groupVersions } = await client.discovery()
  const [short = '', ...groupParts] = (kindOfWord(word) ?? word).toLowerCase().split('.')
  const wanted = shortNames[short] ?? short
  const group = groupParts.join('.')
  const isOurs = (resource: ApiResource): boolean => resource.group.endsWith('.toolkit.fluxcd.io')
  const rank = (resource: ApiResource): number => {
    const at = groupVersions.indexOf(formatApiVersion(resource))
    return (kindOfWord(word) !== undefined && isOurs(resource) ? -10_000 : 0) + (at < 0 ? 1_000 : at)
  }
  const found = [...byKind.values()]
    .filter((resource) => [resource.kind.toLowerCase(), resource.plural].includes(wanted))
    .filter((resource) => group === '' || resource.group === group)
    .filter((resource) => apiVersion === undefined || formatApiVersion(resource) === apiVersion)
    .toSorted((a, b) => rank(a) - rank(b))[0]
  if (found !== undefined) return found
  throw usageError(`the cluster serves no kind '${word}'${apiVersion === undefined ? '' : ` of ${apiVersion}`}`)
}
