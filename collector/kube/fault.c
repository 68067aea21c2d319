/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

const char *const kube_fault_word[KUBE_FAULT_COUNT] = {
#define KUBE_X(e, word) [KUBE_FAULT_##e] = word,
	KUBE_FAULTS(KUBE_X)
#undef KUBE_X
};

const char *kube_fault_hint(enum kube_fault fault)
{
	switch (fault) {
	case KUBE_FAULT_SECRET:
		return "it is read again for each request";
	case KUBE_FAULT_CONNECT:
	case KUBE_FAULT_TIMEOUT:
		return "check the address, the network policy and that the server is up";
	case KUBE_FAULT_TLS:
		return "check that the CA belongs to this server";
	case KUBE_FAULT_UNAUTHORIZED:
		return "the token was refused: it is read again for each request, check that its "
		       "service account exists";
	case KUBE_FAULT_FORBIDDEN:
		return "a rule is missing for this service account";
	case KUBE_FAULT_THROTTLED:
		return "the server has more to do than it can and names the time to wait";
	case KUBE_FAULT_GARBAGE:
		return "check that this address is a Kubernetes API server";
	default:
		return "the server or the way to it has a problem";
	}
}
