import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import type { Json } from '../../../src/base/index.ts'
import { sprigFunctions } from '../../../src/sprig/index.ts'
import {
  builtinFunctions,
  executeTemplate,
  fromJson,
  functionTable,
  parseTemplate,
  TemplateSet,
} from '../../../src/template/index.ts'

const corpus = fileURLToPath(new URL('../../../../shared/corpus/snippets/', import.meta.url))

interface Snippet {
  name: string
  template: string
  expected?: string
  error?: string
}

function read(file: string): Snippet[] {
  const lines = readFileSync(corpus + file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Snippet)
}

// What Helm adds to the language; snippets that use it belong to the tests of src/helm.
const helmOnly =
  /\b(?:include|tpl|lookup|required|toYaml|toYamlPretty|mustToYaml|fromYaml|fromYamlArray|toToml|mustToToml|fromToml|fromJsonArray|must?ToDuration|duration[A-Z]\w+)\b|\.(?:Chart|Release|Capabilities|Files|Template|Subcharts)\b|\btemplate\b/

test('snippets that real Helm rendered', { skip: existsSync(corpus) ? false : 'no corpus here' }, () => {
  const functions = functionTable(builtinFunctions, sprigFunctions)
  const values = parse(readFileSync(`${corpus}base/values.yaml`, 'utf8')) as Json
  const environment = { now: () => 0, randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) }
  const wrong: string[] = []
  let count = 0
  for (const snippet of [...read('functions.jsonl'), ...read('more.jsonl')]) {
    if (helmOnly.test(snippet.template)) continue
    count++
    const set = new TemplateSet('gotpl')
    let output: string
    try {
      set.add(parseTemplate('t', snippet.template, functions))
      output = executeTemplate(set, 't', fromJson({ Values: values }), { missingKey: 'zero', environment })
      output = output.replaceAll('<no value>', '')
    } catch (error) {
      output = `ERROR ${(error as Error).message}`
    }
    if (snippet.expected === undefined ? !output.startsWith('ERROR') : output !== snippet.expected) {
      wrong.push(`${snippet.name} ${snippet.template}\n  want ${snippet.expected ?? 'an error'}\n  got  ${output}`)
    }
  }
  assert.equal(wrong.length, 0, `${wrong.length} of ${count}:\n${wrong.join('\n')}`)
})
