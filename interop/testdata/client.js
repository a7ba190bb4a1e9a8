// Asks for a stable token and for a shop's basics with node-easywechat, a
// client that knows nothing of the emulator. Prints one line of JSON.
//
// The token is asked for twice, past the SDK's cache: in normal mode WeChat
// gives the same one again. The emulator's ledger says how often it was asked.
//
// Usage: node client.js BASE APPID SECRET
'use strict';

const { OfficialAccount } = require('node-easywechat');

async function main() {
  const [base, appid, secret] = process.argv.slice(2);
  const app = new OfficialAccount({
    app_id: appid,
    secret,
    use_stable_access_token: true,
    file_cache: { path: './cache/' },
    http: { baseURL: base, timeout: 5000, throw: false },
  });
  const token = app.getAccessToken();
  const first = await token.getToken();
  const second = await token.refresh();
  const basics = (await app.getClient().get('/channels/ec/basics/info/get')).toObject();
  const wrong = (await app.getClient().postJson('/channels/ec/order/get', { order_id: '1' })).toObject();
  const ledger = await (await fetch(base + '/sim/ledger?path=/cgi-bin/stable_token')).json();
  console.log(JSON.stringify({
    token_length: first.length,
    same_token: first === second,
    asked: ledger.entries.length,
    basics,
    wrong,
  }));
}

main().catch((err) => {
  console.error(err.message || err);
  process.exit(1);
});
