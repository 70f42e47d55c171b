/** What the instances answer to. */
export const PATHS = { small: 'small', '64 KiB': '64k', '1 MiB': '1m', upload: 'upload' } as const;
