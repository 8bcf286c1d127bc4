import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A helm of version 4 to compare with: the one that the environment variable HELM names, or the one on the PATH; undefined where there is none. */
export async function helmBinary(): Promise<string | undefined> {
  for (const candidate of [process.env['HELM'], 'helm']) {
    if (candidate === undefined || candidate === '') continue
    try {
      const { stdout } = await promisify(execFile)(candidate, ['version', '--template', '{{.Version}}'])
      if (stdout.startsWith('v4') || stdout.startsWith('v3')) return candidate
    } catch {
      continue
    }
  }
  return undefined
}
