import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryTree, filterTree, walkFiles } from '../../../src/files/index.ts'
import { ignoreFilter } from '../../../src/sources/index.ts'
import {
  canMatchBelow,
  matchesPattern,
  parseIgnoreFile,
  parseIgnorePattern,
} from '../../../src/sources/ignore/pattern.ts'

describe('ignore patterns', () => {
  const rows: { line: string; path: string; want: boolean; directory?: boolean; domain?: string[] }[] = [
    { line: 'foo', path: 'foo', want: true },
    { line: 'foo', path: 'a/foo', want: true },
    { line: 'foo', path: 'a/foo/b', want: true },
    { line: 'foo', path: 'foobar', want: false },
    { line: 'foo/', path: 'foo', want: false },
    { line: 'foo/', path: 'foo', want: true, directory: true },
    { line: 'foo/', path: 'foo/x', want: true },
    { line: 'foo/', path: 'a/b/foo', want: false },
    { line: '/foo', path: 'foo', want: true },
    { line: '/foo', path: 'a/foo', want: false },
    { line: '/foo', path: 'foo/bar/baz', want: true },
    { line: 'a/b', path: 'a/b', want: true },
    { line: 'a/b', path: 'a/b/c', want: true },
    { line: 'a/b', path: 'x/a/b', want: false },
    { line: 'a/b/', path: 'a/b', want: false },
    { line: 'a/b/', path: 'a/b/c', want: true },
    { line: '**/b', path: 'b', want: true },
    { line: '**/b', path: 'x/y/b', want: true },
    { line: '**/b', path: 'x/y/b/z', want: true },
    { line: '**/b', path: 'x/y', want: false },
    { line: 'a/**/b', path: 'a/b', want: true },
    { line: 'a/**/b', path: 'a/x/y/b', want: true },
    { line: 'a/**/b', path: 'x/b', want: false },
    { line: 'a/**', path: 'a/x', want: true },
    { line: 'a/**', path: 'a', want: true, directory: true },
    { line: 'a/**/', path: 'a/x/y', want: true },
    { line: 'a/x**', path: 'a/xy', want: false },
    { line: 'a**b', path: 'ab', want: true },
    { line: '*.md', path: 'x/readme.md', want: true },
    { line: '*.md', path: 'x/readme.txt', want: false },
    { line: '/*.md', path: 'x/readme.md', want: false },
    { line: '/*', path: 'anything/below', want: true },
    { line: 'f?o', path: 'fXo', want: true },
    { line: 'f?o', path: 'f𝒳o', want: true },
    { line: 'f?o', path: 'fo', want: false },
    { line: '[a-c]x', path: 'bx', want: true },
    { line: '[^a-c]x', path: 'bx', want: false },
    { line: '[^a-c]x', path: 'dx', want: true },
    { line: '[!a]x', path: '!x', want: true },
    { line: '[!a]x', path: 'bx', want: false },
    { line: '[\\]]x', path: ']x', want: true },
    { line: '[]a]x', path: 'ax', want: false },
    { line: '[a', path: '[a', want: false },
    { line: '[-a]', path: '-', want: false },
    { line: '\\*', path: '*', want: true },
    { line: '\\*', path: 'a', want: false },
    { line: 'a\\', path: 'a\\', want: false },
    { line: '\\!x', path: '!x', want: true },
    { line: 'trailing  ', path: 'trailing', want: true },
    { line: 'escaped\\ ', path: 'escaped ', want: true },
    { line: ' lead', path: ' lead', want: true },
    { line: '!foo', path: 'foo', want: true },
    { line: '*a*a*a*a*a*a*a*b', path: 'a'.repeat(200), want: false },
    { line: 'foo', path: 'd/foo', want: true, domain: ['d'] },
    { line: 'foo', path: 'e/foo', want: false, domain: ['d'] },
    { line: 'd', path: 'd', want: false, directory: true, domain: ['d'] },
    { line: '/foo', path: 'd/foo/x', want: true, domain: ['d'] },
    { line: '/foo', path: 'foo', want: false, domain: ['d'] },
  ]
  for (const { line, path, want, directory, domain } of rows) {
    it(`${JSON.stringify(line)}${domain === undefined ? '' : ` in ${domain.join('/')}`} on ${path.slice(0, 30)}${directory === true ? '/' : ''}`, () => {
      const pattern = parseIgnorePattern(line, domain ?? [])
      const segments = path.split('/')
      assert.equal(matchesPattern(pattern, segments, directory === true), want)
      // Whatever matches below a directory must not be ruled out when the directory is looked at.
      if (want) for (let i = 1; i < segments.length; i++) assert.ok(canMatchBelow(pattern, segments.slice(0, i)))
    })
  }
  it('reads files: comments, blank lines, CRLF', () => {
    const patterns = parseIgnoreFile('# no\n\n   \n #yes\nfoo\r\n!bar\r\n', [])
    assert.deepEqual(
      patterns.map(({ text, inclusion }) => [text, inclusion]),
      [
        [' #yes', false],
        ['foo', false],
        ['!bar', true],
      ],
    )
  })
  it('knows where nothing below can match', () => {
    const rows: [string, string, boolean][] = [
      ['!/deploy', 'apps', false],
      ['!/deploy', 'deploy', true],
      ['!/a/b/c', 'a', true],
      ['!/a/b/c', 'a/x', false],
      ['!*.yaml', 'apps', true],
      ['!**/x', 'apps', true],
    ]
    for (const [line, path, want] of rows)
      assert.equal(canMatchBelow(parseIgnorePattern(line, []), path.split('/')), want, line)
  })
})

describe('ignoreFilter', () => {
  const files = {
    '.git/config': '',
    '.gitignore': '',
    '.github/w.yaml': '',
    '.sops.yaml': '',
    'a.yaml': '',
    'b.png': '',
    'apps/x.yaml': '',
    'apps/y.zip': '',
    'apps/.gitattributes': '',
    'deploy/z.yaml': '',
    'deploy/sub/q.yaml': '',
  }
  const shownBy = (rules: Parameters<typeof ignoreFilter>[1]): string[] => {
    const tree = new MemoryTree(files)
    return [...walkFiles(filterTree(tree, ignoreFilter(tree, rules)))].map(([path]) => path)
  }
  for (const { name, rules, want } of [
    { name: 'defaults', rules: { files: [] }, want: ['a.yaml', 'apps/x.yaml', 'deploy/sub/q.yaml', 'deploy/z.yaml'] },
    {
      name: 'a blank spec.ignore is no rule',
      rules: { files: [], spec: '\n# nothing\n' },
      want: ['a.yaml', 'apps/x.yaml', 'deploy/sub/q.yaml', 'deploy/z.yaml'],
    },
    {
      name: 'one rule takes the defaults away',
      rules: { files: [], spec: 'a.yaml' },
      want: [
        '.github/w.yaml',
        '.sops.yaml',
        'apps/x.yaml',
        'apps/y.zip',
        'b.png',
        'deploy/sub/q.yaml',
        'deploy/z.yaml',
      ],
    },
    {
      name: 'all but one directory',
      rules: { files: [], spec: '/*\n!/deploy' },
      want: ['deploy/sub/q.yaml', 'deploy/z.yaml'],
    },
    { name: 'a file below a hidden directory', rules: { files: [], spec: '/*\n!q.yaml' }, want: ['deploy/sub/q.yaml'] },
    {
      name: 'spec.ignore after files',
      rules: {
        files: [
          { directory: '', text: '/*\n!/apps' },
          { directory: 'apps', text: '*.zip' },
        ],
        spec: '!y.zip',
      },
      want: ['apps/.gitattributes', 'apps/x.yaml', 'apps/y.zip'],
    },
    {
      name: 'version control files can be shown again',
      rules: { files: [], spec: '/*\n!.gitattributes' },
      want: ['apps/.gitattributes'],
    },
  ]) {
    it(name, () => assert.deepEqual(shownBy(rules), want))
  }
})
