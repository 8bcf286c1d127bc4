import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { startShell, type Shell } from './shell.ts'

let directory = ''
let shell: Shell | undefined
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-shell-'))
  shell = startShell(directory, directory, { PATH: process.env['PATH'] ?? '', HOME: directory })
})
after(async () => {
  await shell?.close()
  await rm(directory, { recursive: true, force: true })
})

const run = async (script: string, until?: RegExp): Promise<{ code: number; output: string }> => {
  assert.ok(shell !== undefined)
  return await shell.run(script, { timeoutMs: 20_000, ...(until === undefined ? {} : { until }) })
}

it('what one block leaves behind is there in the next', async () => {
  await run('mkdir here && cd here\nNAME=Ada\ngreet() { echo "hello $NAME"; }')
  assert.deepEqual(await run('greet; basename "$PWD"'), { code: 0, output: 'hello Ada\nhere\n' })
})

it('ends a block at the command that fails, and goes on with the next block', async () => {
  assert.deepEqual(await run('echo one\n(exit 3)\necho two'), { code: 3, output: 'one\n' })
  assert.deepEqual(await run('echo a | (cat; false) | cat\necho two'), { code: 1, output: 'a\n' })
  assert.deepEqual(await run('if false; then echo no; fi\nfalse || echo yes\nwhich no-such-program-here'), {
    code: 1,
    output: 'yes\n',
  })
  assert.deepEqual(await run('echo again'), { code: 0, output: 'again\n' })
})

it('a program that has lost its name is a failure', async () => {
  const { code, output } = await run('no-such-program-here --flag\necho two')
  assert.equal(code, 127)
  assert.match(output, /not found/)
})

it('presses Ctrl-C when the output has come', async () => {
  const { output } = await run('echo it is up; exec 9>&1; sleep 60 || true\necho after', /it is up/)
  assert.match(output, /it is up/)
  assert.deepEqual(await run('echo next'), { code: 0, output: 'next\n' })
})

it('says so where a block does not end in its time', async () => {
  assert.ok(shell !== undefined)
  await assert.rejects(shell.run('echo begun; sleep 60', { timeoutMs: 500 }), /not ended in 500 ms:\nbegun/)
})
