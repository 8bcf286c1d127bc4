import assert from 'node:assert/strict'
import { it } from 'node:test'
import type * as api from '../../../src/api/index.ts'
import type { bucketSpec, bucketStatus } from '../../../src/api/schema/bucket.ts'
import type { externalArtifactSpec } from '../../../src/api/schema/external-artifact.ts'
import type { gitRepositorySpec, gitRepositoryStatus } from '../../../src/api/schema/git-repository.ts'
import type { helmReleaseSpec, helmReleaseStatus } from '../../../src/api/schema/helm-release.ts'
import type {
  helmChartSpec,
  helmChartStatus,
  helmRepositorySpec,
  helmRepositoryStatus,
} from '../../../src/api/schema/helm-sources.ts'
import type { kustomizationSpec, kustomizationStatus } from '../../../src/api/schema/kustomization.ts'
import type { Infer } from '../../../src/api/schema/node.ts'
import type { alertSpec, receiverSpec, receiverStatus } from '../../../src/api/schema/notification.ts'
import type { ociRepositorySpec, ociRepositoryStatus } from '../../../src/api/schema/oci-repository.ts'

/** A type with every level written out and without `readonly`, so that equal types compare equal however they were composed. */
type Plain<T> = T extends readonly (infer U)[]
  ? Plain<U>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T

/** `true` for equal types; anything else does not compile below. */
type Equal<A, B> = (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false

// The compiler is the test: a schema and a type that differ in one field make one of these lines an error.
const same: {
  bucket: Equal<Infer<typeof bucketSpec>, api.BucketSpec>
  bucketStatus: Equal<Infer<typeof bucketStatus>, api.BucketStatus>
  externalArtifact: Equal<Infer<typeof externalArtifactSpec>, api.ExternalArtifactSpec>
  gitRepository: Equal<Infer<typeof gitRepositorySpec>, api.GitRepositorySpec>
  gitRepositoryStatus: Equal<Infer<typeof gitRepositoryStatus>, api.GitRepositoryStatus>
  helmChart: Equal<Infer<typeof helmChartSpec>, api.HelmChartSpec>
  helmChartStatus: Equal<Infer<typeof helmChartStatus>, api.HelmChartStatus>
  // The chart template is one schema and two types; rules say which fields belong to which.
  helmRelease: Equal<Omit<Infer<typeof helmReleaseSpec>, 'chart'>, Omit<api.HelmReleaseSpec, 'chart'>>
  helmReleaseStatus: Equal<Infer<typeof helmReleaseStatus>, api.HelmReleaseStatus>
  helmRepository: Equal<Infer<typeof helmRepositorySpec>, api.HelmRepositorySpec>
  helmRepositoryStatus: Equal<Infer<typeof helmRepositoryStatus>, api.HelmRepositoryStatus>
  kustomization: Equal<Infer<typeof kustomizationSpec>, api.KustomizationSpec>
  kustomizationStatus: Equal<Infer<typeof kustomizationStatus>, api.KustomizationStatus>
  // Rules over the whole object require these two.
  ociRepository: Equal<
    Omit<Infer<typeof ociRepositorySpec>, 'url' | 'interval'>,
    Omit<api.OciRepositorySpec, 'url' | 'interval'>
  >
  ociRepositoryStatus: Equal<Infer<typeof ociRepositoryStatus>, api.OciRepositoryStatus>
  receiver: Equal<Infer<typeof receiverSpec>, api.ReceiverSpec>
  receiverStatus: Equal<Infer<typeof receiverStatus>, api.ReceiverStatus>
  alert: Equal<Infer<typeof alertSpec>, api.AlertSpec>
} = {
  bucket: true,
  bucketStatus: true,
  externalArtifact: true,
  gitRepository: true,
  gitRepositoryStatus: true,
  helmChart: true,
  helmChartStatus: true,
  helmRelease: true,
  helmReleaseStatus: true,
  helmRepository: true,
  helmRepositoryStatus: true,
  kustomization: true,
  kustomizationStatus: true,
  ociRepository: true,
  ociRepositoryStatus: true,
  receiver: true,
  receiverStatus: true,
  alert: true,
}

it('types and schemas are compared by the compiler', () => {
  assert.equal(Object.keys(same).length, 18)
})
