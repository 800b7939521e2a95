#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "app/clocks.h"

namespace pgrightsizer::app {

struct HttpAnswer {
  int status = 200;
  std::string body;  // JSON
};

// The least HTTP that a driver and a probe need: GET, one request per connection, in the thread
// that polls. Bounded: 16 clients, 4 KiB of request, 5 s from connect to the last byte.
class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const std::string& path, const std::string& query)>;

  // Throws std::runtime_error when the address cannot be bound. Port 0 picks a free one.
  HttpServer(const std::string& host, std::uint16_t port, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const { return port_; }

  void wanted(std::vector<pollfd>& fds);
  void handle(const std::vector<pollfd>& fds, TimePoint now);
  TimePoint next_wakeup() const;

 private:
  struct Client {
    int fd = -1;
    TimePoint deadline;
    std::string request;
    std::string answer;
    std::size_t sent = 0;
    std::size_t place = 0;
  };

  void accept_client(TimePoint now);
  bool serve(Client& client);  // false: done with it
  bool read_request(Client& client);
  void make_answer(Client& client);

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::size_t listener_place_ = 0;
  bool listening_ = false;
  std::list<Client> clients_;
};

}  // namespace pgrightsizer::app
