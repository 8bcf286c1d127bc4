import type { GitRepository, GitRepositoryInclude } from '../../api/index.ts'
import { EngineError, isEngineError, parseDuration } from '../../base/index.ts'
import {
  providerCredentials,
  secretText,
  proxyOfSecret,
  type FetchArtifactOptions,
  type GitCredentials,
  type GitDeps,
  type GitVerification,
} from '../../sources/index.ts'
import { cloudGitLogins } from './cloud.ts'
import type { SourceContext } from './index.ts'
import { readSecret } from './secret.ts'

/** What decides how the files of a commit are shown: from the spec for a new artifact, from the status for the recorded one. */
export interface GitContent {
  readonly ignore?: string
  readonly sparseCheckout?: readonly string[]
  readonly recurseSubmodules?: boolean
  readonly include?: readonly GitRepositoryInclude[]
}

const defaultTimeoutMs = 60_000

/** The ports of Git for one object: its `spec.timeout` is the deadline of every operation. */
export function gitDeps(ctx: SourceContext, object: GitRepository): GitDeps {
  const { http, clock, caches, limits, settings, ssh } = ctx.deps
  return {
    http,
    clock,
    cache: caches.git,
    limits: { ...limits.git, timeoutMs: timeoutOf(object) },
    egress: settings.egress,
    ...(ssh === undefined ? {} : { ssh }),
  }
}

/** Where to fetch from and how to log in. Throws EngineError with reason `AuthenticationFailed`, `InvalidProviderConfiguration`, `URLInvalid`. */
export async function remoteOf(
  ctx: SourceContext,
  object: GitRepository,
): Promise<Pick<FetchArtifactOptions, 'url' | 'ref' | 'signal'> & { readonly credentials: GitCredentials }> {
  const { spec } = object
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(timeoutOf(object))])
  return {
    url: spec.url,
    signal,
    ...(spec.ref === undefined ? {} : { ref: spec.ref }),
    credentials: await credentialsOf(ctx, object, signal),
  }
}

/** The parts of `content` that fetching takes as they are. */
export function contentOptions(
  content: GitContent,
): Pick<FetchArtifactOptions, 'ignore' | 'sparseCheckout' | 'recurseSubmodules'> {
  return {
    ...(content.ignore === undefined ? {} : { ignore: content.ignore }),
    ...(content.sparseCheckout === undefined ? {} : { sparseCheckout: content.sparseCheckout }),
    ...(content.recurseSubmodules === undefined ? {} : { recurseSubmodules: content.recurseSubmodules }),
  }
}

/** The content that the recorded artifact was made with. */
export function observedContent(object: GitRepository): GitContent {
  const { observedIgnore, observedSparseCheckout, observedRecurseSubmodules, observedInclude } = object.status ?? {}
  return {
    ...(observedIgnore === undefined ? {} : { ignore: observedIgnore }),
    ...(observedSparseCheckout === undefined ? {} : { sparseCheckout: observedSparseCheckout }),
    ...(observedRecurseSubmodules === undefined ? {} : { recurseSubmodules: observedRecurseSubmodules }),
    ...(observedInclude === undefined ? {} : { include: observedInclude }),
  }
}

/** `spec.verify` with its keys, or undefined where nothing is to be verified. Throws EngineError with reason `VerificationError` for a missing Secret. */
export async function verificationOf(ctx: SourceContext, object: GitRepository): Promise<GitVerification | undefined> {
  const { verify } = object.spec
  if (verify === undefined) return undefined
  const namespace = object.metadata.namespace ?? ''
  const data = await readSecret(ctx, namespace, verify.secretRef, 'verify.secretRef').catch((error: unknown) => {
    if (!isEngineError(error) || error.code !== 'secret-missing') throw error
    throw new EngineError(`public keys secret error: ${error.message}`, {
      code: 'git-verification',
      reason: 'VerificationError',
      disposition: 'retry',
    })
  })
  const keys: { [name: string]: string } = {}
  for (const name of Object.keys(data ?? {})) keys[name] = secretText(data, name)
  return { keys, ...(verify.mode === undefined ? {} : { mode: verify.mode }) }
}

function timeoutOf(object: GitRepository): number {
  return object.spec.timeout === undefined ? defaultTimeoutMs : parseDuration(object.spec.timeout)
}

async function credentialsOf(ctx: SourceContext, object: GitRepository, signal: AbortSignal): Promise<GitCredentials> {
  const { spec, metadata } = object
  const namespace = metadata.namespace ?? ''
  const [secret, proxySecret] = await Promise.all([
    readSecret(ctx, namespace, spec.secretRef, 'secretRef'),
    readSecret(ctx, namespace, spec.proxySecretRef, 'proxySecretRef'),
  ])
  const logins = cloudGitLogins(ctx, proxyOfSecret(proxySecret))
  return providerCredentials(
    { ...gitDeps(ctx, object), ...(logins === undefined ? {} : { logins }) },
    {
      url: spec.url,
      namespace: metadata.namespace ?? '',
      signal,
      ...(spec.provider === undefined ? {} : { provider: spec.provider }),
      ...(spec.serviceAccountName === undefined ? {} : { serviceAccountName: spec.serviceAccountName }),
      ...(secret === undefined ? {} : { secret }),
      ...(proxySecret === undefined ? {} : { proxySecret }),
    },
  )
}
