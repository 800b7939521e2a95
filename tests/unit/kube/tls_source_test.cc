#include "kube/tls_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pgrightsizer::kube {
namespace {

namespace fs = std::filesystem;

const std::string kOld = R"(-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUUA+Czz78eVMegbx9RaitMzQaolgwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBMTAeFw0yNjExMjgxMzI1NDVaFw0zNjExMjUxMzI1NDVaMAwx
CjAIBgNVBAMMATEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQvUreo4Wx0NjuM
utAUlVCOcJy+42nQQWDFlvYJzCSeNDQkgWEFU+2+qEkOxICxJ9gGts9kceSMESOz
EsEppSR1o1MwUTAdBgNVHQ4EFgQUJYyvU+BV9CkfWSdVyNGVk7CDukwwHwYDVR0j
BBgwFoAUJYyvU+BV9CkfWSdVyNGVk7CDukwwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiBWfQcfPZaJ/BYnOdi5KU0Z/yzR6cmNFMw+tKyj1NW4WwIh
ANccUtDH/LGnMxtHeYND/uK46JNaEOYnkZ2G3MiRirM6
-----END CERTIFICATE-----
)";
const std::string kNew = R"(-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUcLCNH5re6efQXYbqMaV0svolj7UwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBMjAeFw0yNjExMjgxMzI1NDZaFw0zNjExMjUxMzI1NDZaMAwx
CjAIBgNVBAMMATIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQd0PD8grdYdVD8
QAvjZdOsA8+6uSgAsD4IWTFUAHWwsx1tfE60EKB1zGFAX2/4blo3M1UZlkJBmZgm
P30vCYaXo1MwUTAdBgNVHQ4EFgQUV08kBClZkcb4XnK++jDrq8SMjhQwHwYDVR0j
BBgwFoAUV08kBClZkcb4XnK++jDrq8SMjhQwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiEAoXwg9WTuRzUPBFhHWuVVa2lJueOR2nKAVjcShWtzw7MC
ID8b8Qgae3FoGHA46GnXR+/t9uGApaOtQ3R5w9XWdm7A
-----END CERTIFICATE-----
)";

class TlsSourceTest : public ::testing::Test {
 protected:
  TlsSourceTest() {
    std::string name = (fs::temp_directory_path() / "tls-source-test-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    write(kOld);
  }
  ~TlsSourceTest() override { fs::remove_all(directory_); }

  void write(const std::string& pem) const { std::ofstream(path()) << pem; }
  [[nodiscard]] std::string path() const { return (directory_ / "ca.crt").string(); }
  [[nodiscard]] TlsSource source(const std::string& file) const {
    Credentials credentials;
    credentials.ca_pem = kOld;
    credentials.ca_file = file;
    return {*TlsMaterial::parse(kOld, {}, {}), credentials};
  }

  TlsSource::Instant now_ = std::chrono::steady_clock::now();

 private:
  fs::path directory_;
};

TEST_F(TlsSourceTest, IsReadOnceAMinute) {
  auto source = this->source(path());
  const auto old = source.get(now_);
  write(kNew);
  EXPECT_EQ(source.get(now_ + std::chrono::seconds(59)), old);
  EXPECT_NE(source.get(now_ + std::chrono::seconds(60)), old);
}

TEST_F(TlsSourceTest, TheSameCertificatesAreTheSameMaterial) {
  auto source = this->source(path());
  const auto old = source.get(now_);
  write(kOld);
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(2)), old);
}

TEST_F(TlsSourceTest, IsReadAfterARefusalAndTellsWhetherThatHelps) {
  auto source = this->source(path());
  const auto old = source.get(now_);
  EXPECT_FALSE(source.renew_after_refusal(old, now_));
  write(kNew);
  EXPECT_TRUE(source.renew_after_refusal(old, now_));
  EXPECT_TRUE(source.renew_after_refusal(old, now_));  // another connection was refused earlier
  EXPECT_NE(source.get(now_), old);
}

TEST_F(TlsSourceTest, TheLastMaterialStaysWhileTheFileCannotBeRead) {
  auto source = this->source(path());
  const auto old = source.get(now_);
  fs::remove(path());
  EXPECT_FALSE(source.renew_after_refusal(old, now_));
  write("half a certif");
  EXPECT_FALSE(source.renew_after_refusal(old, now_));
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(2)), old);
}

TEST_F(TlsSourceTest, FixedMaterialStays) {
  auto source = this->source("");
  const auto fixed = source.get(now_);
  EXPECT_FALSE(source.renew_after_refusal(fixed, now_));
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(2)), fixed);
}

}  // namespace
}  // namespace pgrightsizer::kube
