/* SPDX-License-Identifier: Apache-2.0 */
/* A pod as selectors look at it. */
#ifndef KEYHOLE_IDENTITY_POD_SUBJECT_H
#define KEYHOLE_IDENTITY_POD_SUBJECT_H

#include "../kube/pod.h"
#include "../service/selector.h"

/* Its part of the subject, and that of a container of it (or NULL). The rest stays as it is. */
void pod_subject(const struct kube_pod *pod, const struct kube_container *container,
		 struct selector_subject *subject);

#endif
