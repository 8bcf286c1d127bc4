import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PLUGINS } from '../../../src/kustomize/shapes.ts'
import { printYaml } from '../../../src/yaml/index.ts'
import { content } from './plugin-rows/content.ts'
import { generators } from './plugin-rows/generators.ts'
import { metadata } from './plugin-rows/metadata.ts'
import type { PluginRow, PluginTables } from './plugin-rows/row.ts'
import { buildFiles, findings } from './support.ts'

/** Charts need a function that renders them; with one they are tested where the function is. */
const charts: PluginTables = {
  HelmChartInflationGenerator: [
    { name: 'nobody renders', config: { releaseName: 'r' }, want: { error: 'kustomize-helm-disabled' } },
  ],
}

const TABLES: PluginTables = { ...metadata, ...content, ...generators, ...charts }

function print(kind: string, { config, objects, files }: PluginRow): string {
  const field = kind.endsWith('Generator') ? 'generators' : 'transformers'
  const kustomization = {
    [field]: ['plugin.yaml'],
    ...(objects === undefined ? {} : { resources: ['objects.yaml'] }),
  }
  const { objects: built } = buildFiles({
    'kustomization.yaml': JSON.stringify(kustomization),
    'plugin.yaml': JSON.stringify({ apiVersion: 'builtin', kind, metadata: { name: 'x' }, ...config }),
    ...(objects === undefined ? {} : { 'objects.yaml': objects }),
    ...files,
  })
  return built.map((one) => printYaml(one, { dialect: 'sigs' })).join('---\n')
}

void describe('plugins', () => {
  void it('all have a table', () => assert.deepEqual(Object.keys(TABLES).toSorted(), Object.keys(PLUGINS).toSorted()))
  for (const [kind, rows] of Object.entries(TABLES)) {
    void describe(kind, () => {
      for (const row of rows) {
        void it(row.name, () => {
          if (typeof row.want === 'string') assert.equal(print(kind, row), row.want)
          else
            assert.deepEqual(
              findings(() => print(kind, row)).map((one) => one.code),
              [row.want.error],
            )
        })
      }
    })
  }
})
