#include "pgrightsizer/postgres/ping.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <future>
#include <latch>

namespace {

using namespace std::chrono_literals;

std::latch released(1);

}  // namespace

// In the place of libc's, for libpq too: a resolver that is silent.
extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) {
  released.wait();
  return EAI_AGAIN;
}

namespace pgrightsizer::postgres {
namespace {

TEST(Ping, DoesNotWaitForASilentResolver) {
  auto answer = std::async(std::launch::async, [] { return accepts("shop-db-direct", 5432, 1s); });
  EXPECT_EQ(answer.wait_for(20s), std::future_status::ready);
  released.count_down();
  EXPECT_FALSE(answer.get());
}

}  // namespace
}  // namespace pgrightsizer::postgres
