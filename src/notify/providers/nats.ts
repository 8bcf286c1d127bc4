import { unsuitable } from '../errors.ts'
import type { NotificationProvider } from '../types.ts'

/** NATS speaks its own protocol over TCP, and a deployment has no port for sockets: every event ends in an error that says so. */
export const nats: NotificationProvider = {
  isChat: false,
  format: () => {
    throw unsuitable(
      'a Provider of type nats needs a TCP connection, which this deployment cannot open (it speaks HTTP only); put an HTTP gateway in front and use the type generic',
    )
  },
  send: async (_context, event, target) => void nats.format(event, target),
}
