/** The shard of an id among `count`: always the same one. Records of many small entries are kept in a few shards, so that a change rewrites little. */
export function shardIndexOf(id: string, count: number): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0
  return (hash >>> 0) % count
}
