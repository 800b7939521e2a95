// Where the API server is and who we are.
#pragma once

#include <functional>
#include <string>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::kube {

struct Credentials {
  std::string server;           // https://host:port
  std::string ca_pem;           // certificates the server may be signed by; nothing else is trusted
  std::string client_cert_pem;  // empty: none
  std::string client_key_pem;
  std::string token;       // empty: none
  std::string token_file;  // re-read once a minute and after a 401; wins over token
  std::string default_namespace = "default";
};

// A kubeconfig file; `context` empty: its current-context. Supports certificates (inline or by
// file), token and tokenFile; exec plugins and passwords are refused with a clear error.
[[nodiscard]] Result<Credentials> load_kubeconfig(const std::string& path,
                                                  const std::string& context = {});

// From the ServiceAccount that is mounted in a pod.
[[nodiscard]] Result<Credentials> in_cluster_credentials();

// --kubeconfig if given, else $KUBECONFIG, else in-cluster, else ~/.kube/config.
[[nodiscard]] Result<Credentials> find_credentials(const std::string& kubeconfig_flag);

}  // namespace pgrightsizer::kube
