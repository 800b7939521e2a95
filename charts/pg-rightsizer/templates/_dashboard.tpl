{{- /* The parts of Grafana's JSON that templates/dashboard.yaml puts together; each is rendered as JSON. */}}

{{- define "pg-rightsizer.dashboard.datasource" -}}
{{- dict "type" "prometheus" "uid" "${datasource}" | toJson }}
{{- end }}

{{- /* What is asked: of a panel of files/dashboard.yaml and its type. */}}
{{- define "pg-rightsizer.dashboard.targets" -}}
{{- $now := has .type (list "stat" "table") }}
{{- $targets := list }}
{{- range $n, $query := .panel.queries }}
{{- $legend := "" }}
{{- if gt (len $query) 1 }}{{ $legend = index $query 1 }}{{ end }}
{{- $targets = append $targets (dict "datasource" (include "pg-rightsizer.dashboard.datasource" $ | fromJson) "refId" (printf "Q%d" $n)
  "expr" (index $query 0) "legendFormat" $legend "instant" $now "range" (not $now)
  "format" (ternary "table" "time_series" (eq $.type "table"))) }}
{{- end }}
{{- $targets | toJson }}
{{- end }}

{{- /* Units, colors and thresholds. */}}
{{- define "pg-rightsizer.dashboard.fields" -}}
{{- $steps := list (dict "color" (default "green" .panel.base) "value" nil) }}
{{- range .panel.steps }}
{{- $steps = append $steps (dict "value" (index . 0) "color" (index . 1)) }}
{{- end }}
{{- $called := dict }}
{{- range $value, $as := .panel.values }}
{{- $_ := set $called (toString $value) (dict "text" (index $as 0) "color" (index $as 1)) }}
{{- end }}
{{- $mappings := ternary (list (dict "type" "value" "options" $called)) list (not (empty $called)) }}
{{- $custom := dict }}
{{- if eq .type "table" }}
{{- $custom = dict "cellOptions" (dict "type" "color-text") }}
{{- else if and (eq .type "timeseries") .panel.bars }}
{{- $custom = dict "drawStyle" "bars" "fillOpacity" 70 "lineWidth" 0 "stacking" (dict "mode" "normal") }}
{{- else if eq .type "timeseries" }}
{{- $custom = dict "fillOpacity" 8 }}
{{- if .panel.steps }}
{{- /* The lines are to be seen when all is well, too. */}}
{{- $_ := set $custom "axisSoftMax" (mulf 1.05 (index (last .panel.steps) 0)) }}
{{- $_ := set $custom "thresholdsStyle" (dict "mode" "dashed") }}
{{- end }}
{{- end }}
{{- $overrides := list }}
{{- range .panel.queries }}
{{- if gt (len .) 2 }}
{{- $overrides = append $overrides (dict "matcher" (dict "id" "byName" "options" (index . 1)) "properties" (list (dict "id" "unit" "value" (index . 2)))) }}
{{- end }}
{{- end }}
{{- dict "defaults" (dict "unit" (default "none" .panel.unit) "min" 0 "mappings" $mappings "custom" $custom
  "thresholds" (dict "mode" "absolute" "steps" $steps)) "overrides" $overrides | toJson }}
{{- end }}

{{- /* Of a table: the answers side by side, with the legends as names of the columns. */}}
{{- define "pg-rightsizer.dashboard.transformations" -}}
{{- $hidden := dict "Time" true }}
{{- $names := dict }}
{{- range $n, $query := .panel.queries }}
{{- $column := printf "Value #Q%d" $n }}
{{- if gt (len $query) 1 }}{{ $_ := set $names $column (index $query 1) }}{{ else }}{{ $_ := set $hidden $column true }}{{ end }}
{{- end }}
{{- list (dict "id" "merge" "options" dict) (dict "id" "organize" "options" (dict "excludeByName" $hidden "renameByName" $names)) | toJson }}
{{- end }}
