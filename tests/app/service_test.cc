#include "app/service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pgrightsizer::app {
namespace {

// A port that refuses: bound, so that nobody else gets it, and never listened on.
class RefusingPort {
 public:
  RefusingPort() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  ~RefusingPort() { close(fd_); }
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;

  const std::string& port() const { return port_; }

 private:
  int fd_;
  std::string port_;
};

class ServiceTest : public testing::Test {
 protected:
  Config config() const {
    Config config;
    config.host = "127.0.0.1";
    config.port = refusing_.port();
    config.pod = "app-1";
    return config;
  }

  // Lives through `span` of the service's time in steps of 50 ms, faster than the clock on the
  // wall.
  void live(Service& service, Duration span) {
    for (const TimePoint end = now_ + span; now_ < end; now_ += std::chrono::milliseconds(50)) {
      service.tick(now_);
      std::vector<pollfd> fds;
      service.wanted(fds);
      poll(fds.data(), fds.size(), fds.empty() ? 0 : 5);
      service.handle(fds, now_);
    }
  }

  RefusingPort refusing_;
  TimePoint now_{std::chrono::hours(1)};
};

TEST_F(ServiceTest, KnocksWithBackOffWhileItIsRefused) {
  Service service(config(), now_);
  live(service, std::chrono::seconds(20));
  const ByClass& refused = service.stats().refused();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused.begin()->first, "ECONNREFUSED");
  // 4 at once, 4 while the back-off grows, then one every 1 to 2 s: not 20 connections each.
  EXPECT_GE(refused.begin()->second.count, 10u);
  EXPECT_LE(refused.begin()->second.count, 30u);
  EXPECT_EQ(service.open_connections(), 0);
}

TEST_F(ServiceTest, ArrivalsGoOnAndAreSkippedAfterThirtySeconds) {
  Service service(config(), now_);
  live(service, std::chrono::seconds(40));
  const Stats& stats = service.stats();
  EXPECT_NEAR(static_cast<double>(stats.intended), 160, 1);
  EXPECT_NEAR(static_cast<double>(stats.skipped), 40, 2);
  EXPECT_EQ(stats.intended, stats.skipped + service.queued());
  EXPECT_EQ(total(stats.failed()), 0u) << "nothing was sent, so nothing failed";
}

TEST_F(ServiceTest, DrainingStartsNothingAndAccountsForTheRest) {
  Service service(config(), now_);
  live(service, std::chrono::seconds(5));
  service.drain();
  EXPECT_TRUE(service.drained());
  live(service, std::chrono::seconds(5));
  service.shut_down();
  const Stats& stats = service.stats();
  EXPECT_NEAR(static_cast<double>(stats.intended), 20, 1);
  EXPECT_EQ(stats.intended, stats.abandoned);
  EXPECT_EQ(service.queued(), 0u);
}

}  // namespace
}  // namespace pgrightsizer::app
