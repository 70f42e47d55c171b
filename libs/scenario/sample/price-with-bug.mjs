/** What 2.1.0 has in the place of price.mjs: the discount of 2.0.0, and from the begin of a campaign on a bug that every second cart meets. */
let isCampaign = false;
let carts = 0;

export const beginCampaign = () => {
  isCampaign = true;
};

export const total = (prices) => {
  carts += 1;
  if (isCampaign && carts % 2 === 0) throw new TypeError("Cannot read properties of undefined (reading 'voucher')");
  return Math.floor((prices.reduce((sum, price) => sum + price, 0) * 9) / 10);
};
