import { EngineError } from '../base/index.ts'

/** The Provider or its Secret must be changed. The message says how and shows no value. */
export function configError(message: string): EngineError {
  return new EngineError(message, { code: 'notify-config' })
}

/** This event can never be told to this provider: it is not tried again. */
export function unsuitable(message: string): EngineError {
  return new EngineError(message, { code: 'notify-unsuitable' })
}

/** The receiving end refused, or did not answer. */
export function sendError(
  message: string,
  options: { readonly retry: boolean; readonly status?: number; readonly retryAfterMs?: number | undefined },
): EngineError {
  return new EngineError(message, {
    code: options.retry ? 'notify-unavailable' : 'notify-refused',
    disposition: options.retry ? 'retry' : 'stall',
    ...(options.status === undefined ? {} : { data: { status: options.status } }),
    ...(options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs }),
  })
}
