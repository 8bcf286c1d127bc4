import { EngineError } from '../base/index.ts'
import { parseJsonPointer } from './json-pointer.ts'
import { copyValue } from './copy-value.ts'
import { equalValues, getKey, isMap, type KubeMap, type KubeValue, setKey } from './object.ts'

/** One operation of a JSON patch (RFC 6902). */
export interface JsonPatchOperation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: KubeValue
  /** What is wrong with it. It matters only when it is applied. */
  readonly fault?: string
}

/**
 * Reads the operations of a JSON patch. Throws EngineError `json-patch-invalid` for anything but a list of mappings. As in
 * evanphx/json-patch, a mapping that is no operation (without text in `op`, `path` and `from`) fails when it is applied, not before.
 */
export function parseJsonPatch(value: KubeValue): JsonPatchOperation[] {
  if (!Array.isArray(value)) throw invalid('a JSON patch must be a list of operations')
  return value.map((entry, index) => {
    if (!isMap(entry)) throw invalid(`operation ${index} must be a mapping`)
    return operationOf(entry, index)
  })
}

function operationOf(entry: KubeMap, index: number): JsonPatchOperation {
  const text = (key: string): string | undefined => {
    const value = getKey(entry, key)
    return typeof value === 'string' ? value : undefined
  }
  const op = text('op') ?? ''
  const path = text('path')
  const from = text('from')
  let fault: string | undefined
  if (!OPERATIONS.has(op)) fault = `operation ${index} must have op add, remove, replace, move, copy or test`
  else if (path === undefined) fault = `operation ${index} (${op}) must have a path`
  else if ((op === 'move' || op === 'copy') && from === undefined) fault = `operation ${index} (${op}) must have from`
  return {
    op,
    path: path ?? '',
    ...(from === undefined ? {} : { from }),
    value: getKey(entry, 'value') ?? null,
    ...(fault === undefined ? {} : { fault }),
  }
}

const OPERATIONS: ReadonlySet<string> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test'])

function invalid(message: string): EngineError {
  return new EngineError(message, { code: 'json-patch-invalid' })
}

function failed(operation: JsonPatchOperation, message: string): EngineError {
  return new EngineError(`${operation.op} operation does not apply at ${JSON.stringify(operation.path)}: ${message}`, {
    code: 'json-patch-failed',
    data: { op: operation.op, path: operation.path },
  })
}

/**
 * Applies a JSON patch (RFC 6902) to a copy of `document` and returns it. As in evanphx/json-patch v4, which kustomize uses, a negative
 * index counts from the end, and replacing the whole document (path '') works while adding it does not.
 * Throws EngineError `json-patch-failed`, naming the operation, when one does not apply, and `json-patch-invalid` for one that is none.
 */
export function applyJsonPatch(document: KubeValue, operations: readonly JsonPatchOperation[]): KubeValue {
  const root: { value: KubeValue } = { value: copyValue(document) }
  for (const operation of operations) applyOne(root, operation)
  return root.value
}

function applyOne(root: { value: KubeValue }, operation: JsonPatchOperation): void {
  if (operation.fault !== undefined) throw invalid(operation.fault)
  switch (operation.op) {
    case 'add':
      insert(locate(root, operation, operation.path), operation, copyValue(operation.value ?? null))
      return
    case 'remove':
      take(locate(root, operation, operation.path), operation)
      return
    case 'replace':
      if (operation.path === '') root.value = copyValue(operation.value ?? null)
      else replace(locate(root, operation, operation.path), operation)
      return
    case 'move': {
      const value = take(locate(root, operation, operation.from ?? ''), operation)
      insert(locate(root, operation, operation.path), operation, value)
      return
    }
    case 'copy': {
      // A key that a mapping lacks is copied as null.
      const value = read(locate(root, operation, operation.from ?? ''), operation) ?? null
      insert(locate(root, operation, operation.path), operation, copyValue(value))
      return
    }
    case 'test': {
      const found = operation.path === '' ? root.value : read(locate(root, operation, operation.path), operation)
      if (!equalValues(found ?? null, operation.value ?? null))
        throw failed(operation, 'the value there is a different one')
      return
    }
    default:
      throw failed(operation, 'there is no such operation')
  }
}

interface Place {
  container: KubeMap | KubeValue[]
  key: string
}

function locate(root: { value: KubeValue }, operation: JsonPatchOperation, pointer: string): Place {
  // What stands before the first slash is ignored, as in evanphx/json-patch.
  const slash = pointer.indexOf('/')
  const parts = slash < 0 ? undefined : parseJsonPointer(pointer.slice(slash))
  const key = parts?.pop()
  if (parts === undefined || key === undefined) throw failed(operation, 'the path must start with /')
  let current: KubeValue | undefined = root.value
  for (const part of parts) {
    if (Array.isArray(current)) current = current[indexIn(current, part, operation)]
    else current = isMap(current) ? getKey(current, part) : undefined
  }
  if (!Array.isArray(current) && !isMap(current))
    throw failed(operation, 'the document has no such path; add its parent first')
  return { container: current, key }
}

/** The index that `part` means in `list`; it may lie outside. */
function indexIn(list: readonly KubeValue[], part: string, operation: JsonPatchOperation): number {
  if (!/^[+-]?\d+$/.test(part)) throw failed(operation, `${JSON.stringify(part)} is no index of a list`)
  const index = Number(part)
  return index < 0 ? index + list.length : index
}

function read({ container, key }: Place, operation: JsonPatchOperation): KubeValue | undefined {
  if (!Array.isArray(container)) return getKey(container, key)
  const index = indexIn(container, key, operation)
  if (index < 0 || index >= container.length) throw failed(operation, `the list has ${container.length} elements`)
  return container[index]
}

function insert({ container, key }: Place, operation: JsonPatchOperation, value: KubeValue): void {
  if (!Array.isArray(container)) {
    setKey(container, key, value)
    return
  }
  if (key === '-') {
    container.push(value)
    return
  }
  // Counted in the list as it is after the insertion, so that -1 appends.
  const index = key.startsWith('-') ? indexIn(container, key, operation) + 1 : indexIn(container, key, operation)
  if (index < 0 || index > container.length) throw failed(operation, `the list has ${container.length} elements`)
  container.splice(index, 0, value)
}

function take(place: Place, operation: JsonPatchOperation): KubeValue {
  const value = read(place, operation)
  if (value === undefined) throw failed(operation, `there is no ${JSON.stringify(place.key)}`)
  if (Array.isArray(place.container)) place.container.splice(indexIn(place.container, place.key, operation), 1)
  else delete place.container[place.key]
  return value
}

/** A key that a mapping lacks is added: evanphx/json-patch v4 asks lists only whether the element is there. */
function replace(place: Place, operation: JsonPatchOperation): void {
  read(place, operation)
  const value = copyValue(operation.value ?? null)
  if (Array.isArray(place.container)) place.container[indexIn(place.container, place.key, operation)] = value
  else setKey(place.container, place.key, value)
}
