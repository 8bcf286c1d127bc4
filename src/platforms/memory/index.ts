/**
 * Ports that live in memory and run on every platform: for tests, for the command line and where losing everything at the end is right.
 * @module
 */
export * from './blobs.ts'
