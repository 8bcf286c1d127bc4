import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'node:test'
import { verifyProvenance, type SignedChart } from '../../../src/sources/index.ts'
import { helmBinary } from '../../support/helm-binary.ts'

const directory = fileURLToPath(new URL('../../fixtures/provenance/', import.meta.url))
const file = (name: string): Buffer => readFileSync(join(directory, name))
const signed = (name: string, changes: Partial<SignedChart> = {}): SignedChart => ({
  archive: file(`${name}-1.0.0.tgz`),
  fileName: `${name}-1.0.0.tgz`,
  provenance: file(`${name}-1.0.0.tgz.prov`).toString(),
  keyring: file(`${name}.gpg`),
  now: Date.now(),
  ...changes,
})

describe('the provenance of a chart', () => {
  it('is by a key of the keyring, armored or not', async () => {
    for (const name of ['rsa', 'ed25519']) {
      for (const end of ['gpg', 'asc']) {
        const found = await verifyProvenance(signed(name, { keyring: file(`${name}.${end}`) }))
        assert.deepEqual(found.signedBy, [`Chart Signer ${name} <${name}@example.test>`])
        assert.match(found.fingerprint, /^[0-9A-F]{40}$/)
        assert.match(found.fileHash, /^sha256:[0-9a-f]{64}$/)
      }
    }
    const both = Buffer.concat([file('stranger.gpg'), file('rsa.gpg')])
    assert.equal((await verifyProvenance(signed('rsa', { keyring: both }))).signedBy.length, 1)
  })

  it('is refused in the words of Helm', async () => {
    const text = file('rsa-1.0.0.tgz.prov').toString()
    const rows: readonly [Partial<SignedChart>, RegExp][] = [
      [{ keyring: file('stranger.gpg') }, /^openpgp: signature made by unknown entity$/],
      [{ provenance: 'nothing' }, /^signature block not found$/],
      [{ provenance: text.replace('version: 1.0.0', 'version: 9.9.9') }, /^openpgp: invalid signature$/],
      [
        { provenance: text.replace(/[\s\S]*?-----BEGIN PGP SIGNATURE/, '-----BEGIN PGP SIGNATURE') },
        /^signature block not found$/,
      ],
      [
        { archive: Buffer.concat([file('rsa-1.0.0.tgz'), Buffer.of(0)]) },
        /^sha256 sum does not match for rsa-1\.0\.0\.tgz: "sha256:[0-9a-f]{64}" != "sha256:/,
      ],
      [{ fileName: 'rsa-2.0.0.tgz' }, /^provenance does not contain a SHA for a file named "rsa-2\.0\.0\.tgz"$/],
      [{ fileName: 'toString' }, /^provenance does not contain a SHA/],
      [{ keyring: Buffer.from('no keys') }, /^failed to load keyring: it holds no OpenPGP keys$/],
      [
        { keyring: Buffer.concat([Buffer.alloc(8), Buffer.from('KBXf')]) },
        /^failed to load keyring: it is a keybox of GnuPG/,
      ],
      [{ provenance: 'x'.repeat((1 << 20) + 1) }, /has more than/],
      [{ now: 0 }, /^openpgp: invalid signature$/],
    ]
    for (const [changes, message] of rows)
      await assert.rejects(verifyProvenance(signed('rsa', changes)), { code: 'provenance-invalid', message })
    // The text around the signed part does not count.
    const wrapped = `files:\n  rsa-1.0.0.tgz: sha256:0\n\n${text}`
    await verifyProvenance(signed('rsa', { provenance: wrapped })).catch((error: unknown) =>
      assert.match(String(error), /signature block not found/),
    )
  })

  it('on the command line: as helm verify says it', async (t) => {
    const helm = await helmBinary()
    if (helm === undefined) return t.skip('no helm here')
    const home = mkdtempSync(join(tmpdir(), 'sluice-verify-'))
    const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
    try {
      for (const name of ['rsa-1.0.0.tgz', 'rsa-1.0.0.tgz.prov', 'ed25519-1.0.0.tgz'])
        copyFileSync(join(directory, name), join(home, name))
      const env = { ...process.env, HOME: home }
      const run = (program: string, args: readonly string[]) => {
        const { stdout, stderr, status } = spawnSync(program, args, { cwd: home, env, encoding: 'utf8' })
        return { stdout, stderr, status }
      }
      const both = (...args: string[]) => ({
        real: run(helm, args),
        ours: run(process.execPath, [main, 'helm', ...args]),
      })
      const keyring = join(directory, 'rsa.gpg')
      const good = both('verify', 'rsa-1.0.0.tgz', '--keyring', keyring)
      assert.equal(good.ours.stdout, good.real.stdout, good.ours.stderr)
      assert.equal(good.real.status, 0)
      for (const args of [
        ['verify', 'rsa-1.0.0.tgz', '--keyring', join(directory, 'stranger.gpg')],
        ['verify', 'ed25519-1.0.0.tgz', '--keyring', keyring],
        ['verify', 'gone.tgz', '--keyring', keyring],
        ['verify', '.', '--keyring', keyring],
        ['verify', 'rsa-1.0.0.tgz', '--keyring', 'gone'],
      ]) {
        const { real, ours } = both(...args)
        assert.equal(real.status, 1)
        assert.equal(ours.status, 1)
        // What the system says about a missing file is worded by the system.
        const words = (text: string): string =>
          text
            .trim()
            .replace(/^Error: /, '')
            .replace(/: (?:stat|open) .*$/, '')
        assert.equal(words(ours.stderr), words(real.stderr), args.join(' '))
      }
      const rendered = both('template', 'x', 'rsa-1.0.0.tgz', '--verify', '--keyring', keyring)
      assert.equal(rendered.ours.stdout.trim(), rendered.real.stdout.trim(), rendered.ours.stderr)
      writeFileSync(join(home, 'rsa-1.0.0.tgz'), execFileSync('cat', ['ed25519-1.0.0.tgz'], { cwd: home }))
      const swapped = both('template', 'x', 'rsa-1.0.0.tgz', '--verify', '--keyring', keyring)
      assert.equal(swapped.ours.status, 1)
      assert.match(swapped.ours.stderr, /sha256 sum does not match/)
      assert.match(swapped.real.stderr, /sha256 sum does not match/)
    } finally {
      rmSync(home, { recursive: true })
    }
  })
})
