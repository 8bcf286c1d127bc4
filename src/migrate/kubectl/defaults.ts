import { equalValues, isMap, scalarText, type KubeMap, type KubeObject, type KubeValue } from '../../resources/index.ts'

/** What the API server (1.37) fills in, by the place in the object: a field with this value need not be in a manifest. */
const podDefaults: KubeMap = {
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
  enableServiceLinks: true,
  preemptionPolicy: 'PreemptLowerPriority',
  priority: 0,
}
const containerDefaults: KubeMap = {
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  resources: {},
  securityContext: {},
}
const probeDefaults: KubeMap = { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 }

const specDefaults: { readonly [kind: string]: KubeMap } = {
  Deployment: {
    progressDeadlineSeconds: 600,
    revisionHistoryLimit: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  },
  StatefulSet: {
    podManagementPolicy: 'OrderedReady',
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  },
  DaemonSet: {
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  },
  Service: {
    internalTrafficPolicy: 'Cluster',
    ipFamilyPolicy: 'SingleStack',
    sessionAffinity: 'None',
    type: 'ClusterIP',
    externalTrafficPolicy: 'Cluster',
    allocateLoadBalancerNodePorts: true,
  },
  CronJob: { concurrencyPolicy: 'Allow', failedJobsHistoryLimit: 1, successfulJobsHistoryLimit: 3, suspend: false },
  Job: {
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    completions: 1,
    parallelism: 1,
    suspend: false,
    podReplacementPolicy: 'TerminatingOrFailed',
    manualSelector: false,
  },
  PersistentVolumeClaim: { volumeMode: 'Filesystem' },
}

/** What the server decides and never a person, by kind. */
const serverFields: { readonly [kind: string]: readonly string[] } = {
  Service: ['clusterIPs', 'ipFamilies', 'healthCheckNodePort'],
  PersistentVolumeClaim: ['volumeName'],
  Pod: ['nodeName', 'tolerations'],
}

/**
 * A manifest without what the server fills in, or decides. What a field is left out for is the value: one that differs stays. Whether leaving it out changes something after all is
 * for a dry-run to say. Pure.
 */
export function withoutDefaults(object: KubeMap, live: KubeObject = object): KubeMap {
  const kind = scalarText(live['kind'])
  const spec = object['spec']
  const rest: KubeMap = { ...object }
  // The server adds it to every namespace.
  if (kind === 'Namespace' && isMap(spec)) delete rest['spec']
  else if (isMap(spec)) rest['spec'] = specOf(kind, spec)
  return rest
}

function specOf(kind: string, given: KubeMap): KubeMap {
  const spec = without(given, specDefaults[kind] ?? {})
  for (const field of serverFields[kind] ?? []) delete spec[field]
  if (kind === 'Service') return serviceOf(spec)
  if (kind === 'Pod') return podOf(spec)
  for (const field of ['template', 'jobTemplate']) {
    const template = spec[field]
    if (!isMap(template) || !isMap(template['spec'])) continue
    const inner = field === 'template' ? podOf(template['spec']) : specOf('Job', template['spec'])
    spec[field] = { ...withoutTime(template), spec: inner }
  }
  return spec
}

/** A `creationTimestamp: null` that Go prints. */
function withoutTime(template: KubeMap): KubeMap {
  const metadata = template['metadata']
  if (!isMap(metadata)) return template
  const { creationTimestamp: _, ...kept } = metadata
  return { ...template, metadata: kept }
}

/** A headless Service says so itself; any other address is the server's choice. */
function serviceOf(spec: KubeMap): KubeMap {
  const result = { ...spec }
  if (result['clusterIP'] !== 'None') delete result['clusterIP']
  const ports = result['ports']
  if (Array.isArray(ports)) {
    result['ports'] = ports.map((port) => {
      if (!isMap(port)) return port
      const { nodePort, ...kept } = without(port, { protocol: 'TCP' })
      const isSame = equalValues(kept['targetPort'], kept['port'])
      if (isSame) delete kept['targetPort']
      // Of a Service that is reached by it, the port may be known to others.
      return nodePort !== undefined && spec['type'] === 'NodePort' ? { ...kept, nodePort } : kept
    })
  }
  return result
}

function podOf(given: KubeMap): KubeMap {
  const spec = without(given, podDefaults)
  if (equalValues(spec['serviceAccount'], spec['serviceAccountName'])) delete spec['serviceAccount']
  if (spec['serviceAccountName'] === 'default') delete spec['serviceAccountName']
  for (const field of ['containers', 'initContainers']) {
    const list = spec[field]
    if (Array.isArray(list)) spec[field] = list.map((one) => (isMap(one) ? containerOf(one) : one))
  }
  return spec
}

function containerOf(given: KubeMap): KubeMap {
  const container = without(given, containerDefaults)
  const image = scalarText(container['image'])
  const isLatest = !/[:@][^/]*$/.test(image) || image.endsWith(':latest')
  if (container['imagePullPolicy'] === (isLatest ? 'Always' : 'IfNotPresent')) delete container['imagePullPolicy']
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const value = container[probe]
    if (isMap(value)) container[probe] = without(value, probeDefaults)
  }
  const ports = container['ports']
  if (Array.isArray(ports)) {
    container['ports'] = ports.map((port) => (isMap(port) ? without(port, { protocol: 'TCP' }) : port))
  }
  return container
}

function without(map: KubeMap, defaults: KubeMap): KubeMap {
  return Object.fromEntries(
    Object.entries(map).filter(([key, value]: [string, KubeValue]) => !equalValues(value, defaults[key])),
  )
}
