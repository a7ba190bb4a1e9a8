// A program that knows one shop and fetches its tokens itself, as it did before.
// What changed are two settings: the host, and a client key of Zhanggui where the
// shop's AppSecret stood. Prints one line of JSON.
//
// Usage: node shop.js BASE APPID KEY
//
//   node shop.js http://127.0.0.1:8080 wx00000000000000c1 zgc_...
'use strict';

const { OfficialAccount } = require('node-easywechat');

function connect(base, appid, key, stable) {
  return new OfficialAccount({
    app_id: appid,
    secret: key, // a client key
    use_stable_access_token: stable,
    file_cache: { path: './cache/' },
    http: { baseURL: base, timeout: 5000, throw: false }, // Zhanggui's address
  });
}

async function main() {
  const [base, appid, key] = process.argv.slice(2);
  const plain = connect(base, appid, key, false);
  const stable = connect(base, appid, key, true);
  const token = await plain.getAccessToken().getToken();
  const forced = await stable.getAccessToken().getStableAccessToken(true);
  const basics = (await stable.getClient().get('/channels/ec/basics/info/get')).toObject();
  const orders = (await plain.getClient().postJson('/channels/ec/order/list/get', {
    create_time_range: { start_time: 1, end_time: 600000 },
    page_size: 10,
  })).toObject();
  const wrong = (await plain.getClient().postJson('/channels/ec/order/get', { order_id: '1' })).toObject();
  const closed = (await plain.getClient().postJson('/cgi-bin/clear_quota', { appid })).toObject();
  const junk = await fetch(base + '/channels/ec/basics/info/get?access_token=none').then((r) => r.json());
  const wrongKey = await connect(base, appid, 'zgc_NOTAKEY', true).getAccessToken().refresh()
    .then(() => 'a token', (err) => err.message);
  console.log(JSON.stringify({
    token_length: token.length,
    same_token: token === forced,
    kind: token.slice(0, 4),
    basics,
    orders: orders.errcode,
    wrong: wrong.errcode,
    closed,
    junk,
    wrong_key: wrongKey,
  }));
}

main().catch((err) => {
  console.error(err.message || err);
  process.exit(1);
});
