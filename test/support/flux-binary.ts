import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** The `flux` command line of version 2: the one that the environment variable FLUX names, or the one on the PATH; undefined where there is none. */
export async function fluxBinary(): Promise<string | undefined> {
  for (const candidate of [process.env['FLUX'], 'flux']) {
    if (candidate === undefined || candidate === '') continue
    try {
      const { stdout } = await promisify(execFile)(candidate, ['version', '--client'])
      if (/flux: v?(2|0\.0\.0)/.test(stdout)) return candidate
    } catch {
      continue
    }
  }
  return undefined
}
