import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EngineError } from '../../../src/base/index.ts'
import { exitCodeOf, exitCodes, exitCodesHelp } from '../../../src/cli/exit-codes.ts'
import { printAnswer, type Answer } from '../../../src/cli/terminal/output.ts'
import { createProgress } from '../../../src/cli/terminal/progress.ts'
import { styleOf } from '../../../src/cli/terminal/style.ts'
import { renderTable } from '../../../src/cli/terminal/table.ts'
import { createTerminal, plainText, type Terminal } from '../../../src/cli/terminal/terminal.ts'

/** A terminal (or a pipe) that keeps what it gets. */
function fake(options: Partial<Terminal> = {}): Terminal & { readonly said: { out: string; err: string } } {
  const said = { out: '', err: '' }
  return {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    isOutTerminal: true,
    isErrTerminal: true,
    hasColour: false,
    width: 80,
    ...options,
    said,
  }
}

void describe('colours', () => {
  const stream = (isTTY: boolean): { isTTY: boolean; columns: number; write: () => boolean } => ({
    isTTY,
    columns: 90,
    write: () => true,
  })
  const rows: [name: string, isTTY: boolean, env: { [name: string]: string }, wanted: boolean][] = [
    ['a terminal', true, {}, true],
    ['a pipe', false, {}, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['NO_COLOR that is empty', true, { NO_COLOR: '' }, true],
    ['NO_COLOR before FORCE_COLOR', true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    ['a dumb terminal', true, { TERM: 'dumb' }, false],
    ['FORCE_COLOR into a pipe', false, { FORCE_COLOR: '1' }, true],
  ]
  for (const [name, isTTY, env, wanted] of rows) {
    void it(name, () => {
      assert.equal(createTerminal({ stdout: stream(isTTY), stderr: stream(isTTY) }, env).hasColour, wanted)
    })
  }
  void it('wrap text that is there, and nothing else', () => {
    assert.equal(styleOf(true).red('x'), '\u001b[31mx\u001b[39m')
    assert.equal(styleOf(true).red(''), '')
    assert.equal(styleOf(false).red('x'), 'x')
  })
})

void describe('what others wrote', () => {
  void it('cannot steer the terminal', () => {
    assert.equal(plainText('a\u001b[2Jb\u001b]0;title\u0007c\r\bd\u009b31m'), 'a[2Jb]0;titlecd31m')
    assert.equal(plainText('two\nlines\tand ümläute ✔ 🚀'), 'two\nlines\tand ümläute ✔ 🚀')
    assert.equal(renderTable([{ title: 'A' }], [['x\u001b[31m']], { width: undefined }).includes('\u001b'), false)
    const terminal = fake()
    createProgress(terminal).fail('bad\u001b[2J')
    assert.equal(terminal.said.err, '✗ bad[2J\n')
  })
})

void describe('a table', () => {
  const columns = [{ title: 'NAME' }, { title: 'READY', paint: styleOf(true).green }, { title: 'MESSAGE' }]
  void it('pads columns by letters, not by what colours add, and ends lines without spaces', () => {
    const text = renderTable(
      columns,
      [
        ['a', 'True', 'fine'],
        ['übermäßig', 'False', ''],
      ],
      { width: undefined },
    )
    assert.equal(
      text,
      'NAME       READY  MESSAGE\n' +
        'a          \u001b[32mTrue\u001b[39m   fine\n' +
        'übermäßig  \u001b[32mFalse\u001b[39m\n',
    )
  })
  void it('wraps the last column inside the terminal, and says where it ends', () => {
    const text = renderTable([{ title: 'A' }, { title: 'MESSAGE' }], [['x', 'word '.repeat(40)]], { width: 40 })
    const lines = text.trimEnd().split('\n')
    assert.equal(lines.length, 5)
    assert.ok(
      lines.every((line) => line.length <= 40),
      text,
    )
    assert.match(lines[4] ?? '', /…$/)
    assert.match(lines[2] ?? '', /^ {3}word/)
  })
  void it('does not wrap into a pipe; newlines become spaces', () => {
    const message = `first\n  second ${'x'.repeat(300)}`
    const text = renderTable([{ title: 'A' }], [[message]], { width: undefined, withTitles: false })
    assert.equal(text, `first second ${'x'.repeat(300)}\n`)
  })
})

void describe('an answer', () => {
  const answer: Answer = {
    data: { items: [{ name: 'web', absent: undefined }] },
    names: ['kustomization/web'],
    text: (_style, width, isWide) => `for people ${width ?? 'any'} ${isWide}\n`,
  }
  const rows: [name: string, terminal: Partial<Terminal>, format: Parameters<typeof printAnswer>[1], wanted: string][] =
    [
      ['a terminal', {}, undefined, 'for people 80 false\n'],
      ['a pipe', { isOutTerminal: false }, undefined, '{\n  "items": [\n    {\n      "name": "web"\n    }\n  ]\n}\n'],
      ['a pipe, table', { isOutTerminal: false }, 'table', 'for people any false\n'],
      ['wide', {}, 'wide', 'for people any true\n'],
      ['yaml', {}, 'yaml', 'items:\n- name: web\n'],
      ['name', {}, 'name', 'kustomization/web\n'],
    ]
  for (const [name, options, format, wanted] of rows) {
    void it(name, () => {
      const terminal = fake(options)
      printAnswer(terminal, format, answer)
      assert.equal(terminal.said.out, wanted)
    })
  }
})

void describe('progress', () => {
  void it('on a terminal is one line that changes', () => {
    const terminal = fake({ width: 20 })
    const progress = createProgress(terminal)
    progress.wait('waiting', 1)
    progress.wait('waiting', 1)
    progress.wait('waiting for something that is long', 2)
    progress.done('there')
    assert.equal(terminal.said.err, '\r\u001b[2K◎ waiting (1s)\r\u001b[2K◎ waiting for some…\r\u001b[2K✔ there\n')
  })
  void it('elsewhere is a line for each news', () => {
    const terminal = fake({ isErrTerminal: false })
    const progress = createProgress(terminal)
    progress.begin('asked')
    for (const seconds of [1, 2, 3]) progress.wait('waiting', seconds)
    progress.wait('rendered', 4)
    progress.fail('no')
    assert.equal(terminal.said.err, '► asked\n◎ waiting\n◎ rendered\n✗ no\n')
  })
})

void describe('exit codes', () => {
  const rows: [code: string, wanted: number][] = [
    ['not-found', exitCodes.negative],
    ['reconciliation-failed', exitCodes.negative],
    ['suspended', exitCodes.negative],
    ['usage', exitCodes.error],
    ['kube-forbidden', exitCodes.error],
    ['anything-else', exitCodes.error],
    ['wait-timeout', exitCodes.timeout],
    ['cluster-unreachable', exitCodes.unreachable],
    ['kube-unauthorized', exitCodes.unreachable],
    ['deployment-unauthorized', exitCodes.unreachable],
  ]
  for (const [code, wanted] of rows) {
    void it(`${code}: ${wanted}`, () => assert.equal(exitCodeOf(new EngineError('x', { code })), wanted))
  }
  void it('anything that is no error of ours is an error', () => {
    for (const thrown of [new Error('x'), 'x', undefined]) assert.equal(exitCodeOf(thrown), exitCodes.error)
  })
  void it('are all in the help', () => {
    for (const code of Object.values(exitCodes)) assert.match(exitCodesHelp, new RegExp(`^  ${code}  `, 'm'))
  })
})
