import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { toBase64 } from '../../base/index.ts'
import { deliver } from '../deliver.ts'
import { configError } from '../errors.ts'
import { eventJson } from '../event.ts'
import { bearer } from '../provider.ts'
import type { NotificationProvider, SendContext, Target } from '../types.ts'

/** Scope of tokens for event hubs (fluxcd/pkg auth/azure). */
const eventHubScope = 'https://eventhubs.azure.net/.default'

/** Seconds that a signature is good for. */
const signatureSeconds = 600

interface Hub {
  readonly host: string
  readonly name: string
  readonly key?: { readonly name: string; readonly value: string }
}

/**
 * Azure Event Hubs: the event, over the REST API (Send Event) instead of AMQP. The address is a connection string with a shared access key, or the hub's name with its namespace as the channel and a token, else
 * the login of the service account or the deployment.
 */
export const azureeventhub: NotificationProvider = {
  isChat: false,
  format: (event, target) => {
    const { host, name } = hubOf(target)
    return [
      {
        method: 'POST',
        url: `https://${host}/${name}/messages?api-version=2014-01&timeout=60`,
        headers: { 'content-type': 'application/atom+xml;type=entry;charset=utf-8' },
        body: eventJson(event),
      },
    ]
  },
  send: async (context, event, target) => {
    const requests = azureeventhub.format(event, target)
    const authorization = await authorizationOf(context, target)
    for (const request of requests)
      await deliver(context, { ...request, headers: { ...request.headers, ...authorization } })
  },
}

function hubOf(target: Target): Hub {
  const { address, channel } = target
  if (!address.includes('SharedAccessKey')) {
    if (!/^[\w.-]+$/.test(address) || !/^[\w.-]+$/.test(channel))
      throw configError(
        'a Provider of type azureeventhub needs a connection string as its address, or the name of the hub as spec.address and its namespace as spec.channel',
      )
    return { host: channel.includes('.servicebus.') ? channel : `${channel}.servicebus.windows.net`, name: address }
  }
  const fields = new Map(
    address
      .split(';')
      .map((part) => [part.slice(0, part.indexOf('=')).trim().toLowerCase(), part.slice(part.indexOf('=') + 1).trim()]),
  )
  const host = /^sb:\/\/([\w.-]+)\/?$/.exec(fields.get('endpoint') ?? '')?.[1]
  const [name, keyName, value] = ['entitypath', 'sharedaccesskeyname', 'sharedaccesskey'].map(
    (field) => fields.get(field) ?? '',
  )
  if (host === undefined || !name || !keyName || !value)
    throw configError('the connection string needs Endpoint, SharedAccessKeyName, SharedAccessKey and EntityPath')
  return { host, name, key: { name: keyName, value } }
}

async function authorizationOf(context: SendContext, target: Target): Promise<{ readonly authorization?: string }> {
  const hub = hubOf(target)
  if (hub.key !== undefined) return { authorization: signature(hub, hub.key, context.clock.now()) }
  if (target.token !== '') return bearer(target.token)
  if (context.cloud === undefined)
    throw configError('this deployment cannot log in at Azure; give a Secret with token or a connection string')
  const serviceAccount = await context.serviceAccount?.()
  const { proxy, signal } = context
  return bearer((await context.cloud.azure({ serviceAccount, proxy, signal }, eventHubScope)).token)
}

/** A shared access signature (learn.microsoft.com, "Generate SAS token"): the HMAC-SHA256 of the resource and the time of its end. */
function signature(hub: Hub, key: NonNullable<Hub['key']>, now: number): string {
  const resource = encodeURIComponent(`https://${hub.host}/${hub.name}`)
  const end = Math.floor(now / 1000) + signatureSeconds
  const digest = hmac(sha256, utf8ToBytes(key.value), utf8ToBytes(`${resource}\n${end}`))
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(toBase64(digest))}&se=${end}&skn=${encodeURIComponent(key.name)}`
}
