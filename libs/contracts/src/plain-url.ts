const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const LABEL = '[a-z](?:[a-z0-9]|-(?!-))*';
/** 1 to 65535 */
const PORT = '[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5]';
const PLAIN = new RegExp(`^http://((?:${BYTE}\\.){3}${BYTE}|${LABEL}(?:\\.${LABEL})*):(${PORT})$`);

/**
 * `http://host:port` where there is nothing to be careful about: a decimal IPv4 address or a plain name. False says only that a URL parser
 * has to look. Most instances are like this, and parsing their URLs would be a large part of loading a large table.
 */
export function isPlainUrl(text: string): boolean {
  return PLAIN.test(text);
}

/** Host and port of a URL that {@link isPlainUrl}; `null` for others. */
export function readPlainUrl(text: string): { hostname: string; port: number } | null {
  const found = PLAIN.exec(text);
  if (found === null) return null;
  const [, hostname = '', port] = found;
  return { hostname, port: Number(port) };
}
