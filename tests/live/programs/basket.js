// A small HTTP service on Node; with --log it writes down what it did.
'use strict';
const fs = require('fs');
const http = require('http');

const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const log = option('--log');

const writeDown = (request, status, requestBody, responseBody, began) => {
  const [path, query = ''] = request.url.split(/\?(.*)/s);
  const end = Date.now() / 1000;
  fs.appendFileSync(log, JSON.stringify({
    method: request.method, path, query, status, version: request.httpVersion, host: request.headers.host,
    user_agent: request.headers['user-agent'] || '', request_body: requestBody, response_body: responseBody,
    peer_address: request.socket.remoteAddress, peer_port: request.socket.remotePort, start: began, end,
    duration: end - began,
  }) + '\n');
};

const server = http.createServer((request, response) => {
  const began = Date.now() / 1000;
  const body = [];
  request.on('data', (piece) => body.push(piece));
  request.on('end', () => {
    const received = Buffer.concat(body);
    const parts = request.url.split('?')[0].split('/').filter(Boolean);
    const answer = () => {
      const status = parts[0] === 'status' ? Number(parts[1]) : 200;
      let content = Buffer.from('from node\n');
      if (parts[0] === 'echo') content = received;
      if (parts[0] === 'chunked') content = Buffer.from('0123456789'.repeat(Number(parts[1])));
      const headers = parts[0] === 'chunked' ? {} : {'Content-Length': content.length};
      response.writeHead(status, headers);
      if (request.method !== 'HEAD') {
        for (let at = 0; at < content.length; at += 70) response.write(content.subarray(at, at + 70));
      }
      response.end();
      if (log) {
        const sent = request.method === 'HEAD' ? 0 : content.length;
        response.on('finish', () => writeDown(request, status, received.length, sent, began));
      }
    };
    if (parts[0] === 'sleep') setTimeout(answer, Number(parts[1]));
    else answer();
  });
});
server.keepAliveTimeout = 60000;
server.listen({port: Number(option('--port')), host: '127.0.0.1', backlog: 1024});
