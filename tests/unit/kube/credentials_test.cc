#include "pgrightsizer/kube/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "kube/base64.h"
#include "kube/exec_plugin.h"
#include "kube/token_source.h"
#include "pgrightsizer/kube/transport.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class KubeconfigTest : public ::testing::Test {
 protected:
  KubeconfigTest() {
    std::string name = (fs::temp_directory_path() / "kubeconfig-test-XXXXXX").string();
    directory = mkdtemp(name.data());
  }
  ~KubeconfigTest() override { fs::remove_all(directory); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory / name) << text;
    return (directory / name).string();
  }
  [[nodiscard]] Result<Credentials> load(const std::string& cluster,
                                         const std::string& user) const {
    return load_kubeconfig(
        write("config",
              "current-context: main\n"
              "contexts:\n- {name: main, context: {cluster: c, user: u, namespace: shop}}\n"
              "clusters:\n- {name: c, cluster: {" +
                  cluster +
                  "}}\n"
                  "users:\n- {name: u, user: {" +
                  user + "}}\n"));
  }
  void expect_refused(const std::string& cluster, const std::string& user,
                      const std::string& field) const {
    const auto credentials = load(cluster, user);
    ASSERT_FALSE(credentials) << cluster << " / " << user;
    EXPECT_EQ(credentials.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(credentials.error().message(), HasSubstr(field));
    EXPECT_THAT(credentials.error().message(), HasSubstr((directory / "config").string()));
    EXPECT_FALSE(credentials.error().remedy.empty());
  }

  fs::path directory;
  const std::string good_cluster = "server: 'https://h:1', certificate-authority-data: Q0E=";
};

TEST_F(KubeconfigTest, InlineCertificates) {
  const auto credentials =
      load(good_cluster, "client-certificate-data: Q0VSVA==, client-key-data: S0VZ");
  ASSERT_TRUE(credentials) << credentials.error().message();
  EXPECT_EQ(credentials->server, "https://h:1");
  EXPECT_EQ(credentials->ca_pem, "CA");
  EXPECT_EQ(credentials->client_cert_pem, "CERT");
  EXPECT_EQ(credentials->client_key_pem, "KEY");
  EXPECT_EQ(credentials->client_cert_file + credentials->client_key_file, "");
  EXPECT_EQ(credentials->default_namespace, "shop");
}

TEST_F(KubeconfigTest, FilesAreRelativeToTheKubeconfig) {
  write("ca.crt", "CA");
  const auto credentials =
      load("server: 'https://h:1', certificate-authority: ca.crt", "tokenFile: token");
  ASSERT_TRUE(credentials) << credentials.error().message();
  EXPECT_EQ(credentials->ca_pem, "CA");
  EXPECT_EQ(credentials->ca_file, (directory / "ca.crt").string());
  EXPECT_EQ(credentials->token_file, (directory / "token").string());
}

TEST_F(KubeconfigTest, ACertificateInFilesIsReadNowAndKnowsWhereItCameFrom) {
  write("tls.crt", "CERT");
  write("tls.key", "KEY");
  const auto credentials = load(good_cluster, "client-certificate: tls.crt, client-key: tls.key");
  ASSERT_TRUE(credentials) << credentials.error().message();
  EXPECT_EQ(credentials->client_cert_pem, "CERT");
  EXPECT_EQ(credentials->client_key_pem, "KEY");
  EXPECT_EQ(credentials->client_cert_file, (directory / "tls.crt").string());
  EXPECT_EQ(credentials->client_key_file, (directory / "tls.key").string());
}

TEST_F(KubeconfigTest, WhatIsNotSupportedIsRefusedByName) {
  expect_refused(good_cluster, "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}",
                 "users[u].user.exec.apiVersion");
  expect_refused(good_cluster, "exec: {apiVersion: client.authentication.k8s.io/v1}", "users[u].user.exec.command");
  expect_refused(good_cluster,
                 "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
                 "users[u].user.exec.interactiveMode");
  expect_refused(good_cluster, "username: a, password: b", "users[u].user.password");
  expect_refused(good_cluster, "auth-provider: {name: gcp}", "users[u].user.auth-provider");
  expect_refused(good_cluster, "as: root", "users[u].user.as");
  expect_refused(good_cluster + ", insecure-skip-tls-verify: true", "token: t",
                 "clusters[c].cluster.insecure-skip-tls-verify");
  expect_refused(good_cluster + ", proxy-url: 'http://p'", "token: t",
                 "clusters[c].cluster.proxy-url");
  expect_refused("server: 'https://[::1]:6443', certificate-authority-data: Q0E=", "token: t",
                 "clusters[c].cluster.server");
}

TEST_F(KubeconfigTest, WhatIsMissingOrWrongIsRefusedByName) {
  expect_refused("server: 'https://h:1'", "token: t", "certificate-authority");
  expect_refused("certificate-authority-data: Q0E=", "token: t", "clusters[c].cluster.server");
  expect_refused("server: 'https://h:1', certificate-authority-data: '%%'", "token: t",
                 "certificate-authority-data");
  expect_refused("server: 'https://h:1', certificate-authority: none.crt", "token: t", "none.crt");
  expect_refused(good_cluster, "client-certificate-data: Q0VSVA==", "client-key");
  expect_refused("server: 'http://h:1'", "token: t", "clusters[].cluster.server");
}

TEST_F(KubeconfigTest, ContextsAndFilesThatDoNotExist) {
  const auto path = write("config", "contexts: []\n");
  EXPECT_THAT(load_kubeconfig(path).error().message(), HasSubstr("current-context"));
  EXPECT_THAT(load_kubeconfig(path, "other").error().message(), HasSubstr("other"));
  EXPECT_THAT(load_kubeconfig("/nonexistent/c").error().message(), HasSubstr("/nonexistent/c"));
  EXPECT_FALSE(load_kubeconfig(write("list", "- a\n")));
  EXPECT_FALSE(load_kubeconfig(write("broken", "a: [\n")));
  EXPECT_FALSE(load_kubeconfig(write("empty", "")));
}

TEST(Credentials, SeveralFilesInTheEnvironmentAreRefused) {
  setenv("KUBECONFIG", "/a:/b", 1);
  EXPECT_THAT(find_credentials("").error().message(), HasSubstr("--kubeconfig"));
  unsetenv("KUBECONFIG");
}

TEST(Credentials, BadCertificatesFailAtTheStart) {
  Credentials credentials;
  credentials.server = "https://127.0.0.1:1";
  credentials.ca_pem = "not a certificate";
  const auto transport = make_transport(credentials);
  ASSERT_FALSE(transport);
  EXPECT_THAT(transport.error().message(), HasSubstr("certificate authority"));
  credentials.server = "ftp://h";
  EXPECT_EQ(make_transport(credentials).error().kind, ErrorKind::Invalid);
}

TEST(Base64, DecodesAndRefuses) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zm9v\nYmE="), "fooba");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(decode_base64(std::string("//79")).value(), "\xff\xfe\xfd");
  for (const char* bad : {"Z", "Zm9", "Zm=v", "Zm9v====", "Zm-v"})
    EXPECT_FALSE(decode_base64(bad)) << bad;
}

// With a clock that is set forward.
class TokenSourceTest : public KubeconfigTest {
 protected:
  [[nodiscard]] TokenSource::Instant at(seconds time) const { return begin + time; }
  [[nodiscard]] std::function<TokenSource::Instant()> clock() {
    return [this] { return at(ahead); };
  }
  static TokenSource::Instant in(milliseconds patience) { return steady_clock::now() + patience; }
  static bool becomes(TokenSource& source, const std::string& token) {
    return eventually([&] { return source.get(in(kEnough)) == token; });
  }
  // In a request that was begun just now.
  bool refused(TokenSource& source, const std::string& token) {
    return source.renew_after_refusal(token, at(ahead), in(kEnough));
  }

  static constexpr seconds kEnough{60};
  const TokenSource::Instant begin = steady_clock::now();
  std::atomic<seconds> ahead{seconds(0)};
};

TEST_F(TokenSourceTest, IsReadOnceAMinute) {
  TokenSource source("", from_file(write("token", "one\n")), clock());
  EXPECT_EQ(source.get(in(kEnough)), "one");
  write("token", "two\n");
  ahead = seconds(59);
  EXPECT_EQ(source.get(in(kEnough)), "one");
  ahead = seconds(60);
  EXPECT_TRUE(becomes(source, "two"));
}

TEST_F(TokenSourceTest, IsReadAfterARefusalAndTellsWhetherThatHelps) {
  TokenSource source("", from_file(write("token", "one")), clock());
  EXPECT_FALSE(refused(source, "one"));
  write("token", "two");
  EXPECT_TRUE(refused(source, "one"));
  EXPECT_TRUE(refused(source, "one"));  // another request was refused earlier
  EXPECT_EQ(source.get(in(kEnough)), "two");
}

TEST_F(TokenSourceTest, TheLastTokenStaysWhileTheFileCannotBeRead) {
  TokenSource source("", from_file(write("token", "one")), clock());
  fs::remove(directory / "token");
  ahead = seconds(120);
  EXPECT_EQ(source.get(in(kEnough)), "one");
  EXPECT_TRUE(eventually([&] { return source.trouble().find("token cannot be read") != std::string::npos; }));
  write("token", "\n");
  ahead = seconds(240);
  EXPECT_EQ(source.get(in(kEnough)), "one");
  write("token", "two");
  ahead = seconds(360);
  EXPECT_TRUE(becomes(source, "two"));
  EXPECT_EQ(source.trouble(), "");
}

TEST_F(TokenSourceTest, AFixedTokenStays) {
  TokenSource source("fixed");
  EXPECT_EQ(source.get(in(kEnough)), "fixed");
  EXPECT_FALSE(refused(source, "fixed"));
}

TEST_F(TokenSourceTest, OneThatIsLateIsFetchedOnceAndWaitedForAsLongAsTheCallerLikes) {
  std::promise<void> comes;
  std::atomic<int> runs{0};
  TokenSource source("", [&, late = comes.get_future().share()](const std::stop_token&) {
    if (++runs == 1) return FreshToken{"one", kEnough};
    late.wait();
    return FreshToken{"two", kEnough};
  }, clock());
  ahead = kEnough;
  EXPECT_EQ(source.get(in(milliseconds(20))), "one");
  EXPECT_FALSE(source.renew_after_refusal("one", at(ahead), in(milliseconds(20))));
  EXPECT_EQ(source.get(in(std::chrono::hours(1))), "one");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(source.renew_after_refusal("one", at(ahead), in(std::chrono::hours(1)), stop.get_token()));
  comes.set_value();
  EXPECT_TRUE(refused(source, "one"));
  EXPECT_EQ(runs, 2);
}

TEST_F(TokenSourceTest, ARenewalThatTakesLongAndFailsIsNotTriedAgainAtOnce) {
  std::atomic<int> runs{0};
  TokenSource source("", [&](const std::stop_token&) -> Result<FreshToken> {
    if (++runs == 1) return FreshToken{"one", kEnough};
    ahead = ahead.load() + seconds(60);
    return fail(ErrorKind::Unauthorized, "no token today");
  }, clock());
  ahead = seconds(60);
  ASSERT_TRUE(eventually([&] { return source.get(in(kEnough)) == "one" && ahead.load() == seconds(120); }));
  EXPECT_EQ(source.get(in(kEnough)), "one");
  EXPECT_FALSE(refused(source, "one"));
  ahead = seconds(129);
  EXPECT_FALSE(refused(source, "one"));
  EXPECT_EQ(source.get(in(kEnough)), "one");
  EXPECT_EQ(runs, 2);
  ahead = seconds(130);
  EXPECT_FALSE(refused(source, "one"));
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(source.trouble(), "no token today");
}

class ExecPluginTest : public TokenSourceTest {
 protected:
  // The plugin of a kubeconfig, a script beside it.
  [[nodiscard]] ExecPlugin plugin(const std::string& script, const std::string& more = "") const {
    fs::permissions(write("plugin", "#!/bin/sh\n" + script), fs::perms::owner_all);
    const auto credentials = load(good_cluster, "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, "
                                                "installHint: get it from us" + more + "}");
    EXPECT_TRUE(credentials) << credentials.error().message();
    return credentials->exec;
  }
  [[nodiscard]] std::string print(const std::string& status) const {
    return R"(echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{)" + status + "}}'\n";
  }
  // One that says that, and writes a line to `calls` each time.
  [[nodiscard]] ExecPlugin counted(const std::string& status) const {
    return plugin("cd \"$(dirname \"$0\")\"; echo x >>calls\n" + print(status));
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(directory / name);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
};

TEST_F(ExecPluginTest, IsToldWhatTheKubeconfigSaysAndAnswersWithCredentials) {
  const auto answer = run_exec_plugin(
      plugin("cd \"$(dirname \"$0\")\"; printf %s \"$KUBERNETES_EXEC_INFO\" >info; echo \"$1 $REGION $HOME\" >told\n" +
                 print(R"("token":"t","clientCertificateData":"C","clientKeyData":"K","expirationTimestamp":"2030-01-01T00:00:00Z")"),
             ", provideClusterInfo: true, args: [get-token], env: [{name: REGION, value: north}]"));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->token, "t");
  EXPECT_EQ(answer->client_cert_pem, "C");
  EXPECT_EQ(answer->client_key_pem, "K");
  EXPECT_EQ(answer->expires, WallTime(std::chrono::seconds(1893456000)));
  EXPECT_EQ(read("told"), "get-token north " + std::string(std::getenv("HOME")) + "\n");
  EXPECT_EQ(nlohmann::json::parse(read("info")), nlohmann::json::parse(R"({"kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1", "spec": {"interactive": false,
    "cluster": {"server": "https://h:1", "certificate-authority-data": "Q0E="}}})"));
}

TEST_F(ExecPluginTest, WhatGoesWrongIsSaidWithTheHint) {
  const auto refused = [&](const std::string& script, const std::string& words) {
    const auto answer = run_exec_plugin(plugin(script));
    ASSERT_FALSE(answer) << script;
    EXPECT_EQ(answer.error().kind, ErrorKind::Unauthorized);
    EXPECT_THAT(answer.error().message(), HasSubstr(words));
    EXPECT_THAT(answer.error().message(), HasSubstr("get it from us"));
  };
  refused("exit 3\n", "it has failed");
  refused("echo hello\n", "no ExecCredential");
  refused(print(""), "neither a token nor a client certificate");
  refused(R"(echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"}')", "not of apiVersion");
  refused("head -c 2097152 /dev/zero\n", "its answer is larger than 1 MiB");
  auto absent = plugin("");
  absent.command = "/nonexistent";
  EXPECT_THAT(run_exec_plugin(absent).error().message(), HasSubstr("cannot be started: No such file"));
  const auto slow = run_exec_plugin(plugin("exec sleep 60\n"), milliseconds(100));
  EXPECT_THAT(slow.error().message(), HasSubstr("no answer within"));
}

TEST_F(ExecPluginTest, IsNotWaitedForAfterAStop) {
  std::stop_source stop;
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return fs::exists(directory / "runs"); }));
    stop.request_stop();
  });
  const auto hanging = plugin("cd \"$(dirname \"$0\")\"; echo x >runs; exec sleep 60\n");
  const auto answer = run_exec_plugin(hanging, kPluginPatience, stop.get_token());
  stopper.join();
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message(), HasSubstr("no longer wanted"));
}

TEST_F(ExecPluginTest, IsAskedAgainWhenItsTokenExpiresOrIsRefused) {
  const auto asked = counted(R"("token":"two")");
  ExecCredential first;
  first.token = "one";
  first.expires = SystemClock().now() + std::chrono::minutes(11);
  TokenSource source("", from_plugin(asked, first, {}), clock());
  ahead = std::chrono::minutes(9);
  EXPECT_EQ(source.get(in(kEnough)), "one");
  EXPECT_EQ(read("calls"), "");
  ahead = std::chrono::minutes(11);
  EXPECT_TRUE(becomes(source, "two"));
  ahead = std::chrono::hours(24);
  EXPECT_EQ(source.get(in(kEnough)), "two");  // says no end
  EXPECT_EQ(read("calls"), "x\n");
  EXPECT_FALSE(refused(source, "two"));
  EXPECT_EQ(read("calls"), "x\nx\n");
}

TEST_F(ExecPluginTest, ACertificateAloneIsAskedForAgainWhenItExpiresOrIsRefused) {
  const auto asked = counted(R"("clientCertificateData":"C2","clientKeyData":"K2")");
  ExecCredential first;
  first.client_cert_pem = "C1";
  first.client_key_pem = "K1";
  first.expires = SystemClock().now() + std::chrono::minutes(11);
  std::string shown;
  const auto show = [&](const std::string& cert, const std::string& key) {
    shown = cert + key;
    return Result<void>();
  };
  TokenSource source("", from_plugin(asked, first, show), clock());
  EXPECT_EQ(shown, "C1K1");
  ahead = std::chrono::minutes(9);
  EXPECT_EQ(source.get(in(kEnough)), "");
  EXPECT_EQ(read("calls"), "");
  ahead = std::chrono::minutes(11);
  EXPECT_TRUE(eventually([&] { return source.get(in(kEnough)).empty() && read("calls") == "x\n"; }));
  ahead = std::chrono::hours(24);
  EXPECT_EQ(source.get(in(kEnough)), "");
  EXPECT_EQ(read("calls"), "x\n");
  EXPECT_FALSE(refused(source, ""));
  EXPECT_EQ(shown, "C2K2");
  EXPECT_EQ(read("calls"), "x\nx\n");
}

TEST_F(ExecPluginTest, ACertificateAloneIsAskedForOnceForAllThatWereRefusedBefore) {
  const auto asked = counted(R"("clientCertificateData":"C2","clientKeyData":"K2")");
  ExecCredential first;
  first.client_key_pem = "K1";
  const auto show = [](const std::string&, const std::string&) { return Result<void>(); };
  TokenSource source("", from_plugin(asked, first, show), clock());
  ahead = seconds(5);
  for (const int begun : {1, 2, 3})
    EXPECT_FALSE(source.renew_after_refusal("", at(seconds(begun)), in(kEnough)));
  EXPECT_EQ(read("calls"), "x\n");
  EXPECT_FALSE(source.renew_after_refusal("", at(seconds(6)), in(kEnough)));
  EXPECT_EQ(read("calls"), "x\nx\n");
}

TEST_F(ExecPluginTest, ACertificateThatCannotBeShownIsTrouble) {
  ExecCredential first;
  first.client_key_pem = "K1";
  const auto show = [](const std::string&, const std::string&) {
    return Result<void>(fail(ErrorKind::Invalid, "the key is another's"));
  };
  TokenSource source("", from_plugin(plugin(""), first, show));
  EXPECT_THAT(source.trouble(), HasSubstr("plugin: the key is another's"));
}

TEST_F(ExecPluginTest, ItsErrorKeepsTheTransportFromBeginning) {
  Credentials credentials;
  credentials.server = "https://h:1";
  credentials.exec = plugin("exit 1\n");
  const auto transport = make_transport(credentials);
  ASSERT_FALSE(transport);
  EXPECT_THAT(transport.error().message(), HasSubstr("exec plugin"));
}

}  // namespace
}  // namespace pgrightsizer::kube
