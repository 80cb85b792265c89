import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Paths relative to the repository of all files in these folders. */
export function filesIn(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => normalize(join(entry.parentPath, entry.name)).slice(root.length))
      .sort(),
  );
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** What a module imports: paths relative to the repository, without extension, or names of packages. */
export function importsOf(file: string): string[] {
  const text = textOf(file);
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']|(?<!["'])\bimport\s*\(?\s*["']([^"']+)["']/g,
  );
  return [...found].map((match) => {
    const name = match[1] ?? match[2]!;
    return name.startsWith(".") ? join(dirname(file), name) : name;
  });
}
