// SPDX-License-Identifier: Apache-2.0
//
// node admission.mjs CEL < INPUT: says of each pod if a ValidatingAdmissionPolicy lets it in.
// INPUT is JSON, {policy, pods: {NAME: POD}}; CEL the directory of the npm package
// @marcbachmann/cel-js, which evaluates the policy's expressions. (Not the API server's evaluator:
// that also checks types.) Prints `NAME: admitted` or `NAME: MESSAGE` of the first that is false.
import { readFileSync } from 'node:fs';

const { evaluate } = await import(`${process.argv[2]}/lib/index.js`);
const { policy, pods } = JSON.parse(readFileSync(0));

for (const [name, object] of Object.entries(pods)) {
	const variables = {};
	for (const v of policy.spec.variables)
		variables[v.name] = evaluate(v.expression, { object, variables });
	const fault = policy.spec.validations.find((v) => evaluate(v.expression, { object, variables }) !== true);
	console.log(`${name}: ${fault ? fault.message : 'admitted'}`);
}
