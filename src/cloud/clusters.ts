import { fromBase64, toBase64Url, utf8Text } from '../base/index.ts'
import type { ClusterAccess, ClusterAccessProviders, ClusterAccessRequest } from '../ports/index.ts'
import { parseYaml } from '../yaml/index.ts'
import { presignAwsUrl, signAwsRequest } from './aws-sign.ts'
import { awsDomain } from './aws-sts.ts'
import type { CloudLogins, CloudRequest } from './logins.ts'
import { answerField, cloudError, getFromService, parseObject, postToService, type CloudDeps } from './request.ts'

/** What of a cluster a ConfigMap may leave out. */
interface ClusterPlace {
  readonly server: string
  readonly ca: string
}

/** How the clouds name their clusters. */
const clusterForms = Object.freeze({
  aws: {
    form: /^arn:aws[\w-]*:eks:([a-z]{2}(?:-[a-z]+)+-\d{1,2}):\d{1,30}:cluster\/([\w-]{1,100})$/,
    what: 'the ARN of a cluster of EKS',
  },
  gcp: {
    form: /^projects\/[\w.:-]{1,200}\/locations\/[\w-]{1,200}\/clusters\/[\w-]{1,200}$/,
    what: 'projects/<project>/locations/<location>/clusters/<name>',
  },
  azure: {
    form: /^\/subscriptions\/[\w-]{36}\/resourceGroups\/[\w().-]{1,200}\/providers\/Microsoft\.ContainerService\/managedClusters\/[\w-]{1,200}$/i,
    what: 'the resource id of a cluster of AKS',
  },
})

/** What is wrong with the name of a managed cluster; undefined where it has the form that the provider gives it. */
export function managedClusterProblem(provider: ClusterAccessRequest['provider'], cluster: string): string | undefined {
  const { form, what } = clusterForms[provider]
  return form.test(cluster) ? undefined : `must be ${what}`
}

/** A token for EKS is good for a quarter of an hour. */
const eksTokenMs = 900_000
/** The application that stands for the API server of every AKS cluster. */
const aksScope = '6dae42f8-4368-4678-94ff-3960e28e3630/.default'
const aksApiVersion = '2024-09-01'
/** Descriptions of clusters have all node pools in them. */
const maxAnswerBytes = 4 << 20

/**
 * Access to clusters of EKS, GKE and AKS (fluxcd/pkg auth, NewRESTConfig): a token of whoever logs in, and, where the request does not say them, address and certificate authority as the cloud tells.
 *
 * All reject with EngineErrors of {@link CloudLogins}.
 */
export function createClusterAccess(logins: CloudLogins): Required<ClusterAccessProviders> {
  const start = (request: ClusterAccessRequest): { readonly asked: CloudRequest; readonly deps: CloudDeps } => {
    const asked = { serviceAccount: request.serviceAccount, signal: request.signal }
    return { asked, deps: logins.deps(asked) }
  }
  return {
    aws: (request) => accessEks(logins, request, start(request)),
    gcp: (request) => accessGke(logins, request, start(request)),
    azure: (request) => accessAks(logins, request, start(request)),
  }
}

interface Started {
  readonly asked: CloudRequest
  readonly deps: CloudDeps
}

async function accessEks(logins: CloudLogins, request: ClusterAccessRequest, started: Started): Promise<ClusterAccess> {
  const { asked, deps } = started
  const [, region, name] = parts(deps, request)
  const credentials = await logins.aws({ ...asked, region })
  const domain = awsDomain(request.cluster, region)
  const now = deps.now()
  const place = await placeOf(request, async () => {
    const url = `https://eks.${region}.${domain}/clusters/${name}`
    const headers = await signAwsRequest(credentials, { method: 'GET', url, headers: {}, service: 'eks', region, now })
    const text = await getFromService(deps, { service: 'AWS EKS', url, headers, maxAnswerBytes })
    return {
      server: answerField(deps, text, 'AWS EKS', 'cluster', 'endpoint'),
      ca: answerField(deps, text, 'AWS EKS', 'cluster', 'certificateAuthority', 'data'),
    }
  })
  // What the API server sends to STS to see who asks.
  const url = await presignAwsUrl(credentials, {
    method: 'GET',
    url: `https://sts.${region}.${domain}/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=900`,
    headers: { 'x-k8s-aws-id': name },
    service: 'sts',
    region,
    now,
  })
  return clusterAccess(deps, place, { token: `k8s-aws-v1.${toBase64Url(url)}`, expiresAt: now + eksTokenMs })
}

async function accessGke(logins: CloudLogins, request: ClusterAccessRequest, started: Started): Promise<ClusterAccess> {
  const { asked, deps } = started
  parts(deps, request)
  const login = await logins.gcp(asked)
  const place = await placeOf(request, async () => {
    const text = await getFromService(deps, {
      service: 'GKE',
      url: `https://container.googleapis.com/v1/${request.cluster}`,
      headers: { authorization: `Bearer ${login.token}` },
      maxAnswerBytes,
    })
    return {
      server: answerField(deps, text, 'GKE', 'endpoint'),
      ca: answerField(deps, text, 'GKE', 'masterAuth', 'clusterCaCertificate'),
    }
  })
  return clusterAccess(deps, place, login)
}

async function accessAks(logins: CloudLogins, request: ClusterAccessRequest, started: Started): Promise<ClusterAccess> {
  const { asked, deps } = started
  parts(deps, request)
  const login = await logins.azure(asked, aksScope)
  const place = await placeOf(request, async () => {
    const manager = await logins.azure(asked, 'https://management.azure.com/.default')
    const ask = {
      service: 'Azure Resource Manager',
      headers: { authorization: `Bearer ${manager.token}`, 'content-type': 'application/json' },
      maxAnswerBytes,
    }
    const base = `https://management.azure.com${request.cluster}`
    const described = parseObject(await getFromService(deps, { ...ask, url: `${base}?api-version=${aksApiVersion}` }))
    if ((described?.['properties'] as { readonly aadProfile?: unknown } | undefined)?.aadProfile === undefined)
      throw cloudError(deps, 'the cluster of AKS does not let identities of Microsoft Entra ID in; switch that on')
    const url = `${base}/listClusterUserCredential?api-version=${aksApiVersion}`
    const found = parseObject(await postToService(deps, { ...ask, url, body: '' }))?.['kubeconfigs']
    return kubeconfigPlace(deps, Array.isArray(found) ? (found as readonly unknown[]) : [], request.address)
  })
  return clusterAccess(deps, place, login)
}

/** Address and authority of the kubeconfig that fits the address of the request, or of the first. */
function kubeconfigPlace(deps: CloudDeps, found: readonly unknown[], address: string | undefined): ClusterPlace {
  const wanted = address === undefined ? undefined : canonical(address)
  for (const entry of found) {
    const { value } = (entry ?? {}) as { readonly value?: unknown }
    const text = utf8Text(fromBase64(typeof value === 'string' ? value : '') ?? new Uint8Array()) ?? ''
    const { clusters } = (parseYaml(text, { dialect: 'sigs' }) ?? {}) as {
      readonly clusters?: readonly { readonly cluster?: { readonly [field: string]: unknown } }[]
    }
    const { server, 'certificate-authority-data': ca } = clusters?.[0]?.cluster ?? {}
    if (typeof server !== 'string' || typeof ca !== 'string') continue
    if (wanted === undefined || canonical(server) === wanted) return { server, ca }
  }
  throw cloudError(deps, 'Azure names no kubeconfig of the cluster with that address')
}

function canonical(address: string): string {
  const text = address.includes('://') ? address : `https://${address}`
  if (!URL.canParse(text)) return ''
  const { hostname, port } = new URL(text)
  return `${hostname.toLowerCase()}:${port === '' ? '443' : port}`
}

/** What the request says, and for the rest what the cloud does. */
async function placeOf(
  request: ClusterAccessRequest,
  describe: () => Promise<ClusterPlace>,
): Promise<{ readonly server: string; readonly ca: string | undefined; readonly isEncoded: boolean }> {
  const { address, ca, trustsSystem = false } = request
  if (address !== undefined && (trustsSystem || ca !== undefined)) return { server: address, ca, isEncoded: false }
  const told = await describe()
  return { server: address ?? told.server, ca: ca ?? told.ca, isEncoded: ca === undefined }
}

function clusterAccess(
  deps: CloudDeps,
  place: { readonly server: string; readonly ca: string | undefined; readonly isEncoded: boolean },
  login: { readonly token: string; readonly expiresAt: number },
): ClusterAccess {
  const server = place.server.includes('://') ? place.server : `https://${place.server}`
  if (place.ca === undefined) return { server, token: login.token, expiresAt: login.expiresAt }
  const pem = place.isEncoded ? utf8Text(fromBase64(place.ca) ?? new Uint8Array()) : place.ca
  if (pem?.includes('-----BEGIN CERTIFICATE-----') !== true)
    throw cloudError(deps, 'the certificate authority of the cluster is no certificate in PEM')
  return { server, ca: pem, token: login.token, expiresAt: login.expiresAt }
}

function parts(deps: CloudDeps, request: ClusterAccessRequest): readonly [string, string, string] {
  const { form, what } = clusterForms[request.provider]
  const match = form.exec(request.cluster)
  if (match === null) throw cloudError(deps, `'cluster' must be ${what}`)
  return [match[0], match[1] ?? '', match[2] ?? '']
}
