// A turn of policy shop/shop-db with all that it works with: an API server that answers 404 until a
// test says otherwise, empty stores, and a clock that stands still.
#pragma once

#include <gtest/gtest.h>

#include "controller/turn/turn.h"
#include "unit/kube/fake_transport.h"
#include "unit/kube/recording_logger.h"

namespace pgrightsizer::controller {

class StandingClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return time; }
  [[nodiscard]] Instant steady() const override { return Instant(time.time_since_epoch()); }
  WallTime time{std::chrono::seconds(1'800'000'000)};
};

class TurnTest : public ::testing::Test {
 protected:
  TurnTest() {
    policy_.name_space = "shop";
    policy_.name = "shop-db";
  }

  StandingClock clock_;
  RecordingLogger logger_;
  kube::FakeTransport transport_;
  kube::Client client_{transport_, logger_};
  runtime::EventRecorder events_{client_, clock_, logger_, "test"};
  Stores stores_;
  Options options_;
  Memory memory_;
  Facts facts_;
  api::ConnectionPolicy policy_;
  Sight sight_{client_, stores_, clock_, logger_, options_};
  Turn turn_{sight_, policy_, memory_, facts_, events_};
};

}  // namespace pgrightsizer::controller
