// What the informers keep in memory: the only state that reconciles share. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pgrightsizer/kube/objects.h"
#include "pgrightsizer/runtime/store.h"

namespace pgrightsizer::controller {

struct Stores {
  runtime::Store<std::string> policies;  // the object's JSON: a policy is parsed by its reconcile
  // Of namespaces with a policy.
  runtime::Store<kube::Workload> deployments;
  runtime::Store<kube::Workload> stateful_sets;
  runtime::Store<kube::Pod> pods;

  // Why a kind cannot be watched ("cannot watch pods: forbidden …"), or what of a namespace has not
  // been seen yet; empty: all of it has. Nothing is decided while a store may be incomplete.
  std::function<std::string(const std::string& name_space)> trouble = [](const std::string&) {
    return std::string();
  };
};

// The keys of the policies in this namespace: a change of a workload or a pod may concern each.
[[nodiscard]] std::vector<std::string> policies_of(const Stores& stores,
                                                   const std::string& name_space);

}  // namespace pgrightsizer::controller
