import { isEngineError } from '../../src/base/index.ts'
import {
  createCosignVerifier,
  createNotationVerifier,
  parseOciUrl,
  RegistryClient,
  type CosignTrust,
  type OciDeps,
} from '../../src/sources/index.ts'

/** One artifact to verify, as JSON, so that it can be done elsewhere. */
export interface VerifyStep {
  readonly host: string
  readonly repository: string
  readonly digest: string
  readonly trust: CosignTrust | NotationStep
}

export interface NotationStep {
  readonly kind: 'notation'
  readonly trustPolicy: string
  /** In PEM form. */
  readonly certificates: readonly string[]
  readonly now: number
}

/** What was seen: `verified`, `ignored`, or the error. */
export interface VerifySeen {
  readonly result: string
  readonly message?: string
}

/** Verifies artifacts one after the other. */
export async function runVerifySteps(deps: OciDeps, steps: readonly VerifyStep[]): Promise<readonly VerifySeen[]> {
  const seen: VerifySeen[] = []
  for (const { host, repository, digest, trust } of steps) {
    const signal = AbortSignal.timeout(20_000)
    const name = parseOciUrl(`oci://${host}/${repository}`)
    const client = new RegistryClient(deps, { name, insecure: true, signal })
    try {
      const verify =
        trust.kind === 'notation'
          ? await createNotationVerifier({
              ...trust,
              certificates: trust.certificates.map((pem) => new TextEncoder().encode(pem)),
            })
          : await createCosignVerifier(trust)
      seen.push({ result: await verify(client, { repository: `${host}/${repository}`, digest }) })
    } catch (error) {
      if (!isEngineError(error)) throw error
      seen.push({ result: error.code, message: error.message })
    }
  }
  return seen
}
