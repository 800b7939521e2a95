#!/bin/bash
# The development cluster comes up, stays up, does not disturb another one, and leaves nothing.
# Prints what it checks; exits 1 at the first thing that is not so.
set -euo pipefail
cd "$(dirname "$0")/../.."
A=test-$$ B=$$ # the second looks like a number, as a name may

cluster() { CLUSTER=$1 hack/cluster "${@:2}"; }
ok() { printf '%4ds  ok: %s\n' "$SECONDS" "$*"; }
fail() { printf '%4ds  FAILED: %s\n' "$SECONDS" "$*" >&2; exit 1; }
trap 'cluster "$A" down >/dev/null; cluster "$B" down >/dev/null' EXIT

leaves_nothing() { # name
	local id=pgrs-$1
	! grep -lzx "PGRS_NODE=$1" /proc/[0-9]*/environ 2>/dev/null || fail "processes of $1 are alive"
	! grep -l "/var/lib/pg-rightsizer/$1/" /proc/[0-9]*/mountinfo 2>/dev/null || fail "mounts of $1 are left"
	! ip netns list | grep -w "$id" || fail "network namespace $id is left"
	[[ -z $(find /sys/fs/cgroup -maxdepth 2 -name "$id") ]] || fail "cgroups of $1 are left"
	[[ ! -e /var/lib/pg-rightsizer/$1 ]] || fail "files of $1 are left"
	[[ $(ip -o link show type veth | wc -l) == "$veths" ]] || fail "a veth pair is left"
}
node_ready() { [[ $(cluster "$A" kubectl get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]; }

if [[ ! -d /sys/fs/cgroup/memory ]]; then
	lines=$(cluster "$A" up 2>&1 || true)
	[[ $lines == *"needs cgroup v1"* && $(wc -l <<<"$lines") == 1 ]] || fail "cgroup v2 is refused in one line"
	ok "cgroup v2 is refused in one line"
	exit 0
fi

line=$(setpriv --reuid 65534 --clear-groups env CLUSTER="$A" hack/cluster check 2>&1 || true)
[[ $line == "cluster: needs root: it makes namespaces" ]] || fail "what is said to whoever is not root: $line"
cluster "$A" check
ok "root can host a cluster here, others are told that they cannot"

veths=$(ip -o link show type veth | wc -l)
cluster "$A" build >/dev/null
hack/images

line=$(cluster "$A" kubectl get nodes 2>&1 || true)
[[ $line == "cluster: $A is not up: run hack/cluster up" ]] || fail "what is said of a cluster that is not up: $line"
ok "a cluster that is not up is told in one line"

start=$SECONDS
cluster "$A" up
took=$((SECONDS - start)) busy=$(cut -d . -f 1 /proc/loadavg)
# Nothing is said of a machine that has other work.
((took <= 30 || busy > 2 * $(nproc))) || fail "up took $took s"
ok "up in $took s (load $busy)"
pid=$(cluster "$A" exec cat "$(cluster "$A" path)/pid/kube-apiserver")
[[ $(cluster "$A" up) == *"already up"* ]] || fail "a second up is not a no-op"
[[ $(cluster "$A" exec cat "$(cluster "$A" path)/pid/kube-apiserver") == "$pid" ]] || fail "a second up restarted the API server"
ok "a second up does nothing"
node_ready || fail "the node is not Ready"
ok "the node is Ready"
[[ $(cluster "$A" exec getent hosts kubernetes.default.svc.cluster.local) == 10.96.0.1* ]] || fail "service names do not resolve"
ok "service names resolve from exec"
[[ $(cluster "$A" kubectl get storageclass -o name) == storageclass.storage.k8s.io/hostpath ]] || fail "no storage class"
ok "the default storage class is there"

rc=0
CLUSTER=$A hack/cluster exec bash -c 'trap "exit 7" TERM; touch /tmp/'"$A"'; while :; do sleep 0.1; done' &
job=$!
until [[ -e /tmp/$A ]]; do sleep 0.1; done
rm "/tmp/$A"
kill "$job"
wait "$job" || rc=$?
((rc == 7)) || fail "exec: exit code $rc instead of 7"
ok "exec forwards SIGTERM and returns the exit code"

cluster "$A" kubectl create configmap seen --from-literal=a=b >/dev/null
grep -q '/namespaces/default/configmaps.*"verb":"create"' "$(cluster "$A" path)/log/audit.log" || fail "a write is not in the audit log"
before=$(wc -l <"$(cluster "$A" path)/log/audit.log")
cluster "$A" kubectl get pods,nodes,configmaps -A >/dev/null
sleep 2
[[ $(wc -l <"$(cluster "$A" path)/log/audit.log") == "$before" ]] || fail "the audit log has more than a client's writes: $(tail -n 1 "$(cluster "$A" path)/log/audit.log")"
ok "the audit log has writes of clients only"

cluster "$A" kubectl run one --image=localhost/pause:3.10 --image-pull-policy=Never >/dev/null
cluster "$A" kubectl wait --for=condition=Ready pod/one --timeout=30s >/dev/null || fail "a pod does not start"
ok "a pod runs"

cluster "$B" up --control-plane
[[ $(cluster "$B" kubectl get configmap seen 2>&1) == *NotFound* ]] || fail "the second cluster is the first"
ok "a second one runs beside it, control plane only"
cluster "$B" stop kube-apiserver
! cluster "$B" kubectl get ns --request-timeout=1s >/dev/null 2>&1 || fail "the API server is not stopped"
cluster "$B" start kube-apiserver
for _ in {1..100}; do
	! cluster "$B" kubectl get ns >/dev/null 2>&1 || break
	sleep 0.2
done
cluster "$B" kubectl get ns >/dev/null || fail "the API server does not come back"
ok "a component can be stopped and started"
cluster "$B" down
leaves_nothing "$B"
node_ready || fail "the first one suffered from the end of the second"
ok "down of the second leaves nothing of it, and the first one alone"

kill -KILL "$(cat "$(cluster "$A" path)/init.pid")"
sleep 0.5
! cluster "$A" status >/dev/null || fail "status says up after an unclean death"
cluster "$A" up
[[ $(cluster "$A" kubectl get configmap seen 2>&1) == *NotFound* ]] || fail "something survived an unclean death"
ok "up after an unclean death starts afresh"
cluster "$A" down
leaves_nothing "$A"
ok "down leaves no process, mount, network namespace, veth pair, cgroup or file"
