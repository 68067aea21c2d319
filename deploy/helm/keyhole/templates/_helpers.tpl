{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- define "keyhole.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimAll "-." }}
{{- end }}

{{- define "keyhole.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimAll "-." }}
{{- else if contains (include "keyhole.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimAll "-." }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "keyhole.name" .) | trunc 50 | trimAll "-." }}
{{- end }}
{{- end }}

{{- /* A list of the chart's values and a component, "" for objects of both. */ -}}
{{- define "keyhole.selectorLabels" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ include "keyhole.name" $ | quote }}
app.kubernetes.io/instance: {{ $.Release.Name | quote }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* The third of the list, if there is one: more labels. The chart's own cannot be changed by any. */ -}}
{{- define "keyhole.labels" -}}
{{- $ := index . 0 -}}
{{- $more := mergeOverwrite dict ($.Values.commonLabels | default dict) -}}
{{- if gt (len .) 2 }}{{ $more = mergeOverwrite $more (index . 2 | default dict) }}{{ end -}}
{{ include "keyhole.ownLabels" . }}
{{- with omit $more "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/part-of" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "keyhole.ownLabels" -}}
{{- $ := index . 0 -}}
{{ include "keyhole.selectorLabels" . }}
app.kubernetes.io/part-of: keyhole
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{- define "keyhole.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "keyhole.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name one, or let serviceAccount.create be true" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "keyhole.tracePeers" -}}
{{- printf "%s-peers" (include "keyhole.fullname" .) }}
{{- end }}

{{- /* The endpoint's host and port, {} without one. */ -}}
{{- define "keyhole.otlp" -}}
{{- with .Values.otlp.endpoint }}
{{- $url := urlParse . -}}
{{- $tls := eq $url.scheme "https" -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" $tls) | int -}}
{{- if or (lt $port 1) (gt $port 65535) }}{{ fail "otlp.endpoint: a port is from 1 to 65535" }}{{ end -}}
{{- dict "host" (regexReplaceAll ":[0-9]+$" $url.host "") "port" $port | toJson }}
{{- else }}
{{- if or .Values.otlp.headers.secretName .Values.otlp.ca.secretName .Values.otlp.ca.configMapName .Values.otlp.clientCertificate.secretName }}
{{- fail "otlp.endpoint: name it, or nothing of otlp" }}
{{- end }}
{{- dict | toJson }}
{{- end }}
{{- if and .Values.otlp.ca.secretName .Values.otlp.ca.configMapName }}
{{- fail "otlp.ca: name a Secret or a ConfigMap, not both" }}
{{- end }}
{{- end }}

{{- define "keyhole.configMap" -}}
{{- if .Values.config.create }}
{{- default (include "keyhole.fullname" .) .Values.config.name }}
{{- else }}
{{- required "config.name: name a ConfigMap, or let config.create be true" .Values.config.name }}
{{- end }}
{{- end }}

{{- define "keyhole.export" -}}
{{- $export := dig "prometheus_export" dict (.Values.config.data | default dict) | default dict -}}
{{- $port := dig "port" 9464 $export | int -}}
{{- if or (lt $port 1) (gt $port 65535) }}
{{- fail "config.data.prometheus_export.port: probes need a port from 1 to 65535; leave it out for 9464" }}
{{- end }}
{{- $path := dig "path" "/metrics" $export }}
{{- if not (hasPrefix "/" $path) }}
{{- fail "config.data.prometheus_export.path: it begins with \"/\"; leave it out for /metrics" }}
{{- end }}
{{- dict "port" $port "path" $path | toJson }}
{{- end }}

{{- define "keyhole.image" -}}
{{- $ := index . 0 -}}
{{- $image := get $.Values.image (index . 1) -}}
{{- $name := $image.repository -}}
{{- with $.Values.image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end -}}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default $.Chart.AppVersion $.Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* Of the operator's objects, which belong to no namespace. */ -}}
{{- define "keyhole.seccompName" -}}
{{- $ := index . 0 -}}
{{- printf "%s-%s-%s" $.Release.Namespace (include "keyhole.fullname" $) (index . 1) }}
{{- end }}

{{- define "keyhole.seccompProfile" -}}
{{- $ := index . 0 -}}
seccompProfile:
  type: {{ $.Values.seccompProfile.type }}
  {{- if $.Values.seccompProfile.operator }}
  localhostProfile: "operator/{{ include "keyhole.seccompName" . }}.json"
  {{- else if eq $.Values.seccompProfile.type "Localhost" }}
  localhostProfile: {{ get $.Values.seccompProfile.localhost (index . 1) | quote }}
  {{- end }}
{{- end }}

{{- /* A pod's fields that do not depend on what is in it. */ -}}
{{- define "keyhole.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- end }}

{{- /* The labels and annotations of a pod; a list as for the labels. */ -}}
{{- define "keyhole.podMetadata" -}}
{{- $ := index . 0 -}}
labels:
  {{- include "keyhole.labels" (append . $.Values.podLabels) | nindent 2 }}
{{- $annotations := deepCopy ($.Values.podAnnotations | default dict) }}
{{- if ne (index . 1) "loader" }}
{{- if $.Values.config.create }}
{{- $_ := set $annotations "checksum/config" ($.Values.config.data | toJson | sha256sum) }}
{{- end }}
{{- if $.Values.prometheusAnnotations }}
{{- $export := include "keyhole.export" $ | fromJson }}
{{- $_ := set $annotations "prometheus.io/scrape" "true" }}
{{- $_ := set $annotations "prometheus.io/port" (toString $export.port) }}
{{- $_ := set $annotations "prometheus.io/path" $export.path }}
{{- end }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "keyhole.loaderContainer" -}}
- name: keyhole-loader
  image: {{ include "keyhole.image" (list . "loader") | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- with .Values.loader.extraArgs }}
  args:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  # It has neither a port nor a shell to probe: it ends if something is wrong.
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    {{- if include "keyhole.loaderNonRoot" . }}
    runAsNonRoot: true
    runAsUser: 65531
    {{- else }}
    runAsNonRoot: false
    runAsUser: 0
    {{- end }}
    # The socket's group, so that the collector may use it.
    runAsGroup: 65532
    capabilities:
      drop: [ALL]
      add: [BPF, PERFMON]
    {{- include "keyhole.seccompProfile" (list . "loader") | nindent 4 }}
  resources:
    {{- toYaml .Values.loader.resources | nindent 4 }}
  volumeMounts:
    - name: socket
      mountPath: /run/keyhole
{{- end }}

{{- define "keyhole.collectorContainer" -}}
{{- $export := include "keyhole.export" . | fromJson -}}
{{- $otlp := include "keyhole.otlp" . | fromJson -}}
- name: keyhole-collector
  image: {{ include "keyhole.image" (list . "collector") | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - --config=/etc/keyhole/keyhole.yml
    {{- with .Values.collector.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  env:
    - name: NODE_NAME
      valueFrom:
        fieldRef:
          fieldPath: spec.nodeName
    {{- if dig "limits" "memory" "" .Values.collector.resources }}
    - name: KEYHOLE_MEMORY_LIMIT
      valueFrom:
        resourceFieldRef: {containerName: keyhole-collector, resource: limits.memory, divisor: "1"}
    {{- end }}
    {{- if .Values.tracePeers.enabled }}
    - name: KEYHOLE_TRACES_PEERS_ENDPOINTS
      value: "{{ include "keyhole.tracePeers" . }}.{{ .Release.Namespace }}.svc:{{ .Values.tracePeers.port }}"
    - name: KEYHOLE_TRACES_PEERS_LISTEN
      value: ":{{ .Values.tracePeers.port }}"
    - name: KEYHOLE_TRACES_PEERS_SECRET_FILE
      value: /etc/keyhole-trace-peers/secret
    {{- end }}
    {{- if $otlp }}
    - name: OTEL_EXPORTER_OTLP_ENDPOINT
      value: {{ .Values.otlp.endpoint | quote }}
    {{- with .Values.otlp.headers }}
    {{- if .secretName }}
    - name: OTEL_EXPORTER_OTLP_HEADERS
      valueFrom:
        secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .key | quote }}}
    {{- end }}
    {{- end }}
    {{- if or .Values.otlp.ca.secretName .Values.otlp.ca.configMapName }}
    - name: OTEL_EXPORTER_OTLP_CERTIFICATE
      value: /etc/keyhole-otlp/ca.crt
    {{- end }}
    {{- if .Values.otlp.clientCertificate.secretName }}
    - name: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE
      value: /etc/keyhole-otlp/tls.crt
    - name: OTEL_EXPORTER_OTLP_CLIENT_KEY
      value: /etc/keyhole-otlp/tls.key
    {{- end }}
    {{- end }}
    {{- with .Values.collector.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - name: metrics
      containerPort: {{ $export.port }}
      protocol: TCP
    {{- if .Values.tracePeers.enabled }}
    - name: trace-peers
      containerPort: {{ .Values.tracePeers.port }}
      protocol: UDP
    {{- end }}
  livenessProbe:
    httpGet: {path: /healthz, port: metrics}
    {{- with .Values.collector.livenessProbe }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  readinessProbe:
    httpGet: {path: /readyz, port: metrics}
    {{- with .Values.collector.readinessProbe }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    capabilities:
      drop: [ALL]
    {{- include "keyhole.seccompProfile" (list . "collector") | nindent 4 }}
  resources:
    {{- toYaml .Values.collector.resources | nindent 4 }}
  volumeMounts:
    - name: socket
      mountPath: /run/keyhole
      readOnly: true
    - name: config
      mountPath: /etc/keyhole
      readOnly: true
    {{- if .Values.tracePeers.enabled }}
    - name: trace-peers
      mountPath: /etc/keyhole-trace-peers
      readOnly: true
    {{- end }}
    {{- if include "keyhole.otlpFiles" . }}
    - name: otlp
      mountPath: /etc/keyhole-otlp
      readOnly: true
    {{- end }}
    - name: token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
{{- end }}

{{- /* Sources of the volume with OTLP's certificates; empty without any. */ -}}
{{- define "keyhole.otlpFiles" -}}
{{- with .Values.otlp.ca }}
{{- if .secretName }}
- secret:
    name: {{ .secretName | quote }}
    items:
      - {key: {{ .key | quote }}, path: ca.crt}
{{- else if .configMapName }}
- configMap:
    name: {{ .configMapName | quote }}
    items:
      - {key: {{ .key | quote }}, path: ca.crt}
{{- end }}
{{- end }}
{{- with .Values.otlp.clientCertificate.secretName }}
- secret:
    name: {{ . | quote }}
    items:
      - {key: tls.crt, path: tls.crt}
      - {key: tls.key, path: tls.key}
{{- end }}
{{- end }}

{{- define "keyhole.collectorVolumes" -}}
- name: config
  configMap:
    name: {{ include "keyhole.configMap" . | quote }}
    items:
      - {key: keyhole.yml, path: keyhole.yml}
{{- if .Values.tracePeers.enabled }}
- name: trace-peers
  secret:
    secretName: {{ required "tracePeers.secretName: name a Secret, whose key \"secret\" holds 32 bytes or 64 hex digits" .Values.tracePeers.secretName | quote }}
    defaultMode: 0440
    items:
      - {key: secret, path: secret}
{{- end }}
{{- with include "keyhole.otlpFiles" . }}
- name: otlp
  projected:
    defaultMode: 0440
    sources:
      {{- . | trim | nindent 6 }}
{{- end }}
# What automountServiceAccountToken would give to every container.
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: {{ .Values.serviceAccount.tokenExpirationSeconds }}
      - configMap:
          name: kube-root-ca.crt
          items:
            - {key: ca.crt, path: ca.crt}
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}

{{/* Not empty: the loader is uid 65531. In a split layout the kubelet makes the socket's directory, as root's. */}}
{{- define "keyhole.loaderNonRoot" -}}
{{- if kindIs "bool" .Values.loader.runAsNonRoot -}}
{{- if .Values.loader.runAsNonRoot }}true{{ end -}}
{{- else if eq .Values.layout "pod" }}true{{ end -}}
{{- end }}
