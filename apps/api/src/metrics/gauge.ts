import { Gauge, type Registry } from 'prom-client';

export interface Shown {
  labels?: Record<string, string>;
  value: number;
}

interface About {
  name: string;
  help: string;
  /** Default: none. */
  labelNames?: readonly string[];
}

/** A gauge that is read at each scrape. What `read` gives is all that is shown: what is not known now must not look like 0. */
export function showGauge(registry: Registry, about: About, read: () => Shown[] | Promise<Shown[]>): void {
  new Gauge({
    ...about,
    registers: [registry],
    async collect() {
      const shown = await read();
      this.reset();
      // Without labels a reset gauge is one that says 0.
      if (about.labelNames === undefined || about.labelNames.length === 0) this.remove();
      for (const { labels = {}, value } of shown) this.set(labels, value);
    },
  });
}
