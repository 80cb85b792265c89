/**
 * The global object `native` of the XS host (`vertebra-xs PROGRAM.js [arguments…]`), frozen. What its functions throw has `code`
 * and `remedy`, as VertebraError has.
 *
 * A program ends when nothing is left to wait for: no open port, no standard input, no signal, no timer that is set. The process
 * ends with 64 for a program that can't be read, 70 for an uncaught exception or unhandled rejection, 71 out of memory, 72 stack
 * overflow, 73 out of property names, 74 a check of the engine, 75 at the limit of computation; each with a sentence on the
 * standard error.
 */
export interface Native {
  /** "XS 13.3.0" */
  readonly engine: string;
  /** What follows the program's name on the command line. */
  readonly arguments: readonly string[];
  /** What runs over every byte, as `core/wire/bulk`, `core/wire/crc32c`, `store/packing` and `store/plain-writes` do it. */
  readonly bulk: {
    equal(a: Uint8Array, b: Uint8Array): boolean;
    compare(a: Uint8Array, b: Uint8Array): number;
    isFilled(bytes: Uint8Array, byte: number): boolean;
    joined(first: Uint8Array, second: Uint8Array, third: Uint8Array | undefined): ArrayBuffer;
    named(name: string, bytes: Uint8Array): ArrayBuffer;
    find(bytes: Uint8Array, wanted: Uint8Array, from: number): number;
    endOfItem(bytes: Uint8Array, at: number, end: number): number;
    nextString(bytes: Uint8Array, at: number, end: number, least: number): number;
    numberAtEnd(text: string): number;
    toHex(bytes: Uint8Array): string;
    /** Undefined where the text is none of whole bytes in hex. */
    bytesFromHex(text: string): ArrayBuffer | undefined;
    /** Undefined where the value is not plain. */
    encodePlain(value: unknown, ofBytes: object, ofArrays: object): ArrayBuffer | undefined;
    crc32c(bytes: Uint8Array, before?: number): number;
    /** Undefined for a lone surrogate. */
    utf8FromText(text: string): ArrayBuffer | undefined;
    /** The offset of what is no UTF-8. */
    textFromUtf8(bytes: Uint8Array): string | number;
    /** As `store/packing` does it: where each begins and ends. */
    stringsIn(value: Uint8Array): ArrayBuffer;
    /** A packing, or undefined where the value stays as it is. */
    packBegin(value: Uint8Array, first: number | null, lender: number | null): ArrayBuffer | undefined;
    /** True where it is packed, false where that is not shorter, or bytes of which the hash is wanted. */
    packOn(
      packing: ArrayBuffer,
      hash: Uint8Array | undefined,
      known: Uint8Array,
      knownPlaces: ArrayBufferLike,
      lent: Uint8Array,
      lentPlaces: ArrayBufferLike,
    ): ArrayBuffer | boolean;
    /** What was packed. */
    packed(packing: ArrayBuffer): ArrayBuffer;
    /** Of the buffers of a table's keys and addresses, and of the keys apart, what is left and the numbers of a pass. */
    notePlainWrites(
      keys: ArrayBufferLike,
      addresses: ArrayBufferLike,
      apart: ArrayBufferLike,
      left: ArrayBufferLike,
      bytes: Uint8Array,
      numbers: ArrayBufferLike,
    ): number;
  };
  readonly clock: {
    /** Milliseconds that never go back. */
    monotonic(): number;
    /** Milliseconds since 1970. */
    wall(): number;
  };
  readonly timer: {
    /** At most 16; they are never closed. */
    open(callback: () => void): number;
    /** Calls once, at this monotonic time; replaces the time set before. */
    set(timer: number, at: number): void;
    stop(timer: number): void;
  };
  /** Bytes of RAM for all; missing where there is memory by the megabyte. */
  readonly memory?: number;
  /** At most 65536 bytes of the kernel's generator. */
  random(count: number): Uint8Array;
  /** Bytecodes that the machine has run since it started. */
  meter(): number;
  readonly serial: {
    /** A device, raw, 8N1, locked for this process. `closed` is called when it vanishes, with the reason; then open it anew. */
    openPort(
      path: string,
      baud: number,
      received: (bytes: Uint8Array) => void,
      closed: (reason: string) => void,
    ): number;
    /** A pseudo-terminal whose other side is named `link`, a symbolic link; it outlives whoever opens and closes that. */
    openTerminal(link: string, received: (bytes: Uint8Array) => void, closed: (reason: string) => void): number;
    /** False where 16 KB are waiting already: then none of it is sent. */
    write(port: number, bytes: Uint8Array): boolean;
    /** Whether another program changed the settings of the line since they were set, so that bytes would not pass as they are: they are set back. */
    repair(port: number): boolean;
    close(port: number): void;
  };
  /** At most 1 MB, and not empty. */
  readFile(path: string): Uint8Array;
  readonly flash: {
    /** Bytes, of a part that is as it is; missing where `open` makes what is asked for. */
    readonly size?: number;
    readonly sectorSize?: number;
    /**
     * A file of `size` bytes with NOR semantics, made where it is missing, locked for this process. Of a part that is as it is the area that is called so:
     * `journal`, of `size`, or `identity`, of one sector.
     */
    open(path: string, size: number, sectorSize: number): number;
    read(flash: number, offset: number, length: number): Uint8Array;
    program(flash: number, offset: number, bytes: Uint8Array): void;
    erase(flash: number, sector: number): void;
    sync(flash: number): void;
  };
  /** Missing where the library is, or where VERTEBRA_SODIUM=off. */
  readonly sodium?: {
    readonly version: string;
    sha256(bytes: Uint8Array): Uint8Array;
    /** 64 bytes of a 32-byte seed; the last 32 are the public key. */
    secretKey(seed: Uint8Array): Uint8Array;
    sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
    x25519Public(secret: Uint8Array): Uint8Array;
    /** All zero for a bad point. */
    x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array;
    seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plaintext: Uint8Array): Uint8Array;
    open(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  };
  /** NaN where the machine has no such thing. */
  readonly sensors: {
    /** Of one minute. */
    load(): number;
    /** MiB. */
    memoryUsed(): number;
    memoryPercent(): number;
    /** °C. */
    temperature(): number;
    /** Seconds. */
    uptime(): number;
  };
  /** For a machine that runs what it does not trust. */
  readonly sandbox: {
    /** Freezes all intrinsics; from then on no function tells the time or gives a random number. Once. */
    lockdown(): void;
    /** Freezes a value and all that is reached from it. */
    harden<T>(value: T): T;
    /** The process ends with 75 after so many more bytecodes, with 71 after so many more bytes of memory, by SIGALRM after so many ms. */
    limit(computation: number, memory: number, milliseconds: number): void;
    /** No more of these limits; and nothing of what promises wait for now will run. */
    lift(): void;
  };
  readonly process: {
    /**
     * A program on this host in a process of its own, which has `input` on its standard input and ends with this one. `ended` gets its
     * status, 128 and more where a signal ended it (142: after these ms; 137: it put out more than 256 KB), and its standard output.
     * At most 8 at once.
     */
    start(program: string, input: string, milliseconds: number, ended: (status: number, output: string) => void): void;
  };
  /** One line on the standard output; waits for room where 64 KB wait for a reader. */
  print(line: string): void;
  /** The same without waiting: false where it was not taken. */
  log(line: string): boolean;
  /** One line on the standard error, where there is room. */
  printError(line: string): void;
  /**
   * Calls with each line of the standard input, a pipe or a terminal; with null for one of more than `most` bytes, 8 MB where
   * nothing is said; and with undefined at its end.
   */
  input(line: (text: string | null | undefined) => void, most?: number): void;
  /** Calls on SIGTERM, SIGINT and, unless it is ignored, SIGHUP, which then no longer end the process. */
  onTerminate(callback: () => void): void;
  /** Begins the process anew after so many ms, with these arguments; one of these signals ends it meanwhile. */
  restart(milliseconds: number, ...parameters: readonly string[]): never;
  exit(code: number): never;
}
