/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_subject.h"

static const char *label(const void *pod, const char *key)
{
	return kube_pod_label(pod, key);
}

static const char *annotation(const void *pod, const char *key)
{
	return kube_pod_annotation(pod, key);
}

void pod_subject(const struct kube_pod *pod, const struct kube_container *container,
		 struct selector_subject *s)
{
	s->metadata = SELECTOR_METADATA_KNOWN;
	s->text[SELECTOR_K8S_NAMESPACE] = pod->namespace;
	s->text[SELECTOR_K8S_POD] = pod->name;
	s->text[SELECTOR_K8S_DEPLOYMENT] = pod->workload[KUBE_DEPLOYMENT];
	s->text[SELECTOR_K8S_REPLICASET] = pod->workload[KUBE_REPLICASET];
	s->text[SELECTOR_K8S_STATEFULSET] = pod->workload[KUBE_STATEFULSET];
	s->text[SELECTOR_K8S_DAEMONSET] = pod->workload[KUBE_DAEMONSET];
	s->text[SELECTOR_K8S_JOB] = pod->workload[KUBE_JOB];
	s->text[SELECTOR_K8S_CRONJOB] = pod->workload[KUBE_CRONJOB];
	s->text[SELECTOR_K8S_OWNER] = pod->owner_name;
	s->label = label;
	s->annotation = annotation;
	s->pod = pod;
	if (container) {
		s->text[SELECTOR_K8S_CONTAINER] = container->name;
		s->text[SELECTOR_CONTAINER_NAME] = container->name;
	}
}
