/** What audience conditions and affinity may ask of a request. Each value is looked up only when something asks for it. */
export interface RequestValues {
  /** `name` in lower case. The values of several lines joined with `, ` (RFC 9110 §5.3); `undefined` when there is none. */
  header(name: string): string | undefined;
  /** The first cookie of this name. Case matters. */
  cookie(name: string): string | undefined;
  /** The first parameter of this name, decoded; `''` when it has no value. */
  query(name: string): string | undefined;
  /** Of the client, IPv4 or IPv6. */
  readonly address: string;
}
