#include "pgrightsizer/kube/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kube/base64.h"
#include "kube/token_source.h"
#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::kube {
namespace {

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
  EXPECT_EQ(credentials->default_namespace, "shop");
}

TEST_F(KubeconfigTest, FilesAreRelativeToTheKubeconfig) {
  write("ca.crt", "CA");
  const auto credentials =
      load("server: 'https://h:1', certificate-authority: ca.crt", "tokenFile: token");
  ASSERT_TRUE(credentials) << credentials.error().message();
  EXPECT_EQ(credentials->ca_pem, "CA");
  EXPECT_EQ(credentials->token_file, (directory / "token").string());
}

TEST_F(KubeconfigTest, WhatIsNotSupportedIsRefusedByName) {
  expect_refused(good_cluster, "exec: {command: aws}", "users[u].user.exec");
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

class TokenSourceTest : public KubeconfigTest {
 protected:
  TokenSource::Instant now = std::chrono::steady_clock::now();
};

TEST_F(TokenSourceTest, IsReadOnceAMinute) {
  TokenSource source("", write("token", "one\n"));
  EXPECT_EQ(source.get(now), "one");
  write("token", "two\n");
  EXPECT_EQ(source.get(now + std::chrono::seconds(59)), "one");
  EXPECT_EQ(source.get(now + std::chrono::seconds(60)), "two");
}

TEST_F(TokenSourceTest, IsReadAfterARefusalAndTellsWhetherThatHelps) {
  TokenSource source("", write("token", "one"));
  EXPECT_EQ(source.get(now), "one");
  EXPECT_FALSE(source.renew_after_refusal("one", now));
  write("token", "two");
  EXPECT_TRUE(source.renew_after_refusal("one", now));
  EXPECT_TRUE(source.renew_after_refusal("one", now));  // another request was refused earlier
  EXPECT_EQ(source.get(now), "two");
}

TEST_F(TokenSourceTest, TheLastTokenStaysWhileTheFileCannotBeRead) {
  TokenSource source("", write("token", "one"));
  EXPECT_EQ(source.get(now), "one");
  fs::remove(directory / "token");
  EXPECT_EQ(source.get(now + std::chrono::minutes(2)), "one");
  write("token", "\n");
  EXPECT_EQ(source.get(now + std::chrono::minutes(4)), "one");
}

TEST_F(TokenSourceTest, AFixedTokenStays) {
  TokenSource source("fixed", "");
  EXPECT_EQ(source.get(now), "fixed");
  EXPECT_FALSE(source.renew_after_refusal("fixed", now));
}

}  // namespace
}  // namespace pgrightsizer::kube
