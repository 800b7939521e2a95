#include "pgrightsizer/transition/stabilizer.h"

#include <set>

#include "check.h"

namespace pgrightsizer::property {
namespace {

using sizing::Count;
using sizing::Workload;
using std::chrono::seconds;
using transition::Stabilizer;

struct Look {
  seconds at;
  Count replicas;
  Count sessions;
};

std::vector<Look> any_looks() {
  std::vector<Look> looks;
  seconds at{0};
  const int count = *rc::gen::inRange(1, 40);
  for (int i = 0; i < count; ++i) {
    at += seconds{*rc::gen::inRange(1, 120)};
    looks.push_back({at, *rc::gen::inRange<Count>(0, 100), *rc::gen::inRange<Count>(0, 2000)});
  }
  return looks;
}

std::vector<Stabilizer::Counted> watch(const std::vector<Look>& looks,
                                       const Stabilizer::Windows& windows) {
  Stabilizer stabilizer;
  std::vector<Stabilizer::Counted> all;
  for (const Look& look : looks) {
    Workload workload;
    workload.name = "api";
    workload.replicas = look.replicas;
    all.push_back(stabilizer.observe(Stabilizer::Instant{} + seconds{5000} + look.at, {workload},
                                     look.sessions, windows));
  }
  return all;
}

TEST(StabilizerProperty, CountsNothingThatWasNeverSeen) {
  holds("counted lies between what the windows saw", [] {
    const auto looks = any_looks();
    const Stabilizer::Windows windows{seconds{*rc::gen::inRange(0, 200)},
                                      seconds{*rc::gen::inRange(0, 600)}};
    const auto counted = watch(looks, windows);
    for (std::size_t i = 0; i < looks.size(); ++i) {
      Count least = looks[i].replicas;
      Count most = looks[i].replicas;
      for (std::size_t j = 0; j < i; ++j) {
        least = std::min(least, looks[j].replicas);
        most = std::max(most, looks[j].replicas);
      }
      const Count replicas = counted[i].workloads.at(0).replicas;
      RC_ASSERT(replicas >= least && replicas <= most);
      RC_ASSERT(counted[i].peak_sessions >= looks[i].sessions);
      RC_ASSERT((counted[i].wait.count() == 0) == (replicas == looks[i].replicas));
    }
  });
}

TEST(StabilizerProperty, NeverFallsBelowWhatTheWindowSaw) {
  holds("down after the window", [] {
    const auto looks = any_looks();
    const Stabilizer::Windows windows{seconds{0}, seconds{*rc::gen::inRange(1, 600)}};
    const auto counted = watch(looks, windows);
    for (std::size_t i = 0; i < looks.size(); ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        if (looks[i].at - looks[j].at >= windows.scale_down) continue;
        RC_ASSERT(counted[i].workloads.at(0).replicas >= looks[j].replicas);
      }
    }
  });
}

TEST(StabilizerProperty, ABurstThatTheWindowCoversIsOneStep) {
  holds("a burst within the scale-up window is followed once", [] {
    const Stabilizer::Windows windows{seconds{*rc::gen::inRange(2, 200)}, seconds{0}};
    std::vector<Look> looks{{seconds{0}, 10, 0}};
    seconds at{0};
    Count replicas = 10;
    while (at < seconds{500}) {
      at += seconds{*rc::gen::inRange(1, 20)};
      if (at <= windows.scale_up) replicas += *rc::gen::inRange<Count>(0, 5);
      looks.push_back({at, replicas, 0});
    }
    std::set<Count> followed;
    for (const auto& counted : watch(looks, windows)) {
      followed.insert(counted.workloads.at(0).replicas);
    }
    RC_ASSERT(followed == std::set<Count>({10, replicas}));
  });
}

TEST(StabilizerProperty, ARiseWaitsTwoWindowsAtMost) {
  holds("nothing that was there for two windows is left out", [] {
    const auto looks = any_looks();
    const Stabilizer::Windows windows{seconds{*rc::gen::inRange(0, 200)}, seconds{0}};
    const auto counted = watch(looks, windows);
    for (std::size_t i = 0; i < looks.size(); ++i) {
      Count least = looks[i].replicas;
      bool whole = false;  // the looks reach back two windows
      for (std::size_t j = i; j-- > 0 && !whole;) {
        least = std::min(least, looks[j].replicas);
        whole = looks[i].at - looks[j].at >= 2 * windows.scale_up;
      }
      if (whole) RC_ASSERT(counted[i].workloads.at(0).replicas >= least);
    }
  });
}

TEST(StabilizerProperty, FollowsACountThatStays) {
  holds("a count that stays is counted, and is stabilized", [] {
    auto looks = any_looks();
    const Stabilizer::Windows windows{seconds{*rc::gen::inRange(0, 200)},
                                      seconds{*rc::gen::inRange(0, 600)}};
    const Count final = looks.back().replicas;
    const seconds end = looks.back().at;
    for (int i = 1; i <= 30; ++i) looks.push_back({end + seconds{25 * i}, final, 0});
    const auto counted = watch(looks, windows);
    RC_ASSERT(counted.back().workloads.at(0).replicas == final);
    RC_ASSERT(counted.back().stabilized);
    RC_ASSERT(counted.back().wait == seconds{0});
  });
}

}  // namespace
}  // namespace pgrightsizer::property
