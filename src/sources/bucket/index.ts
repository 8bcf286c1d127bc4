/**
 * Buckets: S3 and what speaks it, Google Cloud Storage, Azure Blob Storage; read-only. Matches source-controller 1.9 (bucket_controller, internal/bucket, internal/index).
 * @module
 */
export { createAzureClient, type AzureAccess, type AzureOptions } from './azure.ts'
export type { BucketClient, BucketDeps, BucketObject } from './client.ts'
export { bucketError, bucketFailed } from './errors.ts'
export { fetchBucket, listBucket, type BucketIndex, type BucketQuery } from './fetch-bucket.ts'
export { createGcsClient, type GcsOptions } from './gcs.ts'
export { defaultBucketLimits, type BucketLimits } from './limits.ts'
export { createS3Client, type S3Options } from './s3.ts'
