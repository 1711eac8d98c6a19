// Required by a run of all files: several begin at once, and each would compile the programs that the tests start.
import { compiledPrograms } from './compiled.ts'

export function mochaGlobalSetup(): void {
  compiledPrograms()
}
