#include <cstdlib>
#include <fstream>
#include <iterator>

#include "credential_files.h"
#include "pgrightsizer/kube/credentials.h"

namespace pgrightsizer::kube {
namespace {

const std::string kMount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

Result<std::string> read_credential_file(const std::string& path, const std::string& object) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) {
    return fail(ErrorKind::Invalid, "the file " + path + " cannot be read", object,
                "check that it exists and may be read");
  }
  return text;
}

Result<Credentials> in_cluster_credentials() {
  Credentials out;
  std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(ErrorKind::Invalid, "not in a pod: KUBERNETES_SERVICE_HOST or _PORT is not set", {},
                "give --kubeconfig");
  }
  // cpprestsdk does not take an IPv6 address in a URL; the certificate knows this name as well.
  if (host.find(':') != std::string::npos) host = "kubernetes.default.svc";
  out.server = "https://" + host + ":" + port;
  out.ca_file = kMount + "/ca.crt";
  auto ca = read_credential_file(out.ca_file, "ServiceAccount");
  if (!ca) return fail(std::move(ca.error()));
  out.ca_pem = std::move(*ca);
  out.token_file = kMount + "/token";
  auto token = read_credential_file(out.token_file, "ServiceAccount");
  if (!token) return fail(std::move(token.error()));
  if (auto name_space = read_credential_file(kMount + "/namespace", "")) {
    out.default_namespace = std::move(*name_space);
  }
  return out;
}

Result<Credentials> find_credentials(const std::string& kubeconfig_flag) {
  if (!kubeconfig_flag.empty()) return load_kubeconfig(kubeconfig_flag);
  const std::string listed = environment("KUBECONFIG");
  if (listed.find(':') != std::string::npos) {
    return fail(ErrorKind::Invalid, "KUBECONFIG lists several files, which are not merged", {},
                "name one file, or give --kubeconfig");
  }
  if (!listed.empty()) return load_kubeconfig(listed);
  if (!environment("KUBERNETES_SERVICE_HOST").empty()) return in_cluster_credentials();
  const std::string path = environment("HOME") + "/.kube/config";
  if (std::ifstream(path).is_open()) return load_kubeconfig(path);
  return fail(ErrorKind::Invalid,
              "no credentials for a cluster: not in a pod, KUBECONFIG is not set, no file " + path,
              {}, "give --kubeconfig");
}

}  // namespace pgrightsizer::kube
