import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { Command } from 'commander'
import { EngineError } from '../base/index.ts'
import type { VerifiedProvenance } from '../sources/index.ts'

/** `helm verify`: the provenance file of a packaged chart, with the output of Helm v4.3.1 (pkg/action/verify.go). */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that a packaged chart is what somebody of the keyring signed')
    .argument('<chart>', 'archive of the chart, with its provenance file (.prov) beside it')
    .option('--keyring <file>', 'public keys', defaultKeyring())
    .action(async (path: string, flags: { readonly keyring: string }) => {
      const { signedBy, fingerprint, fileHash } = await verifyChartFile(path, flags.keyring)
      const signers = signedBy.map((name) => `Signed by: ${name}\n`).join('')
      process.stdout.write(`${signers}Using Key With Fingerprint: ${fingerprint}\nChart Hash Verified: ${fileHash}\n`)
    })
}

/** Where Helm looks for public keys. */
export function defaultKeyring(): string {
  return join(process.env['GNUPGHOME'] ?? join(homedir(), '.gnupg'), 'pubring.gpg')
}

/**
 * Verifies the archive of a chart with the provenance file beside it.
 *
 * @throws EngineError in Helm's words.
 */
export async function verifyChartFile(path: string, keyring: string): Promise<VerifiedProvenance> {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw failed(`stat ${path}: no such file or directory`)
  if (found.isDirectory()) throw failed('unpacked charts cannot be verified')
  if (extname(path).toLowerCase() !== '.tgz') throw failed('chart must be a tgz file')
  const provenance = readFile(`${path}.prov`, `could not load provenance file ${path}.prov`)
  const { verifyProvenance } = await import('../sources/index.ts')
  return verifyProvenance({
    archive: readFileSync(path),
    fileName: basename(path),
    provenance: provenance.toString('utf8'),
    keyring: readFile(keyring, 'failed to load keyring'),
    now: Date.now(),
  })
}

function readFile(path: string, message: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new EngineError(`${message}: open ${path}: no such file or directory`, { code: 'provenance-invalid', cause })
  }
}

function failed(message: string): EngineError {
  return new EngineError(message, { code: 'provenance-invalid' })
}
