#!/bin/bash
# on_a_node.sh SCRIPT ARGS...: runs a Python script inside a fresh cluster and removes the cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CLUSTER=${CLUSTER:-pgrs-long}
trap 'hack/cluster down' EXIT
hack/cluster down
hack/cluster up
hack/cluster load operator
hack/cluster load app
hack/cluster exec /usr/bin/python3 -B "$@"
