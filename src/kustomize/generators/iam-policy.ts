import type { KubeMap, Schema } from '../../resources/index.ts'
import { problem } from '../problems.ts'
import { Resource } from '../resource.ts'

/** Settings of the IAMPolicyGenerator plugin. */
export interface IamPolicyEntry {
  readonly cloud?: string
  readonly kubernetesService?: { readonly name?: string; readonly namespace?: string }
  readonly serviceAccount?: { readonly name?: string; readonly projectId?: string }
}

/** A ServiceAccount bound to a Google service account (api/filters/iampolicygenerator). */
export function generateIamPolicy(entry: IamPolicyEntry, schema: Schema): Resource {
  if (entry.cloud !== 'gke')
    throw problem('kustomize-iam-cloud', `cloud provider ${entry.cloud ?? ''} not supported yet`)
  const metadata: KubeMap = {
    annotations: {
      'iam.gke.io/gcp-service-account': `${entry.serviceAccount?.name ?? ''}@${entry.serviceAccount?.projectId ?? ''}.iam.gserviceaccount.com`,
    },
    name: entry.kubernetesService?.name ?? '',
  }
  if (entry.kubernetesService?.namespace) metadata['namespace'] = entry.kubernetesService.namespace
  return new Resource({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, schema)
}
