// SPDX-License-Identifier: Apache-2.0
//
// node api_types.mjs CLIENT < OBJECTS: prints every field of the objects (a JSON list) that
// Kubernetes' API does not have, or whose type it is not. CLIENT is the directory of the npm
// package @kubernetes/client-node, whose models are generated from the API's OpenAPI. Kinds that
// it does not know are named on standard error, and not looked into.
import { readFileSync } from 'node:fs';

const models = await import(`${process.argv[2]}/dist/gen/models/all.js`);
let faults = 0, known = 0;

function fault(path, what) {
	faults++;
	console.log(`${path}: ${what}`);
}

function check(value, type, path) {
	let inner;
	if (value === null || value === undefined || type === 'any' || type === 'IntOrString')
		return;
	if ((inner = /^Array<(.*)>$/.exec(type))) {
		if (!Array.isArray(value))
			return fault(path, 'is no list');
		value.forEach((item, i) => check(item, inner[1], `${path}[${i}]`));
	} else if ((inner = /^\{ \[key: string\]: (.*); \}$/.exec(type))) {
		if (typeof value !== 'object' || Array.isArray(value))
			return fault(path, 'is no map');
		for (const key in value)
			check(value[key], inner[1], `${path}.${key}`);
	} else if (models[type]?.getAttributeTypeMap) {
		if (typeof value !== 'object' || Array.isArray(value))
			return fault(path, 'is no object');
		const fields = new Map(models[type].getAttributeTypeMap().map((f) => [f.baseName, f.type]));
		for (const key in value)
			if (fields.has(key))
				check(value[key], fields.get(key), `${path}.${key}`);
			else
				fault(`${path}.${key}`, 'there is no such field');
	} else if (['string', 'number', 'boolean'].includes(type) && typeof value !== type) {
		fault(path, `is no ${type}`);
	}
}

for (const object of JSON.parse(readFileSync(0))) {
	const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
	const type = version[0].toUpperCase() + version.slice(1) + object.kind;
	if ((group.includes('.') && !group.endsWith('.k8s.io')) || group.includes('x-k8s.io') || !models[type]) {
		console.error(`not known: ${object.apiVersion} ${object.kind}`);
		continue;
	}
	known++;
	check(object, type, `${object.kind}/${object.metadata.name}`);
}
if (!known)
	fault('objects', 'none is of a kind that is known');
process.exitCode = faults ? 1 : 0;
