// SPDX-License-Identifier: Apache-2.0
// PORT [FIFO [ADDRESS]]: one connection of HTTP/2 in clear; asks for /small once, says "ready", and once
// something can be read from FIFO asks for /small 20 times and for /none 5 times, several at
// once. Says "done".
'use strict';
const fs = require('fs');
const http2 = require('http2');

const [port, fifo, address = '127.0.0.1'] = process.argv.slice(2);
const session = http2.connect(`http://${address}:${port}`);

function ask(path, want) {
	return new Promise((resolve, reject) => {
		const stream = session.request({':path': path});
		stream.on('response', (headers) => {
			if (headers[':status'] !== want)
				reject(new Error(`${path}: ${headers[':status']}`));
		});
		stream.on('error', reject);
		stream.on('end', resolve);
		stream.resume();
		stream.end();
	});
}

function times(n, path, want) {
	return Promise.all(Array.from({length: n}, () => ask(path, want)));
}

(async () => {
	await ask('/small', 200);
	console.log('ready');
	if (fifo)
		await fs.promises.readFile(fifo);
	await times(10, '/small', 200);
	for (let i = 0; i < 10; i++)
		await ask('/small', 200);
	await times(5, '/none', 404);
	session.close();
	console.log('done');
})().catch((error) => {
	console.error(error);
	process.exit(1);
});
