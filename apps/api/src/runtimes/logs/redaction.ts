/** Anything shorter would also be found where nobody has told a secret. In bytes. */
const SHORTEST = 6;
const COVER = 0x2a; // *

/**
 * Covers secrets in what a program writes, wherever they appear as they are; what is encoded (base64, escaped in JSON) is not known. Of a
 * secret of several lines each line counts for itself, as it comes in several lines of output.
 */
export class Redaction {
  /** In bytes: of so much of what follows one has to know, to be sure that nothing at the end is the beginning of a secret. */
  readonly longest: number;
  private readonly secrets: readonly Buffer[];

  constructor(secrets: readonly string[]) {
    const parts = new Set(secrets.flatMap((secret) => secret.split(/\r?\n/)));
    this.secrets = [...parts].map((part) => Buffer.from(part)).filter(({ length }) => length >= SHORTEST);
    this.longest = Math.max(0, ...this.secrets.map(({ length }) => length));
  }

  /** Of the same length, so that positions stay what they are. The bytes themselves where there is nothing to cover. */
  cover(bytes: Buffer): Buffer {
    let covered: Buffer | null = null;
    for (const secret of this.secrets) {
      // Looked for in the original: secrets may overlap.
      for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, at + secret.length)) {
        covered ??= Buffer.from(bytes);
        covered.fill(COVER, at, at + secret.length);
      }
    }
    return covered ?? bytes;
  }
}
