{{/* Whether an object of the Prometheus Operator is made; fails where it must and cannot:
(list . $kind $field), of which the values have enabled and renderMode. */}}
{{- define "pg-rightsizer.isMonitored" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $values := get $root.Values (index . 2) -}}
{{- $known := $root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind) -}}
{{- if and $values.enabled (not $known) (eq $values.renderMode "failIfMissing") -}}
{{- fail (printf "this cluster has no %s: install the Prometheus Operator, or set %s.renderMode" $kind (index . 2)) -}}
{{- end -}}
{{- if and $values.enabled (or $known (eq $values.renderMode "alwaysRender")) -}}
yes
{{- end -}}
{{- end }}

{{/* A ServiceMonitor or PodMonitor, which differ in the name of one field: (list . $kind $field $endpoints) */}}
{{- define "pg-rightsizer.monitor" -}}
{{- $root := index . 0 -}}
{{- $values := get $root.Values (index . 2) -}}
{{- if include "pg-rightsizer.isMonitored" . -}}
apiVersion: monitoring.coreos.com/v1
kind: {{ index . 1 }}
metadata:
  name: {{ include "pg-rightsizer.fullname" $root }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "pg-rightsizer.labels" $root | nindent 4 }}
    {{- with $values.additionalLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "pg-rightsizer.annotations" (list $root dict) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "pg-rightsizer.selectorLabels" $root | nindent 6 }}
  {{ index . 3 }}:
  - port: http
    path: /metrics
    interval: {{ $values.interval }}
    scrapeTimeout: {{ $values.scrapeTimeout }}
    honorLabels: {{ $values.honorLabels }}
    {{- with $values.relabelings }}
    relabelings:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $values.metricRelabelings }}
    metricRelabelings:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end -}}
{{- end }}
