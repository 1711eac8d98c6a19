/** A time: text with a unit (`250ms`, `5s`, `1.5h`, `2d`), or a number of milliseconds. */
export type Duration = string | number

/** A secret: the text itself (8 bytes or more), an environment variable, or a file (a last line break does not count). */
export type SecretOption = string | { env: string } | { file: string }
