// SPDX-License-Identifier: Apache-2.0
// A server (PORT) or a client (`ask N URL`: on one connection) in Node.
'use strict';
const http = require('http');

function serve(port) {
	http.createServer((req, res) => {
		const path = req.url.split('?')[0];
		if (path === '/chunked') {
			res.write('a'.repeat(100));
			setImmediate(() => {
				res.write('b'.repeat(100));
				setImmediate(() => res.end('c'.repeat(100)));
			});
		} else if (path === '/slow') {
			setTimeout(() => res.end(), 50);
		} else if (req.method === 'POST') {
			req.on('data', () => {});
			req.on('end', () => res.end('done'));
		} else {
			res.setHeader('Content-Length', 5);
			res.end('hello');
		}
	}).listen(port, '127.0.0.1');
}

function ask(left, url, agent) {
	if (left === 0) {
		agent.destroy();
		return;
	}
	http.get(url, {agent}, (res) => {
		res.resume();
		res.on('end', () => ask(left - 1, url, agent));
	});
}

const [what, n, url] = process.argv.slice(2);
if (what === 'ask')
	ask(Number(n), url, new http.Agent({keepAlive: true, maxSockets: 1}));
else
	serve(Number(what));
