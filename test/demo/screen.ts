const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined

const paint =
  (code: string) =>
  (text: string): string =>
    colours ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold = paint('1')
export const dim = paint('2')
export const red = paint('31')
export const green = paint('32')

/** Prints one line. */
export function line(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Runs one step of the set-up, showing what it is and, at its end, how long it took. `note` shows progress in between. */
export async function step<T>(title: string, run: (note: (text: string) => void) => Promise<T>): Promise<T> {
  const started = performance.now()
  line(`${dim('...')} ${title}`)
  const result = await run((text) => line(dim(`      ${text}`)))
  line(`${green(' ok')} ${title} ${dim(`${((performance.now() - started) / 1000).toFixed(1)} s`)}`)
  return result
}
