import * as cloud from '../../cloud/index.ts'

/** What talking to a key service needs: addresses of key services stand in the files, which tenants write. */
export type KeyServiceDeps = Omit<cloud.CloudDeps, 'failure' | 'tls' | 'proxy'>

/** How everything that goes wrong at a key service is reported. */
export const keyServiceFailure: cloud.CloudFailure = Object.freeze({
  code: 'key-service-failed',
  reason: 'BuildFailed',
})

/** `deps` for the services of a cloud. */
export function cloudDeps(deps: KeyServiceDeps): cloud.CloudDeps {
  return { ...deps, failure: keyServiceFailure }
}

/** Posts to a key service; see postToService. @throws EngineError `key-service-failed`, `egress-refused`. */
export function postToKeyService(
  deps: KeyServiceDeps,
  request: Parameters<typeof cloud.postToService>[1],
): Promise<string> {
  return cloud.postToService(cloudDeps(deps), request)
}

/** A text field of an answer. Throws EngineError `key-service-failed` where it is missing. */
export function answerField(text: string, service: string, ...path: readonly string[]): string {
  return cloud.answerField({ failure: keyServiceFailure }, text, service, ...path)
}
