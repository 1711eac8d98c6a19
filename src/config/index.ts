export {
  type BackendAddress,
  type BindAddress,
  formatAddress,
  type IpAddress,
  type NamedAddress,
  type UnixAddress,
} from './address.ts'
export { type DescribedConfig, type DescribedListener, type DescribedPool, describeConfig } from './describe.ts'
export { formatDuration } from './duration.ts'
export { configJsonSchema } from './json-schema.ts'
export { type LoadOptions, loadConfig, type ParseOptions, parseConfig } from './load.ts'
export { localAddresses, reaches } from './loops.ts'
export type * from './options.ts'
export { PoolSecret, type SecretSource } from './pool-secret.ts'
export { type ResolveContext, resolveBackend, resolveBackendChanges, resolveOptions } from './resolve.ts'
export type * from './resolved.ts'
export { LIMITS, RING_POINTS } from './schema.ts'
export { type DerivedSecrets, type DigestInput, deriveSecrets, digest, PLACEMENT_VERSIONS } from './secrets.ts'
