/** The version of this program, as in package.json. */
export const sluiceVersion = '0.1.0'
