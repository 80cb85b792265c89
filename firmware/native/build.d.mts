/**
 * The path of the XS host, built first where it is missing or older than its sources, its flags or the engine.
 * `say` is told when there is something to wait for. Throws an Error with `code` ("no-compiler", "no-engine", "build-failed") and `remedy`.
 */
export function buildHost(say?: (text: string) => void): Promise<string>;
