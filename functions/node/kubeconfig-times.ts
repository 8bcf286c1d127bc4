import { certificateTimes, tokenTimes, type CredentialTimes } from '../../src/identity/index.ts'
import { readKubeconfigCredential } from '../../src/platforms/node/index.ts'

/** How old what a kubeconfig logs in with is, as far as it says. */
export async function kubeconfigTimes(file: {
  readonly path: string
  readonly context?: string
}): Promise<CredentialTimes> {
  const { token, certificate, note = 'its age is not known here' } = await readKubeconfigCredential(file)
  if (certificate !== undefined) return certificateTimes(certificate)
  return token === undefined ? { note } : tokenTimes(token)
}
