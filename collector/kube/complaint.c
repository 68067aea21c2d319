/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "complaint.h"

#include <stdio.h>

#include "../log.h"

#define AGAIN_NS (KUBE_COMPLAIN_AGAIN_MS * 1000000ull)

/* What to do about it; `buf` is for the rule that a 403 misses. */
static const char *hint_for(const struct kube_complaint *complaint, enum kube_verb verb,
			    enum kube_fault fault, char *buf, size_t size)
{
	char rule[KUBE_RULE_MAX];

	if (fault != KUBE_FAULT_FORBIDDEN)
		return kube_fault_hint(fault);
	snprintf(buf, size, "missing rule for this service account: %s",
		 kube_request_rule(complaint->source, verb, rule));
	return buf;
}

void kube_complain(struct kube_complaint *complaint, enum kube_verb verb,
		   const struct kube_http_answer *answer)
{
	uint64_t now = loop_now_ns();
	char text[KUBE_HTTP_TEXT_MAX], hint[KUBE_RULE_MAX + 64];

	if (complaint->fault == answer->fault && now - complaint->fault_ns < AGAIN_NS)
		return;
	complaint->fault = answer->fault;
	complaint->fault_ns = now;
	log_warn("Kubernetes API %s: %s: %s: %s; %s; trying again, what is known so far is kept",
		 complaint->options->base, complaint->source->what, kube_fault_word[answer->fault],
		 log_text(slice_of(answer->text), text, sizeof(text)),
		 hint_for(complaint, verb, answer->fault, hint, sizeof(hint)));
}

void kube_complaint_over(struct kube_complaint *complaint)
{
	if (complaint->fault == KUBE_FAULT_NONE)
		return;
	complaint->fault = KUBE_FAULT_NONE;
	log_info("Kubernetes API %s: %s: answers again", complaint->options->base,
		 complaint->source->what);
}

void kube_complain_refused(struct kube_complaint *complaint, uint64_t refused)
{
	uint64_t now = loop_now_ns();

	if (refused == complaint->refused ||
	    (complaint->refused && now - complaint->refused_ns < AGAIN_NS))
		return;
	log_warn("Kubernetes API %s: %s: %llu objects so far cannot be used (no uid, name or "
		 "namespace, or too large); they are left out",
		 complaint->options->base, complaint->source->what, (unsigned long long)refused);
	complaint->refused = refused;
	complaint->refused_ns = now;
}
