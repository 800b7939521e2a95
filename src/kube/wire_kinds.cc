#include "wire_kinds.h"

namespace pgrightsizer::kube::wire {
namespace {

using enum Field::Type;

// --- k8s.io/apimachinery/pkg/apis/meta/v1 ---------------------------------------------------------

constexpr Field kOwnerFields[] = {{4, "uid", Text}, {6, "controller", Boolean}};

constexpr Field kRequirementFields[] = {{1, "key", Text}, {2, "operator", Text}, {3, "values", Texts}};

constexpr Field kSelectorFields[] = {{1, "matchLabels", TextMap},
                                     {2, "matchExpressions", Objects, kRequirementFields}};

constexpr Field kMetaFields[] = {{1, "name", Text},
                                 {3, "namespace", Text},
                                 {5, "uid", Text},
                                 {6, "resourceVersion", Text},
                                 {7, "generation", Integer},
                                 {9, "deletionTimestamp", Time},
                                 {11, "labels", TextMap}};

// A pod tells who owns it and what we noted there; a Deployment's annotations are of no interest and
// often hold a copy of the whole object.
constexpr Field kPodMetaFields[] = {{1, "name", Text},
                                    {3, "namespace", Text},
                                    {5, "uid", Text},
                                    {6, "resourceVersion", Text},
                                    {9, "deletionTimestamp", Time},
                                    {11, "labels", TextMap},
                                    {12, "annotations", TextMap},
                                    {13, "ownerReferences", Objects, kOwnerFields}};

constexpr Field kBookmarkMetaFields[] = {{6, "resourceVersion", Text}, {12, "annotations", TextMap}};

constexpr Field kBookmarkFields[] = {{1, "metadata", Object, kBookmarkMetaFields}};

constexpr Field kListMetaFields[] = {{2, "resourceVersion", Text}, {3, "continue", Text}};

constexpr Field kCauseFields[] = {{1, "reason", Text}, {2, "message", Text}};

constexpr Field kDetailsFields[] = {{4, "causes", Objects, kCauseFields}, {5, "retryAfterSeconds", Integer}};

constexpr Field kStatusFields[] = {
    {3, "message", Text}, {4, "reason", Text}, {5, "details", Object, kDetailsFields}, {6, "code", Integer}};

// --- k8s.io/api/apps/v1 ---------------------------------------------------------------------------

constexpr Field kRollingUpdateFields[] = {{2, "maxSurge", IntOrString}};

constexpr Field kStrategyFields[] = {{1, "type", Text}, {2, "rollingUpdate", Object, kRollingUpdateFields}};

constexpr Field kDeploymentSpecFields[] = {
    {1, "replicas", Integer}, {2, "selector", Object, kSelectorFields}, {4, "strategy", Object, kStrategyFields}};

constexpr Field kDeploymentStatusFields[] = {{1, "observedGeneration", Integer}, {7, "readyReplicas", Integer}};

constexpr Field kDeploymentFields[] = {{1, "metadata", Object, kMetaFields},
                                       {2, "spec", Object, kDeploymentSpecFields},
                                       {3, "status", Object, kDeploymentStatusFields}};

constexpr Field kStatefulSetSpecFields[] = {{1, "replicas", Integer}, {2, "selector", Object, kSelectorFields}};

constexpr Field kStatefulSetStatusFields[] = {
    {1, "observedGeneration", Integer}, {3, "readyReplicas", Integer}, {7, "updateRevision", Text}};

constexpr Field kStatefulSetFields[] = {{1, "metadata", Object, kMetaFields},
                                        {2, "spec", Object, kStatefulSetSpecFields},
                                        {3, "status", Object, kStatefulSetStatusFields}};

// --- k8s.io/api/core/v1 ---------------------------------------------------------------------------

constexpr Field kWaitingFields[] = {{1, "reason", Text}};

constexpr Field kTerminatedFields[] = {{1, "exitCode", Integer}, {3, "reason", Text}, {4, "message", Text}};

constexpr Field kStateFields[] = {{1, "waiting", Object, kWaitingFields}, {3, "terminated", Object, kTerminatedFields}};

constexpr Field kContainerStatusFields[] = {
    {2, "state", Object, kStateFields}, {3, "lastState", Object, kStateFields}, {5, "restartCount", Integer}};

constexpr Field kConditionFields[] = {{1, "type", Text}, {2, "status", Text}};

constexpr Field kContainerFields[] = {{1, "name", Text}};

constexpr Field kPodSpecFields[] = {{2, "containers", Objects, kContainerFields}, {10, "nodeName", Text}};

constexpr Field kPodStatusFields[] = {{1, "phase", Text},
                                      {2, "conditions", Objects, kConditionFields},
                                      {6, "podIP", Text},
                                      {8, "containerStatuses", Objects, kContainerStatusFields}};

constexpr Field kPodFields[] = {{1, "metadata", Object, kPodMetaFields},
                                {2, "spec", Object, kPodSpecFields},
                                {3, "status", Object, kPodStatusFields}};

constexpr Message kDeployment = kDeploymentFields;
constexpr Message kStatefulSet = kStatefulSetFields;
constexpr Message kPod = kPodFields;

}  // namespace

const Message kStatus = kStatusFields;
const Message kBookmark = kBookmarkFields;
const Message kListMeta = kListMetaFields;

const Message* message_of(const Resource& resource) {
  const std::string kind = resource.api_version() + "/" + resource.kind;
  if (kind == "apps/v1/Deployment") return &kDeployment;
  if (kind == "apps/v1/StatefulSet") return &kStatefulSet;
  if (kind == "v1/Pod") return &kPod;
  return nullptr;
}

}  // namespace pgrightsizer::kube::wire
