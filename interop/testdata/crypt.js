// Seals, opens and serves pushes with node-easywechat's platform server, which
// knows nothing of ours. Reads a JSON list of jobs from a file, prints the list
// of results.
//
// Usage: node crypt.js JOBS
'use strict';

const fs = require('fs');
const { OpenPlatform, ServerRequest } = require('node-easywechat');

function platform(job) {
  return new OpenPlatform({ app_id: job.appid, secret: 'x', token: job.token, aes_key: job.aes_key, file_cache: { path: './cache/' } });
}

const work = {
  seal: async (job) => ({ text: platform(job).getEncryptor().encrypt(job.text, job.nonce, job.timestamp) }),
  open: async (job) => ({ text: platform(job).getEncryptor().decrypt(job.text, job.msg_signature, job.nonce, job.timestamp) }),
  // serve takes a whole push as the server of a platform does, and answers it.
  serve: async (job) => {
    const app = platform(job);
    app.setRequest(new ServerRequest('POST', job.url, { 'content-type': 'text/xml' }, Buffer.from(job.body)));
    let message = null;
    app.getServer().with(async (m) => {
      message = m.toJson ? JSON.parse(m.toJson()) : m;
      return { MsgType: 'text', Content: job.text };
    });
    const response = await app.getServer().serve();
    return { message, text: response.getBody().toString() };
  },
};

async function main() {
  const results = [];
  for (const job of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) {
    try {
      results.push(await work[job.do](job));
    } catch (err) {
      results.push({ error: err.message || String(err) });
    }
  }
  console.log(JSON.stringify(results));
}

main().catch((err) => {
  console.error(err.message || err);
  process.exit(1);
});
