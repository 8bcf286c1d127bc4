import { readFile } from 'node:fs/promises'
import { definitions } from '../../src/api/index.ts'
import type { KubeTestClient } from './kube-test-client.ts'

const folder = new URL('../../infra/crds/', import.meta.url)

/** Applies the files of infra/crds as they are and waits until each is established. May be called by several test files at once. */
export async function installCrds(client: KubeTestClient): Promise<void> {
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
      await client.waitFor(ref, (found) => {
        const conditions = (found?.['status']?.conditions ?? []) as readonly { type: string; status: string }[]
        return conditions.some((condition) => condition.type === 'Established' && condition.status === 'True')
      })
    }),
  )
}
