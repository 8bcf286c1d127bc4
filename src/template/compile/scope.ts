/** A variable of the template being compiled: where its value lives in the frame, and whether it is a loop variable. */
export interface Variable {
  readonly name: string
  readonly slot: number
  /** Set by `range`: Go then knows the value as an element (an `interface {}`), which shows in errors. */
  readonly isElement: boolean
}

/**
 * The variables that are visible at a point of one template. Go keeps them on a stack at run time; since templates have no
 * closures, every name resolves to a fixed slot of the frame already here.
 */
export class Scope {
  private readonly variables: Variable[] = [{ name: '$', slot: 0, isElement: false }]
  /** The number of slots a frame needs. */
  slots = 1
  /** Whether dot is the element of a `range`. */
  dotIsElement = false

  declare(name: string, isElement: boolean): Variable {
    const variable = { name, slot: this.slots++, isElement }
    this.variables.push(variable)
    return variable
  }

  lookup(name: string): Variable | undefined {
    return this.variables.findLast((variable) => variable.name === name)
  }

  /** Compiles a block: variables declared in it end with it, and dot may mean something else inside. */
  block<T>(compile: () => T): T {
    const mark = this.variables.length
    const { dotIsElement } = this
    try {
      return compile()
    } finally {
      this.variables.length = mark
      this.dotIsElement = dotIsElement
    }
  }
}
