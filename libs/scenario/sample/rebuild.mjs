// The shop's flow: builds a price index, says how large it became, and ends.
import { total } from './price.mjs';

const ENTRIES = 10_000;
const index = new Map();
for (let entry = 1; entry <= ENTRIES; entry += 1) index.set(`item-${entry}`, total([entry, entry + 1]));
process.stdout.write(`${JSON.stringify({ program: 'rebuild', version: Number(process.env.FABRIC_VERSION), entries: index.size })}\n`);
