import { ociError } from './errors.ts'

/** A repository in a registry. */
export interface OciRepositoryName {
  /** Host and port as users write them: `ghcr.io`, `docker.io`, `localhost:5000`. */
  readonly registry: string
  /** Where its API is: for `docker.io` another host. */
  readonly host: string
  /** Path without leading or trailing slash. */
  readonly repository: string
}

/** Path components of the distribution specification 1.1. */
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/

/**
 * Reads `oci://<registry>/<repository>`, without a tag or digest (source-controller 1.9, ociRepository parseRepository). Names in `docker.io` of one component are those of `library/`.
 *
 * @throws EngineError reason `URLInvalid`.
 */
export function parseOciUrl(url: string, appended = ''): OciRepositoryName {
  const invalid = (why: string): Error =>
    ociError('oci-url-invalid', `invalid OCI URL: ${why}`, { reason: 'URLInvalid' })
  if (!url.startsWith('oci://')) throw invalid("it must be in format 'oci://<domain>/<org>/<repo>'")
  const [registry = '', ...path] = `${url.slice('oci://'.length).replace(/\/+$/, '')}${appended}`.split('/')
  if (!/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(registry))
    throw invalid('its host cannot be read')
  const last = path.at(-1) ?? ''
  if (last.includes('@') || last.includes(':')) throw invalid('it must not have a tag or digest; use spec.ref for that')
  if (path.length === 0 || !path.every((part) => component.test(part)))
    throw invalid('its path is no name of a repository')
  const isDockerHub = registry === 'docker.io' || registry === 'index.docker.io'
  const repository = path.join('/')
  return {
    registry: isDockerHub ? 'docker.io' : registry,
    host: isDockerHub ? 'registry-1.docker.io' : registry,
    repository: isDockerHub && path.length === 1 ? `library/${repository}` : repository,
  }
}

/** True for `sha256:<64 hex digits>`. */
export function isOciDigest(text: unknown): text is string {
  return typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text)
}
