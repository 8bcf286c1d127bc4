import { eventJson, type NotificationEvent } from '../event.ts'
import { addressOf, plainProvider } from '../provider.ts'
import type { OutgoingRequest, Target } from '../types.ts'

/** Any HTTP endpoint: the event itself, with the headers of the Secret. */
export const generic = plainProvider((event, target) => [forwarded(event, target)])

/** The event as it is forwarded; `generic-hmac` signs it. */
export function forwarded(event: NotificationEvent, target: Target): OutgoingRequest & { readonly body: string } {
  return {
    method: 'POST',
    url: addressOf(target),
    headers: {
      'content-type': 'application/json',
      'gotk-component': event.reportingController,
      ...Object.fromEntries(Object.entries(target.headers).map(([name, value]) => [name.toLowerCase(), value])),
    },
    body: eventJson(event),
  }
}
