import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundleDeployment } from '../../support/bundled-program.ts'
import { createKillableServer } from '../../support/killed-server.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'sluice-systemd-'))
const machine = join(directory, 'machine')
const unit = join(machine, 'etc/systemd/system/sluice.service')
const settings = join(machine, 'etc/sluice/sluice.env')
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

before(() => void bundleDeployment(join(directory, 'dist')))
after(() => rmSync(directory, { recursive: true }))

/** The script of the recipe, on a machine that is a folder. */
function install(build: string, ...args: string[]): string {
  return execFileSync('sh', [join(root, 'infra/systemd/install.sh'), ...args], {
    env: {
      PATH: process.env['PATH'],
      SLUICE_ROOT: machine,
      DIST: join(directory, 'dist'),
      NODE: process.execPath,
      BUILD_ID: build,
    },
    encoding: 'utf8',
  })
}

function current(): string {
  return readlinkSync(join(machine, 'opt/sluice/current'))
}

void describe('Node without a container', () => {
  void it('is installed, upgraded and rolled back by one script; settings stay, and only root reads them', () => {
    assert.match(install('a'), /fill in .*sluice\.env[\s\S]*current is a/)
    assert.equal(statSync(settings).mode & 0o077, 0)
    writeFileSync(settings, 'CLUSTERS=[]\nBUILD_ID=a\n')
    install('b')
    assert.equal(current(), 'b')
    assert.equal(readFileSync(settings, 'utf8'), 'CLUSTERS=[]\nBUILD_ID=b\n')
    assert.equal(statSync(settings).mode & 0o077, 0)
    install('b', 'rollback')
    assert.equal(current(), 'a')
    install('a', 'rollback')
    assert.equal(current(), 'b', 'and forward again')
  })

  void it('the unit waits longer for jobs to end than they may take, and does not repeat what somebody has to correct', () => {
    const text = readFileSync(unit, 'utf8')
    const valueOf = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? ''
    assert.ok(Number(valueOf('TimeoutStopSec')) > 20 + 10)
    assert.equal(valueOf('RestartPreventExitStatus'), '78')
    assert.ok(valueOf('ExecStart').startsWith(`${process.execPath} `))
    assert.ok(valueOf('ExecStart').endsWith('/opt/sluice/current/node.mjs'))
  })

  void it(
    'systemd finds nothing wrong with the unit, and little that it may do',
    { skip: !hasSystemd && 'there is no systemd-analyze' },
    () => {
      const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
      assert.equal(
        verified.stderr
          .split('\n')
          .filter((line) => line.includes('sluice'))
          .join('\n'),
        '',
      )
      assert.equal(verified.status, 0, verified.stderr)
      const security = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit], {
        encoding: 'utf8',
      })
      assert.equal(security.status, 0, security.stdout)
    },
  )

  void it('what was installed starts, with a secret that systemd hands over as a file', async () => {
    const credential = join(directory, 'prod-token')
    writeFileSync(credential, 'token-of-the-cluster\n')
    const server = await createKillableServer(join(machine, 'opt/sluice/current/node.mjs'), {
      CLUSTERS: '[{"name":"prod","server":"https://127.0.0.1:9","tokenSecret":"PROD_TOKEN"}]',
      PROD_TOKEN_FILE: credential,
      DATA_DIR: join(directory, 'data'),
      BUILD_ID: current(),
    })
    await server.start()
    const health = (await (await fetch(`${server.url}/healthz`)).json()) as { readonly build?: string }
    assert.equal(health.build, 'b')
    assert.equal(await server.stop(), 0)
  })
})
