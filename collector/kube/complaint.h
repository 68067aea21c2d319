/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says in the log when the API is not as it should be: one line for each kind of
 * failure, again only after it was gone or has lasted.
 */
#ifndef KEYHOLE_KUBE_COMPLAINT_H
#define KEYHOLE_KUBE_COMPLAINT_H

#include "http.h"
#include "request.h"

#define KUBE_COMPLAIN_AGAIN_MS 300000 /* the same failure is logged again after this time */

struct kube_complaint {
	const struct kube_options *options;
	const struct kube_source *source;
	enum kube_fault fault; /* logged last, and not yet taken back */
	uint64_t fault_ns;
	uint64_t refused, refused_ns; /* objects, as the log knows them */
};

void kube_complain(struct kube_complaint *complaint, enum kube_verb verb,
		   const struct kube_http_answer *answer);
void kube_complaint_over(struct kube_complaint *complaint); /* all is well */

/* `refused`: objects so far that could not be used. */
void kube_complain_refused(struct kube_complaint *complaint, uint64_t refused);

#endif
