// A server that gives one answer to everything.
#pragma once

#include <memory>
#include <utility>

#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {

class FakeLink final : public Link {
 public:
  explicit FakeLink(Rows answer) : answer_(std::move(answer)) {}
  static Session session(Rows answer) { return Session(std::make_unique<FakeLink>(std::move(answer))); }

  Result<Rows> query(const std::string&, const std::vector<std::string>&, std::chrono::milliseconds) override {
    return answer_;
  }
  Result<void> start(const std::string&) override { return {}; }
  Result<std::optional<Rows>> poll(std::chrono::milliseconds) override { return answer_; }
  void close() override {}
  [[nodiscard]] bool alive() const override { return true; }
  [[nodiscard]] int backend_pid() const override { return 1; }
  [[nodiscard]] int server_version() const override { return 170'000; }

 private:
  Rows answer_;
};

}  // namespace pgrightsizer::postgres
