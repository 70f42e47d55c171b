const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const LABEL = '[a-z](?:[a-z0-9]|-(?!-))*';
const PLAIN = new RegExp(`^http://((?:${BYTE}\\.){3}${BYTE}|${LABEL}(?:\\.${LABEL})*):([1-9]\\d{0,4})$`);
const MAX_PORT = 65_535;

/**
 * Host and port of `http://host:port` where there is nothing to be careful about: a decimal IPv4 address or a plain name. `null` says only
 * that a URL parser has to look. Most instances are like this, and parsing their URLs would be a large part of loading a large table.
 */
export function readPlainUrl(text: string): { hostname: string; port: number } | null {
  const found = PLAIN.exec(text);
  if (found === null) return null;
  const [, hostname = '', digits = ''] = found;
  const port = Number(digits);
  return port > MAX_PORT ? null : { hostname, port };
}
