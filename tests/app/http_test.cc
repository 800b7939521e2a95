#include "app/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace pgrightsizer::app {
namespace {

class HttpTest : public testing::Test {
 protected:
  int connect_client() const {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  // One turn of the loop, with the clock where the test wants it.
  void turn(TimePoint now) {
    std::vector<pollfd> fds;
    server_.wanted(fds);
    poll(fds.data(), fds.size(), 10);
    server_.handle(fds, now);
  }

  std::string answer_to(const std::string& request) {
    const int fd = connect_client();
    EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    for (int i = 0; i < 50; ++i) {
      turn(TimePoint{});
      std::array<char, 65536> chunk;
      const ssize_t n = recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (n > 0) answer.append(chunk.data(), static_cast<std::size_t>(n));
      if (n == 0) break;
    }
    close(fd);
    return answer;
  }

  HttpServer server_{"127.0.0.1", 0, [](const std::string& path, const std::string& query) {
                       return HttpAnswer{.status = path == "/stats" ? 200 : 404,
                                         .body = path + "|" + query};
                     }};
};

TEST_F(HttpTest, AnswersAGet) {
  const std::string answer = answer_to("GET /stats?from=7 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/stats|from=7")) << answer;
}

TEST_F(HttpTest, SaysNoToTheRest) {
  EXPECT_TRUE(answer_to("GET /nothing HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(answer_to("POST /stats HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(answer_to("GET \r\n\r\n").starts_with("HTTP/1.1 404"));
}

TEST_F(HttpTest, AnEndlessRequestIsCutOff) { EXPECT_EQ(answer_to(std::string(5000, 'x')), ""); }

TEST_F(HttpTest, HalfOpenClientsDoNotStarveTheNextOne) {
  std::array<int, 16> silent{};
  for (int& fd : silent) {
    fd = connect_client();
    turn(TimePoint{});
  }
  turn(TimePoint{} + std::chrono::seconds(6));
  EXPECT_TRUE(answer_to("GET /stats HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
  for (const int fd : silent) close(fd);
}

}  // namespace
}  // namespace pgrightsizer::app
