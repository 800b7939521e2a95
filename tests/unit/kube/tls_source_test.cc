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

const std::string kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIURZYL7fObIF6T2FHuvOb0YUzB3j0wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBMTAeFw0yNjExMjgxNzAwNDFaFw0zNjExMjUxNzAwNDFaMAwx
CjAIBgNVBAMMATEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATzHvrbTJJnpjnF
apr51l++tNFzkG23MkxE1b+cdGDC3xRmQPSnsYG4mQiUIF+hprlz0oyyoJY+jJZG
RxE0peN8o1MwUTAdBgNVHQ4EFgQUbe5cVXxYAjv17R0wfkyfc1TM5jgwHwYDVR0j
BBgwFoAUbe5cVXxYAjv17R0wfkyfc1TM5jgwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiEAxWbA4DF7D12NjoNe5DmcOWd9T7BtOga2rW6CCd22/Q4C
IDwIp+jigpTI85TS0IgygkgxaXwa956KE5EjCC8uChck
-----END CERTIFICATE-----
)";
const std::string kKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtSuET6vEtTRrNeP9
mg6auTqPKnmQjLhu08PnwarFNvWhRANCAATzHvrbTJJnpjnFapr51l++tNFzkG23
MkxE1b+cdGDC3xRmQPSnsYG4mQiUIF+hprlz0oyyoJY+jJZGRxE0peN8
-----END PRIVATE KEY-----
)";
const std::string kNextCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUNXr6phOVmMa6rxlcMS9D+BtRBpswCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBMjAeFw0yNjExMjgxNzAwNDFaFw0zNjExMjUxNzAwNDFaMAwx
CjAIBgNVBAMMATIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT8Y1BWQePuJzqk
d/QoAUbHkNyoaPGQbdvKEzYJYnyB0DGILNYEhfXREoomllUtxB3vCOiPdBqq5R2c
sWucm72zo1MwUTAdBgNVHQ4EFgQU87vIdg0xGO++ZWTpKUaAXKozOOQwHwYDVR0j
BBgwFoAU87vIdg0xGO++ZWTpKUaAXKozOOQwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiEAjlktJlj5feuxOlFBJhHRBGHH3oRtT2u8X6cvH3To8lYC
ICxeUygqzvbUuNi+RhnZsFVc2ggW8+0Az5xyaUBCgnGb
-----END CERTIFICATE-----
)";
const std::string kNextKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMDGW6YazeTxdiDDD
Lkl8M/1Ym7p8fkBCwIRynJHt1jOhRANCAAT8Y1BWQePuJzqkd/QoAUbHkNyoaPGQ
bdvKEzYJYnyB0DGILNYEhfXREoomllUtxB3vCOiPdBqq5R2csWucm72z
-----END PRIVATE KEY-----
)";

class TlsSourceTest : public ::testing::Test {
 protected:
  TlsSourceTest() {
    std::string name = (fs::temp_directory_path() / "tls-source-test-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    write(kOld);
  }
  ~TlsSourceTest() override { fs::remove_all(directory_); }

  void write(const std::string& pem, const std::string& name = "ca.crt") const { std::ofstream(path(name)) << pem; }
  [[nodiscard]] std::string path(const std::string& name = "ca.crt") const { return (directory_ / name).string(); }
  [[nodiscard]] TlsSource source(const std::string& file) const {
    Credentials credentials;
    credentials.ca_pem = kOld;
    credentials.ca_file = file;
    return {*TlsMaterial::parse(kOld, {}, {}), credentials};
  }
  [[nodiscard]] TlsSource showing(const std::string& cert_file = {}, const std::string& key_file = {}) const {
    Credentials credentials;
    credentials.ca_pem = kOld;
    credentials.client_cert_pem = kCertificate;
    credentials.client_key_pem = kKey;
    credentials.client_cert_file = cert_file;
    credentials.client_key_file = key_file;
    return {*TlsMaterial::parse(kOld, kCertificate, kKey), credentials};
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

TEST_F(TlsSourceTest, OurOwnCertificateIsReadAgainWithItsKey) {
  write(kCertificate, "tls.crt");
  write(kKey, "tls.key");
  auto source = showing(path("tls.crt"), path("tls.key"));
  const auto old = source.get(now_);
  write(kNextCertificate, "tls.crt");
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(1)), old);  // whose key is not there yet
  write(kNextKey, "tls.key");
  const auto next = source.get(now_ + std::chrono::minutes(2));
  EXPECT_NE(next, old);
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(3)), next);
}

TEST_F(TlsSourceTest, ShowsTheCertificateThatItIsGiven) {
  auto source = showing();
  const auto old = source.get(now_);
  EXPECT_TRUE(source.show(kCertificate, kKey));
  EXPECT_FALSE(source.show(kNextCertificate, kKey));
  EXPECT_EQ(source.get(now_), old);
  EXPECT_TRUE(source.show(kNextCertificate, kNextKey));
  const auto next = source.get(now_);
  EXPECT_NE(next, old);
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(2)), next);
}

TEST_F(TlsSourceTest, FixedMaterialStays) {
  auto source = this->source("");
  const auto fixed = source.get(now_);
  EXPECT_FALSE(source.renew_after_refusal(fixed, now_));
  EXPECT_EQ(source.get(now_ + std::chrono::minutes(2)), fixed);
}

}  // namespace
}  // namespace pgrightsizer::kube
