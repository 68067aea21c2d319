// SPDX-License-Identifier: Apache-2.0
// HTTP/2 and nothing else in front of an HTTPS server: PORT BACKEND-PORT DIR (of server.crt and
// server.key). Prints a line for each connection and each request.
'use strict';
const fs = require('fs');
const http2 = require('http2');
const https = require('https');

const [port, backend, dir] = process.argv.slice(2);
const front = http2.createSecureServer({
	cert: fs.readFileSync(`${dir}/server.crt`),
	key: fs.readFileSync(`${dir}/server.key`),
	allowHTTP1: false,
});

front.on('session', () => console.log('connection'));
front.on('stream', (stream, headers) => {
	const fail = () => stream.destroyed || stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
	const wanted = {};
	for (const name of Object.keys(headers))
		if (!name.startsWith(':'))
			wanted[name] = headers[name];
	console.log(`request ${headers[':path']}`);
	const ask = https.request({
		host: '127.0.0.1', port: backend, path: headers[':path'], headers: wanted,
		rejectUnauthorized: false,
	}, (answer) => {
		const given = {':status': answer.statusCode};
		for (const name of ['content-type', 'content-encoding', 'retry-after'])
			if (answer.headers[name])
				given[name] = answer.headers[name];
		stream.respond(given);
		answer.on('aborted', fail);
		answer.pipe(stream);
	});
	ask.on('error', fail);
	stream.on('error', () => {});
	stream.on('close', () => ask.destroy());
	ask.end();
});
front.listen(Number(port), '127.0.0.1');
