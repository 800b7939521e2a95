// A server whose answers are a test's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {

class FakeLink final : public Link {
 public:
  using Answer = std::function<Result<Rows>(const std::string& sql, const std::vector<std::string>& parameters)>;

  explicit FakeLink(Answer answer) : answer_(std::move(answer)) {}
  static Session session(Answer answer) { return Session(std::make_unique<FakeLink>(std::move(answer))); }
  // Whose connection is dead, without a word.
  static Session silent_session() {
    auto link = std::make_unique<FakeLink>([](const auto&, const auto&) { return Rows{}; });
    link->silent_ = true;
    return Session(std::move(link));
  }
  // The same rows for everything.
  static Session session(Rows rows) {
    return session([rows = std::move(rows)](const auto&, const auto&) { return rows; });
  }

  Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters,
                     std::chrono::milliseconds) override {
    return answer_(sql, parameters);
  }
  Result<void> start(const std::string&) override { return {}; }
  Result<std::optional<Rows>> poll(std::chrono::milliseconds) override {
    if (silent_) return std::nullopt;
    return Rows{};
  }
  void close() override {}
  [[nodiscard]] bool alive() const override { return true; }
  [[nodiscard]] int backend_pid() const override { return 1; }
  [[nodiscard]] int server_version() const override { return 170'000; }

 private:
  Answer answer_;
  bool silent_ = false;
};

}  // namespace pgrightsizer::postgres
