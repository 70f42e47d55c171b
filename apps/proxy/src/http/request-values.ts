import type { RequestValues } from '@app-fabric/routing';
import { cookieValue, type RequestFields } from './fields.js';

/** What audience rules and affinity may ask of a request; each value is looked up when it is asked for. */
export class HeadValues implements RequestValues {
  constructor(
    private readonly fields: RequestFields,
    private readonly target: string,
    readonly address: string,
  ) {}

  header(name: string): string | undefined {
    const values = this.fields.values(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  cookie(name: string): string | undefined {
    return cookieValue(this.fields, name);
  }

  query(name: string): string | undefined {
    const mark = this.target.indexOf('?');
    return mark < 0 ? undefined : (new URLSearchParams(this.target.slice(mark + 1)).get(name) ?? undefined);
  }
}
