/** Arguments of Node before a module of this repository that is TypeScript; Node 20 cannot load it by itself. */
export const TYPESCRIPT: readonly string[] = ['--import', new URL('register.mjs', import.meta.url).href]
