/** First line of every pointer file (git-lfs specification, version 1). */
const firstLine = 'version https://git-lfs.github.com/spec/v1\n'

/** True where the content is the pointer that Git LFS leaves in place of a large file. */
export function isLfsPointer(data: Uint8Array): boolean {
  if (data.length > 1024 || data.length < firstLine.length) return false
  for (let i = 0; i < firstLine.length; i++) if (data[i] !== firstLine.charCodeAt(i)) return false
  return true
}
