import { FunctionError } from '../../template/index.ts'

/** What `fail` and `required` throw: Helm shows the chart's own words alone, with the place of the outermost template. */
export class ChartFailure extends FunctionError {}
