// Where the API server is and who we are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::kube {

// A program that prints credentials, as users[].user.exec names it.
struct ExecPlugin {
  std::string command;  // empty: none
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // beside our own
  std::string api_version;
  std::string cluster;       // what it is told of the cluster, JSON; empty: nothing
  std::string install_hint;  // what people are told when it is not there
};

struct Credentials {
  std::string server;           // https://host:port
  std::string ca_pem;           // certificates the server may be signed by; nothing else is trusted
  std::string ca_file;          // of ca_pem, re-read once a minute and after a refusal; empty: fixed
  std::string client_cert_pem;  // empty: none
  std::string client_key_pem;
  std::string client_cert_file;  // of the two, re-read once a minute; empty: fixed
  std::string client_key_file;
  std::string token;       // empty: none
  std::string token_file;  // re-read once a minute and after a 401; wins over token
  // Asked for a token, a client certificate or both when they expire and after a 401.
  ExecPlugin exec;
  std::string default_namespace = "default";
};

// A kubeconfig file; `context` empty: its current-context. Supports certificates (inline or by
// file), token, tokenFile and exec plugins, which are never interactive; passwords are refused with
// a clear error.
[[nodiscard]] Result<Credentials> load_kubeconfig(const std::string& path,
                                                  const std::string& context = {});

// From the ServiceAccount that is mounted in a pod.
[[nodiscard]] Result<Credentials> in_cluster_credentials();

// --kubeconfig if given, else $KUBECONFIG, else in-cluster, else ~/.kube/config.
[[nodiscard]] Result<Credentials> find_credentials(const std::string& kubeconfig_flag);

}  // namespace pgrightsizer::kube
