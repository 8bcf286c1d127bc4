import { decodeBitbucketCloud, isBitbucketCloudEvent } from './bitbucket-cloud.ts'
import { decodeBitbucketServer } from './bitbucket-server.ts'
import { utf8Text } from '../base/index.ts'
import { parseSignature, verifyHmac } from './hmac.ts'
import { refIn, tokenOf } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { deliveryIdOf, eventName, parseJson, decodeText, payloadInvalid } from './payload.ts'
import { refuse } from './refusal.ts'
import type { Receiver } from './types.ts'

/**
 * Bitbucket: the Data Center and Server product, and Bitbucket Cloud. Both prove a delivery with the HMAC-SHA256 of the body in `X-Hub-Signature` and name the event in
 * `X-Event-Key`; what the events are called tells them apart.
 */
export const bitbucket: Receiver = {
  verifyHeaders: (headers, secrets) =>
    Promise.resolve(secrets.length > 0 && parseSignature(headers.get('x-hub-signature'), ['sha256']) !== undefined),

  async verifyBody(headers, body, secrets) {
    const given = parseSignature(headers.get('x-hub-signature'), ['sha256'])
    return given !== undefined && body.length > 0 && verifyHmac(body, given.signature, secrets, given.hash)
  },

  decode(headers, body) {
    const event = headers.get('x-event-key') ?? ''
    if (event === '') throw payloadInvalid([{ field: 'X-Event-Key', message: 'the header is missing' }])
    const facts = {
      event: eventName(event),
      deliveryId: deliveryIdOf(headers.get('x-request-uuid') ?? headers.get('x-request-id')),
    }
    if (event === 'diagnostics:ping') return { ...facts, kind: 'ping' }
    const json = (): unknown => parseJson(decodeText(body))
    if (isBitbucketCloudEvent(event)) return decodeBitbucketCloud(facts, event, json)
    return decodeBitbucketServer(facts, event, json)
  },
}

/** The same of a Receiver object `bitbucket`. Every event counts that `spec.events` allows. */
export const bitbucketHook: HookType = {
  type: 'bitbucket',
  hasEvents: true,
  verifyHeaders: async (headers) => {
    if (parseSignature(headers.get('x-hub-signature'), ['sha256']) === undefined)
      throw refuse('the X-Hub-Signature header is missing or malformed')
  },
  verify: async ({ headers, body }, access) => {
    const given = parseSignature(headers.get('x-hub-signature'), ['sha256'])
    if (given === undefined || !(await verifyHmac(body, given.signature, [tokenOf(access)], given.hash)))
      throw refuse('the X-Hub-Signature header does not match the body')
    return {
      event: eventName(headers.get('x-event-key')),
      deliveryId: deliveryIdOf(headers.get('x-request-uuid') ?? headers.get('x-request-id')),
      ...refIn(utf8Text(body) ?? ''),
    }
  },
}
