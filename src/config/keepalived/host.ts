// The host that a file is for, as far as the caller knows it. rules-*.ts compare the file with it; here.ts makes one of this machine.

/** A program or script as it lies on the disk. */
export interface ScriptFile {
  /** Where it was found: a name without a slash is looked for in the PATH. */
  readonly path: string;
  readonly executable: boolean;
  /** Every account may execute it, and pass through the folders above it. */
  readonly executableByAll: boolean;
  /** Who besides root may change it or a folder above it, in words; null: nobody. */
  readonly changeable: string | null;
  /** null: no text, or too long to be looked through. */
  readonly text: string | null;
}

export interface Host {
  /** The addresses on each interface with their prefix (`192.0.2.11/24`). */
  readonly interfaces: Readonly<Record<string, readonly string[]>>;
  /** true: the file is for this very host, and what is not known here is not there. */
  readonly complete?: boolean;
  /** The program of a command; null: it is not there. Without this function nobody looked. */
  script?(program: string): ScriptFile | null;
  /** Whether there is an account of that name. Without this function nobody looked. */
  hasUser?(name: string): boolean;
}
