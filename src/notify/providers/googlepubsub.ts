import { toBase64 } from '../../base/index.ts'
import { fetchGcpToken, gcpScope, parseGcpCredentials, type CloudDeps } from '../../cloud/index.ts'
import { deliver } from '../deliver.ts'
import { configError } from '../errors.ts'
import { eventJson } from '../event.ts'
import { sortedMap } from '../go-json.ts'
import { bearer, postJson } from '../provider.ts'
import type { NotificationProvider, SendContext, Target } from '../types.ts'

/**
 * Google Pub/Sub: the event as a message of a topic (REST, projects.topics.publish). The address is the project, the channel the topic, the headers of the Secret are attributes; the token is a credentials file,
 * without it the service account or the deployment logs in.
 */
export const googlepubsub: NotificationProvider = {
  isChat: false,
  format: (event, target) => {
    const { address: project, channel: topic, headers } = target
    if (!/^[\w.:-]+$/.test(project))
      throw configError('spec.address of a Provider of type googlepubsub is the id of a project')
    if (!/^[\w.~+%-]+$/.test(topic))
      throw configError('spec.channel of a Provider of type googlepubsub is the id of a topic')
    const data = toBase64(new TextEncoder().encode(eventJson(event)))
    const attributes = Object.keys(headers).length === 0 ? undefined : sortedMap(headers)
    const url = `https://pubsub.googleapis.com/v1/projects/${project}/topics/${topic}:publish`
    return [postJson(url, { messages: [{ data, attributes }] })]
  },
  send: async (context, event, target) => {
    const requests = googlepubsub.format(event, target)
    const token = await accessToken(context, target)
    for (const request of requests)
      await deliver(context, { ...request, headers: { ...request.headers, ...bearer(token) } })
  },
}

async function accessToken(context: SendContext, target: Target): Promise<string> {
  const { clock, signal, http, egress, tls, proxy } = context
  if (target.token !== '') {
    const unusable = (why: string): Error => configError(`token of the Secret is no credentials file of Google: ${why}`)
    const deps: CloudDeps = {
      http,
      egress,
      tls,
      proxy,
      signal,
      now: () => clock.now(),
      failure: { code: 'cloud-login-failed', reason: 'AuthenticationFailed' },
    }
    return (await fetchGcpToken(deps, parseGcpCredentials(target.token, unusable), { scope: gcpScope, unusable })).token
  }
  if (context.cloud === undefined)
    throw configError('this deployment cannot log in at Google; give a Secret with token')
  const serviceAccount = await context.serviceAccount?.()
  return (await context.cloud.gcp({ serviceAccount, proxy, signal })).token
}
