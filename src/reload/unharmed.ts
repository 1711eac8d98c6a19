/** Tells somebody of a reload. A handler's fault is no fault of the reload, and the others are to be told, too. */
export function unharmed(tell: () => void): void {
  try {
    tell()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
