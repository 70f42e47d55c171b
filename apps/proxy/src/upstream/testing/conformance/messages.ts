export const GET = 'GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n';
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
