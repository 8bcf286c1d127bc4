import { readFile } from 'node:fs/promises'
import { toEngineError } from '../../base/index.ts'

/** What a kubeconfig logs in with, where that is a text which says how old it is; secrets: never log them. */
export interface KubeconfigCredential {
  readonly token?: string
  readonly certificate?: string
  /** Why there is neither. */
  readonly note?: string
}

/** The credential of a context of a kubeconfig file, as it is now. Programs and logins that it names are not run. Never throws: what cannot be read is said in `note`. */
export async function readKubeconfigCredential(file: {
  readonly path: string
  readonly context?: string
}): Promise<KubeconfigCredential> {
  try {
    const { KubeConfig } = await import('@kubernetes/client-node')
    const config = new KubeConfig()
    config.loadFromFile(file.path)
    if (file.context !== undefined) config.setCurrentContext(file.context)
    const user = config.getCurrentUser()
    if (user?.exec !== undefined && user.exec !== null)
      return { note: 'a program gives it when it is needed; its age is not known here' }
    if (user?.authProvider !== undefined && user.authProvider !== null)
      return { note: 'a login gives it when it is needed; its age is not known here' }
    if (user?.certData !== undefined) return { certificate: Buffer.from(user.certData, 'base64').toString() }
    if (user?.certFile !== undefined) return { certificate: await readFile(user.certFile, 'utf8') }
    return user?.token === undefined ? { note: 'its age is not known here' } : { token: user.token }
  } catch (error) {
    return { note: `the file cannot be read: ${toEngineError(error).message.slice(0, 200)}` }
  }
}
