import { EVENT_ID, getScalarValue, type Event } from 'js-yaml'

/** Offsets where lines start: for positions from offsets in logarithmic time. */
export function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** 1-based line and column of an offset. */
export function positionAt(
  starts: readonly number[],
  offset: number,
  firstLine = 1,
): { readonly line: number; readonly column: number } {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + firstLine, column: offset - (starts[low] ?? 0) + 1 }
}

/** The offset at which an event's content starts; undefined where it has none. */
export function offsetOf(event: Event | undefined): number | undefined {
  if (event === undefined) return undefined
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart < 0 ? undefined : event.valueStart
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start
    case EVENT_ID.ALIAS:
      return event.anchorStart
    default:
      return undefined
  }
}

/** The offset of what lies at `path` below the node of event `at`: of its key, for a value of a mapping. Undefined where nothing is there, or behind an alias. */
export function findPath(
  events: readonly Event[],
  source: string,
  at: number,
  path: readonly (string | number)[],
): number | undefined {
  let index = at
  let found = offsetOf(events[index])
  for (const part of path) {
    const event = events[index]
    if (event?.type === EVENT_ID.SEQUENCE) {
      if (typeof part !== 'number') return undefined
      index += 1
      for (let item = 0; item < part; item++) {
        if (events[index]?.type === EVENT_ID.POP) return undefined
        index = skipNode(events, index)
      }
      if (events[index]?.type === EVENT_ID.POP) return undefined
      found = offsetOf(events[index]) ?? found
    } else if (event?.type === EVENT_ID.MAPPING) {
      index += 1
      for (;;) {
        const key = events[index]
        if (key === undefined || key.type === EVENT_ID.POP) return undefined
        const isKey = key.type === EVENT_ID.SCALAR && getScalarValue(source, key) === String(part)
        index = skipNode(events, index)
        if (isKey) {
          found = offsetOf(key) ?? found
          break
        }
        index = skipNode(events, index)
      }
    } else return undefined
  }
  return found
}

/** Index of the event behind the node that starts at `at`. */
function skipNode(events: readonly Event[], at: number): number {
  let depth = 0
  let index = at
  do {
    const type = events[index]?.type
    if (type === EVENT_ID.SEQUENCE || type === EVENT_ID.MAPPING) depth += 1
    else if (type === EVENT_ID.POP) depth -= 1
    index += 1
  } while (depth > 0 && index < events.length)
  return index
}
