/** The firmware of the emulated board, as it lies in flash: the path. Errors as of `buildHost`. */
export function buildRv32(say?: (text: string) => void): Promise<string>;
