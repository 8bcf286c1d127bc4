/** The version of this program, that of package.json (a test compares them). Bundles carry it with them. */
export const sluiceVersion = '0.1.0'
