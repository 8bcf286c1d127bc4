/** Wraps text in a colour or weight; without colours it stays as it is. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

/** The styles of a terminal with or without colours. */
export function styleOf(hasColour: boolean): Style {
  const wrap = (code: number, end: number) => (text: string) =>
    hasColour && text !== '' ? `\u001b[${code}m${text}\u001b[${end}m` : text
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  }
}
