import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { oracleBinary } from './oracle-binary.ts'

/** The version that the engine matches. */
const helm = { name: 'helm', package: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1' }

/** Why there is nothing to compare with: the text of a skipped test. */
export const noHelm = 'there is no Go to build helm with; install it, or set HELM to the path of a helm of version 4'

/**
 * The helm to compare with: the one that the environment variable HELM names, which must be of version 4, else the version that the engine matches, built
 * where it is missing; undefined where there is no Go.
 */
export async function helmBinary(): Promise<string | undefined> {
  const given = process.env['HELM']
  if (given === undefined || given === '') return await oracleBinary(helm)
  const { stdout } = await promisify(execFile)(given, ['version', '--template', '{{.Version}}'])
  if (stdout.startsWith('v4')) return given
  throw new Error(`HELM names a helm of version ${stdout.trim()}; version 4 is needed`)
}
