#!/bin/bash
# on_a_control_plane.sh SCRIPT ARGS...: runs a Python script against a fresh API server and removes it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export CLUSTER=${CLUSTER:-pgrs-long}
trap 'hack/cluster down' EXIT
hack/cluster down
hack/cluster up --control-plane
PGRS_TEST_KUBECONFIG=$(hack/cluster path)/pki/admin.kubeconfig
export PGRS_TEST_KUBECONFIG
export PGRS_OPERATOR=${PGRS_OPERATOR:-$PWD/build/dev/src/cli/pg-rightsizer}
hack/cluster exec /usr/bin/python3 -B "$@"
