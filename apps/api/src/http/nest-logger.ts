import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/** Nest's own words, from warnings up. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(): void {}
  debug(): void {}
  verbose(): void {}

  warn(message: unknown): void {
    this.logger.warn(String(message));
  }

  error(message: unknown, ...details: unknown[]): void {
    this.logger.error({ details: details.map(String) }, String(message));
  }

  fatal(message: unknown): void {
    this.logger.fatal(String(message));
  }
}
