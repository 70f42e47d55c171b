/** 1.0.0: the plain sum, in cents. */
export const total = (prices) => prices.reduce((sum, price) => sum + price, 0);
