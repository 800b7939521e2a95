#include <yaml-cpp/yaml.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base64.h"
#include "credential_files.h"
#include "pgrightsizer/kube/credentials.h"

namespace pgrightsizer::kube {
namespace {

using Fields = std::set<std::string>;

// One kubeconfig file while it is read. May throw YAML::Exception; load_kubeconfig() catches it.
class Reader {
 public:
  Reader(std::string path, const YAML::Node& root) : path_(std::move(path)), root_(root) {}

  Result<Credentials> read(const std::string& wanted);

 private:
  [[nodiscard]] tl::unexpected<Error> invalid(const std::string& what,
                                              const std::string& remedy) const {
    return fail(ErrorKind::Invalid, what, "kubeconfig " + path_, remedy);
  }
  Result<YAML::Node> entry(const char* list, const char* body, const std::string& name) const;
  Result<std::string> pem(const YAML::Node& node, const std::string& where,
                          const std::string& field) const;
  [[nodiscard]] std::string pem_file(const YAML::Node& node, const std::string& field) const;
  Result<void> refuse(const YAML::Node& node, const std::string& where, const Fields& fields,
                      const std::string& remedy) const;
  Result<void> read_cluster(const std::string& name, Credentials& out) const;
  Result<void> read_user(const std::string& name, Credentials& out) const;
  Result<void> read_exec(const YAML::Node& exec, const std::string& where, Credentials& out) const;
  [[nodiscard]] std::string resolve(const std::string& file) const {
    return (std::filesystem::path(path_).parent_path() / file).string();
  }

  std::string path_;
  YAML::Node root_;
};

std::string scalar(const YAML::Node& node, const std::string& field) {
  const YAML::Node value = node[field];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

// clusters, users and contexts are lists of {name: …, cluster|user|context: {…}}.
Result<YAML::Node> Reader::entry(const char* list, const char* body,
                                 const std::string& name) const {
  const YAML::Node entries = root_[list];
  if (entries && entries.IsSequence()) {
    for (const auto& item : entries) {
      if (item.IsMap() && scalar(item, "name") == name && item[body].IsMap()) return item[body];
    }
  }
  return invalid(std::string(list) + " has no entry \"" + name + "\"",
                 "add it, or choose another context");
}

Result<std::string> Reader::pem(const YAML::Node& node, const std::string& where,
                                const std::string& field) const {
  const std::string data = scalar(node, field + "-data");
  if (!data.empty()) {
    auto decoded = decode_base64(data);
    if (decoded) return std::move(*decoded);
    return invalid(where + "." + field + "-data is not base64", "copy the file once more");
  }
  const std::string file = pem_file(node, field);
  if (file.empty()) return std::string();
  return read_credential_file(file, "kubeconfig " + path_ + ", " + where + "." + field);
}

// The file that pem() reads; empty when there is none, or when it does not matter.
std::string Reader::pem_file(const YAML::Node& node, const std::string& field) const {
  const std::string file = scalar(node, field);
  return file.empty() || !scalar(node, field + "-data").empty() ? std::string() : resolve(file);
}

Result<void> Reader::refuse(const YAML::Node& node, const std::string& where, const Fields& fields,
                            const std::string& remedy) const {
  for (const auto& field : fields) {
    const YAML::Node value = node[field];
    if (!value || value.IsNull()) continue;
    if (value.IsScalar() && (value.Scalar().empty() || value.Scalar() == "false")) continue;
    std::string what = where;
    what.append(".").append(field).append(" is not supported");
    return invalid(what, remedy);
  }
  return {};
}

Result<void> Reader::read_cluster(const std::string& name, Credentials& out) const {
  const std::string where = "clusters[" + name + "].cluster";
  auto cluster = entry("clusters", "cluster", name);
  if (!cluster) return fail(std::move(cluster.error()));
  if (auto ok =
          refuse(*cluster, where, {"insecure-skip-tls-verify", "tls-server-name", "proxy-url"},
                 "give the certificate authority and a server name that its certificate has");
      !ok) {
    return ok;
  }
  out.server = scalar(*cluster, "server");
  if (out.server.empty())
    return invalid(where + ".server is missing", "give the URL of the API server");
  if (out.server.find("//[") != std::string::npos) {
    return invalid(where + ".server has an IPv6 address, which is not supported",
                   "use a host name");
  }
  auto ca = pem(*cluster, where, "certificate-authority");
  if (!ca) return fail(std::move(ca.error()));
  out.ca_pem = std::move(*ca);
  out.ca_file = pem_file(*cluster, "certificate-authority");
  if (out.ca_pem.empty() && out.server.rfind("https://", 0) == 0) {
    return invalid(where + " has no certificate-authority and no certificate-authority-data",
                   "give the certificate authority of the API server");
  }
  return {};
}

Result<void> Reader::read_user(const std::string& name, Credentials& out) const {
  const std::string where = "users[" + name + "].user";
  auto user = entry("users", "user", name);
  if (!user) return fail(std::move(user.error()));
  if (auto ok = refuse(*user, where,
                       {"auth-provider", "username", "password", "as", "as-uid",
                        "as-groups", "as-user-extra"},
                       "use a client certificate, token or tokenFile, such as a ServiceAccount's");
      !ok) {
    return ok;
  }
  auto cert = pem(*user, where, "client-certificate");
  if (!cert) return fail(std::move(cert.error()));
  auto key = pem(*user, where, "client-key");
  if (!key) return fail(std::move(key.error()));
  if (cert->empty() != key->empty()) {
    return invalid(where + " has only one of client-certificate and client-key", "give both");
  }
  out.client_cert_pem = std::move(*cert);
  out.client_key_pem = std::move(*key);
  out.client_cert_file = pem_file(*user, "client-certificate");
  out.client_key_file = pem_file(*user, "client-key");
  out.token = scalar(*user, "token");
  const std::string token_file = scalar(*user, "tokenFile");
  if (!token_file.empty()) out.token_file = resolve(token_file);
  if (const YAML::Node exec = (*user)["exec"]; exec.IsDefined() && exec.IsMap())
    if (auto ok = read_exec(exec, where + ".exec", out); !ok) return ok;
  const bool secret = !out.exec.command.empty() || !out.client_key_pem.empty() || !out.token.empty() || !out.token_file.empty();
  if (secret && out.server.rfind("https://", 0) != 0) {
    return invalid("clusters[].cluster.server is not https, and " + where +
                       " has credentials that would be sent in clear",
                   "use https");
  }
  return {};
}

Result<void> Reader::read_exec(const YAML::Node& exec, const std::string& where, Credentials& out) const {
  ExecPlugin plugin;
  plugin.api_version = scalar(exec, "apiVersion");
  const std::string group = "client.authentication.k8s.io/";
  if (plugin.api_version != group + "v1" && plugin.api_version != group + "v1beta1")
    return invalid(where + ".apiVersion is neither " + group + "v1 nor v1beta1", "update the program and the file");
  if (scalar(exec, "interactiveMode") == "Always")
    return invalid(where + ".interactiveMode is Always, and there is nobody to ask", "use IfAvailable or Never");
  plugin.command = scalar(exec, "command");
  if (plugin.command.empty()) return invalid(where + ".command is missing", "name the program");
  if (plugin.command.find('/') != std::string::npos) plugin.command = resolve(plugin.command);
  for (const auto& argument : exec["args"]) plugin.arguments.push_back(argument.Scalar());
  for (const auto& one : exec["env"]) plugin.environment[scalar(one, "name")] = scalar(one, "value");
  plugin.install_hint = scalar(exec, "installHint");
  if (scalar(exec, "provideClusterInfo") == "true") {
    nlohmann::json cluster{{"server", out.server}};
    if (!out.ca_pem.empty()) cluster["certificate-authority-data"] = encode_base64(out.ca_pem);
    plugin.cluster = cluster.dump();
  }
  out.exec = std::move(plugin);
  return {};
}

Result<Credentials> Reader::read(const std::string& wanted) {
  if (!root_.IsMap()) return invalid("it is not a YAML mapping", "give a kubeconfig file");
  const std::string context_name = wanted.empty() ? scalar(root_, "current-context") : wanted;
  if (context_name.empty()) {
    return invalid("current-context is not set", "run kubectl config use-context");
  }
  auto context = entry("contexts", "context", context_name);
  if (!context) return fail(std::move(context.error()));
  Credentials out;
  if (auto ok = read_cluster(scalar(*context, "cluster"), out); !ok)
    return fail(std::move(ok.error()));
  if (auto ok = read_user(scalar(*context, "user"), out); !ok) return fail(std::move(ok.error()));
  const std::string name_space = scalar(*context, "namespace");
  if (!name_space.empty()) out.default_namespace = name_space;
  return out;
}

}  // namespace

Result<Credentials> load_kubeconfig(const std::string& path, const std::string& context) {
  auto text = read_credential_file(path, "kubeconfig " + path);
  if (!text) return fail(std::move(text.error()));
  try {
    return Reader(path, YAML::Load(*text)).read(context);
  } catch (const std::exception& error) {
    return fail(ErrorKind::Invalid, std::string("not a kubeconfig: ") + error.what(),
                "kubeconfig " + path, "correct the file");
  }
}

}  // namespace pgrightsizer::kube
