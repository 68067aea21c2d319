// SPDX-License-Identifier: Apache-2.0
// AMQP 1.0 by rhea.
//   amqp1_peer.js server PORT
//     refuses a link to NAME.none, rejects messages to NAME.bad, releases those to NAME.gone, accepts all
//     others, and sends as many as it is asked for from any address.
//   amqp1_peer.js client PORT NAME [FIFO]
//     attaches its links and says "ready"; once something can be read from FIFO sends 20 messages to NAME, 3 to
//     NAME.bad, 2 to NAME.gone, 6 settled ones to NAME.sure, and then one of 350,000 bytes to NAME; takes 10
//     from NAME.out, of which it accepts 7, rejects 2 and releases 1; asks for a link to NAME.none. Says "done".
'use strict';
const fs = require('fs');
const rhea = require('rhea');
const [mode, port, name, fifo] = process.argv.slice(2);

// rhea puts outcomes that it sends at once together, also such as differ: one after the other, then.
let turn = Promise.resolve();
function settle(how) {
	turn = turn.then(() => {
		how();
		return new Promise((resolve) => setTimeout(resolve, 3));
	});
}

function serve() {
	rhea.on('receiver_open', ({ receiver }) => {
		const address = receiver.remote.attach.target.address;
		receiver.set_target({ address });
		if (address.endsWith('.none'))
			receiver.close({ condition: 'amqp:not-found', description: 'a secret reason' });
	});
	rhea.on('sender_open', ({ sender }) => sender.set_source({ address: sender.remote.attach.source.address }));
	rhea.on('message', ({ receiver, delivery }) => {
		const address = receiver.target.address;
		if (address.endsWith('.bad'))
			settle(() => delivery.reject({ condition: 'amqp:not-allowed', description: 'a secret reason' }));
		else if (address.endsWith('.gone'))
			settle(() => delivery.release());
		else
			settle(() => delivery.accept());
	});
	rhea.on('sendable', ({ sender }) => {
		while (sender.sendable())
			sender.send({ body: 'a secret body' });
	});
	rhea.options.receiver_options = { autoaccept: false };
	rhea.listen({ port: +port, host: '127.0.0.1', receiver_options: { autoaccept: false } });
}

function ask() {
	const connection = rhea.connect({ port: +port, host: '127.0.0.1', username: 'shop', reconnect: false });
	const link = (end, options) => connection.open_sender({ target: name + end, ...options });
	const links = [link(''), link('.bad'), link('.gone'), link('.sure', { snd_settle_mode: 1 })];
	const receiver = connection.open_receiver({ source: name + '.out', credit_window: 0, autoaccept: false });
	let opened = 0, credited = 0, settled = 0, taken = 0, refused = false, sent_long = false;

	const end = () => {
		if (settled < 26 || taken < 10 || !refused)
			return;
		connection.close();
		console.log('done');
	};
	// by itself: of what passes behind it in the same call, nothing is captured
	const long = () => {
		if (settled === 25 && taken === 10 && !sent_long)
			setTimeout(() => links[0].send({ body: 'a secret body '.repeat(25000) }), 100);
		sent_long ||= settled === 25 && taken === 10;
	};
	const go = () => {
		[20, 3, 2, 6].forEach((n, i) => {
			while (n--)
				links[i].send({ body: 'a secret body' });
		});
		receiver.add_credit(10);
		connection.open_sender(name + '.none');
	};
	const is_ready = () => {
		if (opened < 5 || credited < 4)
			return;
		credited = -Infinity;
		console.log('ready');
		if (fifo)
			fs.readFile(fifo, go);
		else
			go();
	};
	rhea.on('sender_open', () => { opened++; is_ready(); });
	rhea.on('receiver_open', () => { opened++; is_ready(); });
	rhea.on('sendable', () => { credited++; is_ready(); });
	rhea.on('sender_error', () => { refused = true; end(); });
	for (const how of ['accepted', 'rejected', 'released'])
		rhea.on(how, () => { settled++; long(); end(); });
	rhea.on('message', ({ delivery }) => settle(() => {
		taken++;
		if (taken <= 7)
			delivery.accept();
		else if (taken <= 9)
			delivery.reject();
		else
			delivery.release();
		long();
		end();
	}));
}

if (mode === 'server')
	serve();
else
	ask();
