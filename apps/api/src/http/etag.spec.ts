import { DomainError } from './domain-error.js';
import { checkIfMatch, etagOf, parseIfMatch } from './etag.js';

/** What a change with these headers gets, when the resource has the tag `current` (null: it does not exist). */
function outcome(ifMatch: string | undefined, ifNoneMatch: string | undefined, current: string | null): string {
  try {
    checkIfMatch(parseIfMatch(ifMatch, ifNoneMatch), current);
    return 'go';
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}

it('§3 a tag is strong and quoted', () => expect(etagOf(7)).toBe('"7"'));

describe('CONTRACT §3: If-Match, 412 when it is stale', () => {
  const cases: [header: string | undefined, current: string | null, expected: string][] = [
    [undefined, '"7"', 'go'],
    [undefined, null, 'go'],
    ['"7"', '"7"', 'go'],
    ['"6"', '"7"', 'precondition_failed'],
    ['"6", "7"', '"7"', 'go'],
    ['"6","7" , "8"', '"8"', 'go'],
    ['"7"', null, 'precondition_failed'],
    ['W/"7"', '"7"', 'precondition_failed'],
    ['*', '"7"', 'go'],
    ['*', null, 'precondition_failed'],
    [' * ', '"7"', 'go'],
    ['"a,b"', '"a,b"', 'go'],
    ['""', '"7"', 'precondition_failed'],
    ['7', '"7"', 'malformed_precondition'],
    ['"7', '"7"', 'malformed_precondition'],
    ['', '"7"', 'malformed_precondition'],
    ['"7" "8"', '"7"', 'malformed_precondition'],
    ['"7", *', '"7"', 'malformed_precondition'],
    [Array.from({ length: 101 }, () => '"7"').join(), '"7"', 'malformed_precondition'],
  ];
  for (const [header, current, expected] of cases) {
    it(`${header?.slice(0, 20)} on ${current}: ${expected}`, () => expect(outcome(header, undefined, current)).toBe(expected));
  }
});

describe('CONTRACT §3: If-None-Match on a change', () => {
  const cases: [header: string, current: string | null, expected: string][] = [
    ['*', null, 'go'],
    ['*', '"7"', 'precondition_failed'],
    ['"7"', '"7"', 'precondition_failed'],
    ['"6"', '"7"', 'go'],
    ['x', null, 'malformed_precondition'],
  ];
  for (const [header, current, expected] of cases) {
    it(`${header} on ${current}: ${expected}`, () => expect(outcome(undefined, header, current)).toBe(expected));
  }
});
