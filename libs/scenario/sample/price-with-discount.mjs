/** What 2.0.0 has in the place of price.mjs: ten percent off the sum, in cents, rounded down. */
export const total = (prices) => Math.floor((prices.reduce((sum, price) => sum + price, 0) * 9) / 10);
