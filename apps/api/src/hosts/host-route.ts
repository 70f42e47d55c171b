/** Where consumers reach a service without a path of the fabric. */
export interface ServiceHosts {
  /** Names, or `*.` and a name; lower case. */
  hosts: string[];
  /** `/`, or whole segments without a slash at the end. */
  pathPrefix: string;
}

export interface HostRoute extends ServiceHosts {
  revision: number;
  updatedAt: Date;
}

export interface ServiceRef {
  namespace: string;
  app: string;
  service: string;
}

/** A host that a service wants and another one has. */
export interface TakenHost extends ServiceRef {
  host: string;
}
