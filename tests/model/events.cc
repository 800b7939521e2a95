#include "events.h"

#include <algorithm>

namespace pgrightsizer::model {

namespace {

Pod& pod_at(World& world, int index) { return world.pods[static_cast<std::size_t>(index)]; }

int free_sessions(const World& world, const Scale& scale) {
  return std::max(0, world.effective - scale.reserved - sessions(world, scale));
}

bool direct_is_open(const World& world) { return world.route == Route::Direct || !world.settled; }
bool pooler_is_open(const World& world) { return world.route == Route::Pooler || !world.settled; }

class Events {
 public:
  Events(const World& world, const Scale& scale,
         const std::function<void(const char*, const World&)>& visit)
      : world_(world), scale_(scale), visit_(visit) {}

  void all(const std::vector<int>& instance_counts) {
    application(instance_counts);
    if (world_.server == Server::Up) sessions_change();
    for (int i = 0; i < world_.pod_count; ++i) pooler_pod(i);
    pooler();
    server();
    operator_and_time();
  }

 private:
  template <typename Change>
  void happen(const char* name, Change change) {
    World next = world_;
    change(next);
    next.sort_pods();
    if (next != world_) visit_(name, next);
  }

  void application(const std::vector<int>& instance_counts) {
    // Between a decision and the deletion of the pod lie milliseconds: more demand is not foreseen.
    if (world_.budget.scalings > 0 && world_.pending != Pending::DeletePod) {
      for (const int count : instance_counts) {
        if (count == world_.instances) continue;
        happen("scale", [&](World& w) {
          w.instances = count;
          --w.budget.scalings;
        });
      }
    }
    if (world_.app_pods < world_.instances) {
      happen("application pods start", [](World& w) { w.app_pods = w.instances; });
    }
    if (world_.app_pods > world_.instances) {
      happen("application pods end", [&](World& w) {
        w.app_pods = w.instances;
        w.direct = std::min(w.direct, scale_.connections * w.app_pods);
      });
    }
  }

  void sessions_change() {
    const int room = scale_.connections * world_.app_pods - world_.direct;
    const int free = free_sessions(world_, scale_);
    if (direct_is_open(world_) && room > 0 && free > 0) {
      happen("a pod opens direct sessions", [&](World& w) {
        w.direct += std::min({room, free, scale_.connections});
      });
    }
    if (world_.direct > 0) {
      happen("direct sessions end",
             [&](World& w) { w.direct = std::max(0, w.direct - scale_.connections); });
    }
    if (pooler_is_open(world_) && serving_pods() > 0) {
      happen("clients connect to the pooler", [](World& w) { w.clients = true; });
    }
  }

  int serving_pods() const {
    return static_cast<int>(
        std::count_if(world_.pods.begin(), world_.pods.begin() + world_.pod_count,
                      [](const Pod& pod) { return pod.ready && !pod.terminating; }));
  }

  void pooler_pod(int i) {
    const Pod& pod = world_.pods[static_cast<std::size_t>(i)];
    if (pod.paused) {
      happen("the guard ends a pause", [&](World& w) { pod_at(w, i).paused = false; });
    }
    if (pod.servers > 0) {
      happen("servers above the cap close", [&](World& w) { pod_at(w, i).servers = 0; });
    }
    if (pod.terminating) {
      happen("a terminating pooler pod goes", [&](World& w) { w.remove_pod(i); });
      return;
    }
    if (!pod.ready) happen("a pooler pod is ready", [&](World& w) { pod_at(w, i).ready = true; });
    if (world_.budget.replacements > 0) {
      happen("a pooler pod is replaced", [&](World& w) {
        pod_at(w, i).terminating = true;
        pod_at(w, i).pending = PodPending::None;
        --w.budget.replacements;
      });
    }
    if (pod.ready && world_.budget.container_restarts > 0) {
      happen("a pooler's container restarts", [&](World& w) {
        pod_at(w, i).cap = w.boot_cap;
        pod_at(w, i).servers = 0;
        pod_at(w, i).paused = false;
        --w.budget.container_restarts;
      });
    }
  }

  void pooler() {
    if (world_.pooler && world_.live_pods() < scale_.pooler_replicas &&
        world_.pod_count < kMostPods) {
      happen("a pooler pod is created", [&](World& w) {
        Pod pod;
        pod.cap = w.boot_cap;
        w.add_pod(pod);
      });
    }
    if (world_.clients) happen("pooler clients leave", [](World& w) { w.clients = false; });
    if (world_.login_works && world_.budget.login_failures > 0) {
      happen("logins through the pooler fail", [](World& w) {
        w.login_works = false;
        --w.budget.login_failures;
      });
    }
    if (!world_.login_works) happen("logins work again", [](World& w) { w.login_works = true; });
  }

  static void come_up(World& w) {
    w.server = Server::Up;
    w.effective = w.requested;
    w.flight = Flight::None;
    w.flight_from = w.flight_to = 0;
  }

  void server() {
    if (world_.server == Server::Up && world_.budget.server_crashes > 0) {
      happen("the server crashes and starts again", [](World& w) {
        --w.budget.server_crashes;
        w.direct = 0;
        for (Pod& pod : w.pods) pod.servers = 0;
        if (w.requested == w.bad) {
          w.server = Server::Failing;
        } else {
          come_up(w);
        }
      });
    }
    if (world_.server == Server::Up) return;
    if (world_.requested != world_.bad) happen("the server is up", come_up);
    if (world_.server != Server::Down) return;
    if (world_.requested == world_.bad) {
      happen("the server does not start", [](World& w) { w.server = Server::Failing; });
    } else if (world_.budget.failed_starts > 0 && world_.requested != world_.effective) {
      happen("the server does not start", [](World& w) {
        w.server = Server::Failing;
        w.bad = w.requested;
        --w.budget.failed_starts;
      });
    }
  }

  void operator_and_time() {
    if (!world_.settled) happen("the route has settled", [](World& w) { w.settled = true; });
    if (!world_.looked && world_.direct == 0 && world_.server == Server::Up) {
      happen("three looks see nobody direct", [](World& w) { w.looked = true; });
    }
    if (world_.looked && world_.direct > 0) {
      happen("a look sees direct sessions", [](World& w) { w.looked = false; });
    }
    if (world_.retry == Retry::Later) {
      happen("the retry is due", [](World& w) { w.retry = Retry::Due; });
    }
    happen("the operator dies", [](World& w) { crash(w); });
  }

  const World& world_;
  const Scale& scale_;
  const std::function<void(const char*, const World&)>& visit_;
};

}  // namespace

void for_each_event(const World& world, const Scale& scale, const std::vector<int>& instance_counts,
                    const std::function<void(const char*, const World&)>& visit) {
  Events(world, scale, visit).all(instance_counts);
}

namespace {

bool calm_pods(World& world, const Scale& scale) {
  for (int i = 0; i < world.pod_count; ++i) {
    Pod& pod = pod_at(world, i);
    if (pod.terminating) {
      world.remove_pod(i);
      return true;
    }
    if (!pod.ready) return pod.ready = true;
    if (pod.servers > 0) {
      pod.servers = 0;
      return true;
    }
  }
  if (!world.pooler || world.live_pods() >= scale.pooler_replicas) return false;
  Pod pod;
  pod.cap = world.boot_cap;
  world.add_pod(pod);
  return true;
}

bool calm_sessions(World& world, const Scale& scale) {
  const bool direct_route = world.route == Route::Direct;
  if (world.clients == direct_route && (direct_route || world.live_pods() > 0)) {
    world.clients = !direct_route;
    return true;
  }
  const int wanted = direct_route ? scale.connections * world.app_pods : 0;
  const int reachable = std::min(wanted, world.direct + free_sessions(world, scale));
  if (world.direct == reachable) return false;
  world.direct = reachable;
  return true;
}

}  // namespace

bool calm_down(World& world, const Scale& scale) {
  if (world.server == Server::Down) {
    world.server = world.requested == world.bad ? Server::Failing : Server::Up;
    if (world.server == Server::Up) {
      world.effective = world.requested;
      world.flight = Flight::None;
    }
    return true;
  }
  if (world.server == Server::Failing) return false;
  if (!world.settled) return world.settled = true;
  if (world.app_pods != world.instances) {
    world.app_pods = world.instances;
    world.direct = std::min(world.direct, scale.connections * world.app_pods);
    return true;
  }
  if (calm_pods(world, scale) || calm_sessions(world, scale)) return true;
  if (world.direct == 0 && !world.looked) return world.looked = true;
  if (world.retry == Retry::Later) {
    world.retry = Retry::Due;
    return true;
  }
  return false;
}

}  // namespace pgrightsizer::model
