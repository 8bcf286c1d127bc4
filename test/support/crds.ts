import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { definitions } from '../../src/api/index.ts'
import { untilServed } from './install-definition.ts'
import type { KubeTestClient, TestObject } from './kube-test-client.ts'
import { runFolder } from './run-folder.ts'

const folder = new URL('../../infra/crds/', import.meta.url)
const names = Object.values(definitions).map(({ plural, group }) => `${plural}.${group}`)

/**
 * Applies the files of infra/crds as they are and waits until each is established. May be called by several test files at once. Where a file of the same run has done it and
 * nobody has changed them since, nothing is applied: to compare their schemas takes the server longer than most tests.
 */
export async function installCrds(client: KubeTestClient): Promise<void> {
  const shared = runFolder()
  if (shared === undefined) return applyCrds(client)
  const markOf = async (): Promise<string> => join(shared, `crds-${await stateOf(client)}`)
  if (existsSync(await markOf())) return
  await applyCrds(client)
  await writeFile(await markOf(), '')
}

interface Metadata {
  readonly metadata: TestObject['metadata'] & { readonly generation?: number }
}

/** Which definitions of ours the cluster has, each with the number of its changes. */
async function stateOf(client: KubeTestClient): Promise<string> {
  const { items } = (await client.request('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  })) as { readonly items: readonly Metadata[] | null }
  // A list of metadata that is empty is null.
  const lines = (items ?? [])
    .filter(({ metadata }) => names.includes(metadata.name))
    .map(({ metadata: { name, uid, generation } }) => `${name} ${uid} ${generation}`)
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex')
}

async function applyCrds(client: KubeTestClient): Promise<void> {
  await Promise.all(
    Object.values(definitions).map(async (definition) => {
      const ref = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        name: `${definition.plural}.${definition.group}`,
      }
      const path = await client.path(ref, { fieldManager: 'sluice-tests', force: 'true', fieldValidation: 'Strict' })
      const body = await readFile(new URL(`${definition.group}_${definition.plural}.yaml`, folder), 'utf8')
      await client.request('PATCH', path, { body, contentType: 'application/apply-patch+yaml' })
      await untilServed(client, ref.name, { group: definition.group, names: { plural: definition.plural } })
    }),
  )
}
