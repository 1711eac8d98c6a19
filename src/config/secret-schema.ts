import { z } from 'zod'
import { environmentName, filePath, secretText } from './text-scalars.ts'

/** A secret in each of its forms. */
export function secret(description: string) {
  const fromEnvironment = z.strictObject({ env: environmentName('An environment variable that holds the secret.') })
  const fromFile = z.strictObject({
    file: filePath(
      'A file that holds the secret; relative to the configuration file. A last line break does not count.',
    ),
  })
  return z.union([secretText('The secret itself.'), fromEnvironment, fromFile]).describe(description)
}
