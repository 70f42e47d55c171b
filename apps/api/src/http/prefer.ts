import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DomainError } from './domain-error.js';

const MAX_WAIT_SECONDS = 300;

/**
 * Parameter decorator: how many milliseconds the caller wants to wait (`Prefer: wait=N`), 0 when it does not say.
 * The answer gets `Preference-Applied: wait=N`. 400 invalid_prefer when N is not a whole number from 0 to 300.
 */
export const PreferWait = createParamDecorator((_: unknown, context: ExecutionContext): number => {
  const http = context.switchToHttp();
  const seconds = parsePreferWait(http.getRequest<Request>().headers.prefer);
  if (seconds === null) return 0;
  http.getResponse<Response>().setHeader('Preference-Applied', `wait=${seconds}`);
  return seconds * 1000;
});

export const ApiPreferWait = () =>
  ApiHeader({
    name: 'Prefer',
    required: false,
    example: 'wait=5',
    description: '`wait=N`: answer when it is done everywhere, or after N seconds (0 to 300) with what is still missing.',
  });

/**
 * Seconds; null when the header holds no `wait`. RFC 7240: several preferences in one header or several headers (Node joins them with
 * commas), names in any case, values quoted or not, parameters after `;`, the first of the same name counts, unknown ones are ignored.
 */
export function parsePreferWait(header: string | string[] | undefined): number | null {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  for (const preference of text.match(/(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g) ?? []) {
    const [name, value] = (preference.split(';', 1)[0] ?? '').split('=', 2).map((part) => part.trim());
    if (name?.toLowerCase() !== 'wait') continue;
    const digits = /^"?(\d{1,9})"?$/.exec(value ?? '')?.[1];
    if (digits !== undefined && Number(digits) <= MAX_WAIT_SECONDS) return Number(digits);
    const message = `wait must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}`;
    throw new DomainError('malformed', 'invalid_prefer', `Prefer: ${message}.`, { errors: [{ path: 'Prefer', message }] });
  }
  return null;
}
