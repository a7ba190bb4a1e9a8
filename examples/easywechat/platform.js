// A service provider's program: it lists the shops that authorised the platform,
// fetches a token for each and calls it. Its component_appsecret is a client key of
// Zhanggui, and the ticket is not needed: Zhanggui keeps the real one. Prints one line
// of JSON.
//
// Usage: node platform.js BASE COMPONENT_APPID KEY
'use strict';

const { OpenPlatform } = require('node-easywechat');

async function main() {
  const [base, appid, key] = process.argv.slice(2);
  const app = new OpenPlatform({
    app_id: appid,
    secret: key, // a client key
    token: 'unused',
    aes_key: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', // of pushes, which Zhanggui receives
    file_cache: { path: './cache/' },
    http: { baseURL: base, timeout: 5000, throw: false }, // Zhanggui's address
  });
  await app.getVerifyTicket().setTicket('unused');

  const post = async (path, body) => (await app.getClient().postJson(path, { component_appid: appid, ...body })).toObject();
  const list = await post('/cgi-bin/component/api_get_authorizer_list', { offset: 0, count: 100 });
  const shops = [];
  for (const { authorizer_appid: shop, refresh_token: handle } of list.list) {
    const fresh = await app.refreshAuthorizerToken(shop, handle);
    const asked = await app.getAuthorization(handle);
    const info = await post('/cgi-bin/component/api_get_authorizer_info', { authorizer_appid: shop });
    const account = await app.getOfficialAccountWithRefreshToken(shop, handle);
    const basics = (await account.getClient().get('/channels/ec/basics/info/get')).toObject();
    shops.push({
      appid: shop,
      same_handle: fresh.authorizer_refresh_token === handle,
      same_token: asked.toObject().authorization_info.authorizer_access_token === fresh.authorizer_access_token,
      sets: asked.toObject().authorization_info.func_info.map((f) => f.funcscope_category.id),
      name: info.authorizer_info.nick_name,
      basics,
    });
  }
  const refused = await app.refreshAuthorizerToken(list.list[0].authorizer_appid, 'refreshtoken@@@none')
    .then(() => 'a token', (err) => err.message);
  console.log(JSON.stringify({ total: list.total_count, shops, refused }));
}

main().catch((err) => {
  console.error(err.message || err);
  process.exit(1);
});
