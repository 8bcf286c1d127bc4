import {
  fromBytes,
  goMethod,
  stringList,
  STRING,
  TypedMap,
  type CollectionType,
  type GoFunction,
  type Value,
} from '../../template/index.ts'
import type { ChartFile } from '../chart/chart.ts'
import { compileGlob } from './glob.ts'
import { toYaml } from './serialise.ts'
import { toBase64 } from '../../base/index.ts'

/** Called with the name of each file of a chart that a template reads. */
export type RecordFile = (name: string) => void

/**
 * `.Files`: the files of one chart that are neither templates nor metadata (Helm v4 pkg/engine files). A map of bytes by name, with Helm's methods.
 * Bytes become text only where they are read.
 */
export class ChartFiles extends TypedMap {
  readonly record: RecordFile

  constructor(files: Iterable<readonly [string, Value]>, record: RecordFile) {
    super(FILES_TYPE, files)
    this.record = record
  }

  /** The bytes of a file; empty for a file that is not there. */
  bytes(name: string): Uint8Array {
    this.record(name)
    const data = this.get(name)
    return data instanceof Uint8Array ? data : new Uint8Array()
  }
}

/** The files of a chart as templates see them. */
export function chartFiles(files: readonly ChartFile[], record: RecordFile): ChartFiles {
  return new ChartFiles(
    files.map((file) => [file.name, file.data]),
    record,
  )
}

const METHODS: readonly GoFunction[] = [
  goMethod('Get', [STRING], (run, files: ChartFiles, name) => {
    const data = files.bytes(name)
    run.allocate(data.length)
    return fromBytes(data)
  }),
  goMethod('GetBytes', [STRING], (_run, files: ChartFiles, name) => files.bytes(name)),
  goMethod('Glob', [STRING], (run, files: ChartFiles, pattern) => {
    // A pattern that does not parse takes everything, as in Helm.
    const matches = compileGlob(pattern) ?? (() => true)
    const found: [string, Value][] = []
    for (const [name, data] of files) {
      run.step(1 + ((pattern.length * name.length) >>> 6))
      if (matches(name)) found.push([name, data])
    }
    return new ChartFiles(found, files.record)
  }),
  goMethod('Lines', [STRING], (run, files: ChartFiles, name) => {
    const text = fromBytes(files.bytes(name))
    run.allocate(text.length)
    if (text === '') return stringList([])
    return stringList((text.endsWith('\n') ? text.slice(0, -1) : text).split('\n'))
  }),
  goMethod('AsConfig', [], (run, files: ChartFiles) => asYaml(run, files, fromBytes)),
  goMethod('AsSecrets', [], (run, files: ChartFiles) => asYaml(run, files, toBase64)),
]

const FILES_TYPE: CollectionType = Object.freeze({
  name: 'engine.files',
  elem: '[]uint8',
  zero: null,
  methods: new Map(METHODS.map((method) => [method.name, method])),
})

function asYaml(run: Parameters<typeof toYaml>[0], files: ChartFiles, print: (data: Uint8Array) => string): string {
  const entries = new Map<string, Value>()
  for (const name of [...files.keys()].sort()) {
    const data = files.bytes(name)
    run.allocate(data.length)
    entries.set(name.slice(name.lastIndexOf('/') + 1), print(data))
  }
  return toYaml(run, entries)
}
