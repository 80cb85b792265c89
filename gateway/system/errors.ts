import { getSystemErrorMap } from "node:util";
import { VertebraError } from "../../firmware/core/errors";

/**
 * What the operating system refuses, for people: one table for all of the gateway and its commands. An error that is in it is the
 * machine's, and never asked to be reported as a bug.
 */
interface Refusal {
  /** Goes on after what was to be done, and a colon. */
  readonly sentence: string;
  readonly remedy: string;
  /** Whether the same may well succeed a moment later, with nothing done about it. */
  readonly passes?: true;
}

const permission = "Run as the user whom it belongs to, or give this user the right: ls -ld tells who has it.";
const full = "Free some room there (df tells how much is left), then try again.";
const ended = "Look whether it still runs, and try again.";
const unmounted = "Check that the disk or device is there and sound: dmesg tells what the kernel found.";

const refusals: Readonly<Record<string, Refusal>> = {
  EMFILE: {
    sentence: "this process has no file descriptor left",
    remedy: "Raise its limit (ulimit -n, or LimitNOFILE= of its service), or close what asks it so much at once.",
    passes: true,
  },
  ENFILE: {
    sentence: "this machine has no file descriptor left",
    remedy: "End programs that hold many files open (lsof tells which), or raise fs.file-max.",
    passes: true,
  },
  EAGAIN: {
    sentence: "this machine has no room for another process now",
    remedy: "End programs that are not needed, or raise the limit of processes (ulimit -u).",
    passes: true,
  },
  ENOMEM: {
    sentence: "this machine has no memory left",
    remedy: "End programs that are not needed: free -m tells what is left.",
    passes: true,
  },
  ENOBUFS: {
    sentence: "this machine has no buffers left",
    remedy: "End programs that are not needed, and try again.",
    passes: true,
  },
  ETXTBSY: { sentence: "the program is just being written", remedy: "Try again in a moment.", passes: true },
  EBUSY: { sentence: "it is in use", remedy: "End the program that uses it (fuser tells which), then try again." },
  EADDRINUSE: { sentence: "its address is in use", remedy: "End the program that uses it, then try again." },
  EACCES: { sentence: "this user may not", remedy: permission },
  EPERM: { sentence: "the system does not allow it", remedy: permission },
  EROFS: { sentence: "its file system is read-only", remedy: "Mount it writable, or take a directory elsewhere." },
  ENOSPC: { sentence: "the disk is full", remedy: full },
  EDQUOT: { sentence: "this user's share of the disk is full", remedy: full },
  EFBIG: { sentence: "the file would be too large", remedy: "Raise the limit of file sizes (ulimit -f)." },
  ENOENT: { sentence: "it is not there", remedy: "Check the path, and that what it names was made." },
  ENOTDIR: { sentence: "a part of its path is no directory", remedy: "Check the path." },
  EISDIR: { sentence: "it is a directory", remedy: "Give the path of a file." },
  EEXIST: { sentence: "it is there already", remedy: "Take another name, or remove it if nobody needs it." },
  ENOTEMPTY: { sentence: "the directory is not empty", remedy: "Take another, or empty it if nobody needs it." },
  ENAMETOOLONG: { sentence: "its path is too long", remedy: "Take a directory with a shorter path." },
  ELOOP: { sentence: "its path goes round in links", remedy: "Check the symbolic links on the path." },
  ENOEXEC: { sentence: "it is no program for this machine", remedy: "Build it anew on this machine." },
  ENOTSUP: { sentence: "its file system can't do that", remedy: "Take a directory on a disk of this machine." },
  EOPNOTSUPP: { sentence: "its file system can't do that", remedy: "Take a directory on a disk of this machine." },
  EXDEV: { sentence: "it is on another disk", remedy: "Take a directory on the same disk." },
  EIO: { sentence: "the device failed", remedy: unmounted },
  ENXIO: { sentence: "the device is not there", remedy: unmounted },
  ENODEV: { sentence: "the device is not there", remedy: unmounted },
  ESTALE: { sentence: "the file server forgot it", remedy: unmounted },
  EPIPE: { sentence: "its other end has gone", remedy: ended },
  ECONNRESET: { sentence: "its other end has gone", remedy: ended },
  ECONNREFUSED: { sentence: "nobody listens there", remedy: ended },
  ETIMEDOUT: { sentence: "there was no answer in time", remedy: ended },
};

/** What a library passes on in words alone, in small letters: that of the serial ports by libuv's, that of the store by those of the C library. */
const byWords = [
  ...[...getSystemErrorMap().values()].filter(([name]) => refusals[name] !== undefined),
  ["ENFILE", "too many open files in system"],
  ["ENOMEM", "cannot allocate memory"],
  ["EDQUOT", "disk quota exceeded"],
  ["EIO", "input/output error"],
  ["ESTALE", "stale file handle"],
] as const;

/** The errno's name of an error that the operating system gave, as a library passes it on; undefined where it is none. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof VertebraError) return undefined;
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code !== undefined && (refusals[code] !== undefined || typeof errno === "number"))
    return code.replace(/^ERR_FS_/, "");
  const said = error.message.toLowerCase();
  return errnoOf(error.cause) ?? byWords.find(([, words]) => said.includes(words))?.[0];
}

/** Whether what was refused is to be tried again: nobody has to do anything for it to succeed. */
export function mayPass(error: unknown): boolean {
  return refusals[errnoOf(error) ?? ""]?.passes === true;
}

/**
 * An error for a person. `doing` says what could not be done, as "No process can be started for a behavior". A VertebraError stays what
 * it is; what is neither that nor the operating system's is ours, and `unexpected`.
 */
export function asVertebraError(error: unknown, doing: string): VertebraError {
  if (error instanceof VertebraError) return error;
  const errno = errnoOf(error);
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (errno === undefined) return new VertebraError("unexpected", stack ?? message, "Report this as a bug.");
  const { sentence, remedy } = refusals[errno] ?? {
    sentence: `the system refused it with ${errno}`,
    remedy: "man 3 errno tells what that means.",
  };
  const { path, address } = error as NodeJS.ErrnoException & { readonly address?: string };
  const where = path ?? address;
  const named = where === undefined || doing.includes(where) ? doing : `${doing}, ${where}`;
  return new VertebraError(`system-${errno.toLowerCase()}`, `${named}: ${sentence} (${errno})`, remedy);
}
