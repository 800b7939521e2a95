// routing.mode None: the front Service is not managed; direct sessions tell where traffic goes.
#include "sights.h"

namespace pgrightsizer::transition {
namespace {

Sight unmanaged(Sight sight) {
  sight.rules.switch_route = false;
  sight.seen.route = Route::Direct;
  return sight;
}

TEST(RoutingNone, ThePoolerIsProvided) {
  Sight sight = unmanaged(at_rest_direct(49));
  sight.scale_to(50);
  EXPECT_THAT(sight.next(), Is(StepKind::ApplyPooler));
}

TEST(RoutingNone, NobodyIsMovedOrDrained) {
  Sight sight = unmanaged(just_switched(50));
  sight.rules.drain = Drain::TerminateIdle;
  sight.seen.direct_sessions = 1000;
  sight.seen.direct_capacity = 1000;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::DirectDraining));
}

TEST(RoutingNone, CapsGrowIntoWhatIsFreeBesideDirectSessions) {
  Sight sight = unmanaged(just_switched(50));
  sight.seen.direct_sessions = 400;
  sight.seen.direct_capacity = 400;
  EXPECT_THAT(sight.next(), Does(StepKind::SetCap, 75));
}

TEST(RoutingNone, TheServerIsLoweredWhenNobodyIsDirectAnyMore) {
  Sight sight = unmanaged(at_rest_pooled(50));
  sight.seen.effective = sight.seen.requested = 1030;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 200));
}

TEST(RoutingNone, OnTheWayBackRoomIsMadeAndTheApplicationsAreWaitedFor) {
  Sight sight = unmanaged(at_rest_pooled(50));
  sight.scale_to(5);
  sight.seen.direct_capacity = 100;
  sight.seen.pooler->boot_cap = 2;
  for (PoolerPod& pod : sight.seen.pods) pod.cap = pod.announced = 43;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledDraining));
  sight.seen.direct_sessions = 100;
  sight.seen.looks_without_direct = 0;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::PooledDraining));
  for (PoolerPod& pod : sight.seen.pods) pod.clients = 0;
  EXPECT_THAT(sight.next(), Is(StepKind::RemovePooler));
}

}  // namespace
}  // namespace pgrightsizer::transition
