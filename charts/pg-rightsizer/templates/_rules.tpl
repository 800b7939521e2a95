{{/* What the operator may do. RBAC cannot say "only what a policy names": the operator keeps that
promise itself, and refuses objects that do not carry its label. Each rule says what it is for. */}}
{{- define "pg-rightsizer.rules" -}}
# What is wanted, and the answer to it. Of the object itself only the finalizer is written (patch), for
# policies that ask for something to be taken back; never the spec.
- apiGroups: [pgrightsizer.io]
  resources: [connectionpolicies]
  verbs: [get, list, watch, patch]
- apiGroups: [pgrightsizer.io]
  resources: [connectionpolicies/status]
  verbs: [patch]
# Replica counts; the poolers' Deployments; routing.drain RolloutRestart sets one annotation in the
# template of a workload.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, patch]
# How far an autoscaler may go, for countInstances AutoscalerMax.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
# Which instances are not gone yet; announcing a pooler pod's cap is a patch; restarting PostgreSQL
# is the deletion of its pod.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
# PostgreSQL's own words when it does not start; connections that it or a pooler refused or cut.
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# The front and the direct Service; deleted only by deletionPolicy Unwind.
- apiGroups: [""]
  resources: [services]
  verbs: [get, create, patch, delete]
# Whether it is being deleted: then a finalizer must not hold it up.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# Whether the proxies have been told of a switch (list); backing the Services of an External
# database (the rest).
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, create, patch, delete]
# The line with max_connections (patch); the poolers' configuration.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch, delete]
# Logins by name, the binding Secret, the poolers' users. Never list or watch: Secrets that no
# policy names are not read.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
# Keeps a node drain from taking all poolers at once.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, patch, delete]
# What was done and why; a repetition is a patch of the count.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
