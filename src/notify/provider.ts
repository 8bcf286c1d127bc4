import { toBase64 } from '../base/index.ts'
import { deliverAll } from './deliver.ts'
import { configError } from './errors.ts'
import { goJson } from './go-json.ts'
import type { NotificationProvider, OutgoingRequest, Target } from './types.ts'

/** A provider for people: its requests need nothing to be asked first. */
export function chatProvider(format: NotificationProvider['format']): NotificationProvider {
  return { format, isChat: true, send: (context, event, target) => deliverAll(context, format(event, target)) }
}

/** A provider for programs: the same, one message for each event. */
export function plainProvider(format: NotificationProvider['format']): NotificationProvider {
  return { ...chatProvider(format), isChat: false }
}

/** A POST of JSON. */
export function postJson(
  url: string,
  payload: unknown,
  options: Pick<OutgoingRequest, 'readBytes' | 'refusal'> & {
    readonly headers?: { readonly [name: string]: string }
  } = {},
): OutgoingRequest {
  const { headers = {}, ...rest } = options
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    body: goJson(payload),
    ...rest,
  }
}

/** The address as it was given. @throws EngineError `notify-config` where it is no URL with http or https. */
export function addressOf(target: Target): string {
  const { address } = target
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return address
  throw configError(
    address === ''
      ? 'the Provider has no address: set spec.address, or address in its Secret'
      : "the Provider's address is no URL with http or https",
  )
}

/** The token. @throws EngineError `notify-config` where there is none. */
export function requiredToken(target: Target): string {
  if (target.token !== '') return target.token
  throw configError(`a Provider of type ${target.type} needs a Secret with token in spec.secretRef`)
}

/** Header for a bearer token; none without a token. */
export function bearer(token: string): { readonly authorization?: string } {
  return token === '' ? {} : { authorization: `Bearer ${token}` }
}

/** Header for a user name and password (RFC 7617). */
export function basic(username: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${toBase64(new TextEncoder().encode(`${username}:${password}`))}` }
}
