import type { HelmRelease } from '../../api/index.ts'
import { parseDuration } from '../../base/index.ts'

/** Milliseconds that one action may take: its own timeout, or the object's, or five minutes. */
export function actionTimeoutMs(object: HelmRelease, action: { readonly timeout?: string } | undefined): number {
  return parseDuration(action?.timeout ?? object.spec.timeout ?? '5m')
}
