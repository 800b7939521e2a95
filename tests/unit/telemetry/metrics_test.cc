#include "pgrightsizer/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace pgrightsizer::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Metric kCounter{MetricKind::Counter, "shop_orders_total", "Orders."};
constexpr Metric kGauge{MetricKind::Gauge, "shop_carts", "Carts."};
constexpr Metric kHistogram{MetricKind::Histogram, "shop_seconds", "Time."};

TEST(MetricsTest, AFamilyIsThereFromItsFirstSeriesOn) {
  const auto registry = make_registry();
  EXPECT_THAT(registry->text(), Not(HasSubstr("shop_")));
  registry->set(kGauge, {}, 3);
  EXPECT_THAT(registry->text(), HasSubstr("# HELP shop_carts Carts.\n# TYPE shop_carts gauge\n"));
}

TEST(MetricsTest, CountersAddUpAndGaugesReplace) {
  const auto registry = make_registry();
  registry->add(kCounter, {{"kind", "a"}}, 2);
  registry->add(kCounter, {{"kind", "a"}}, 1);
  registry->add(kCounter, {{"kind", "b"}}, 0);
  registry->set(kGauge, {}, 3);
  registry->set(kGauge, {}, 1.5);
  const auto text = registry->text();
  EXPECT_THAT(text, HasSubstr("shop_orders_total{kind=\"a\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("shop_orders_total{kind=\"b\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("shop_carts 1.5\n"));
}

TEST(MetricsTest, HistogramsHaveBucketsSumAndCount) {
  const auto registry = make_registry();
  registry->observe(kHistogram, {}, 0.02);
  registry->observe(kHistogram, {}, 3);
  const auto text = registry->text();
  EXPECT_THAT(text, HasSubstr("shop_seconds_bucket{le=\"0.025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("shop_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("shop_seconds_count 2\n"));
}

TEST(MetricsTest, RemovesWhatHasTheseLabels) {
  const auto registry = make_registry();
  for (const char* policy : {"a", "b"})
    for (const char* state : {"ready", "desired"})
      registry->set(kGauge, {{"policy", policy}, {"state", state}}, 1);
  registry->remove(kGauge, {{"policy", "a"}});
  registry->remove(kGauge, {{"policy", "nobody"}});
  registry->remove(kCounter, {});
  const auto text = registry->text();
  EXPECT_THAT(text, Not(HasSubstr("policy=\"a\"")));
  EXPECT_THAT(text, HasSubstr("shop_carts{policy=\"b\",state=\"ready\"} 1\n"));
  registry->set(kGauge, {{"policy", "a"}, {"state", "ready"}}, 2);
  EXPECT_THAT(registry->text(), HasSubstr("shop_carts{policy=\"a\",state=\"ready\"} 2\n"));
}

TEST(MetricsTest, ValuesOfLabelsAreEscaped) {
  const auto registry = make_registry();
  registry->set(kGauge, {{"what", "say \"no\"\n"}}, 1);
  EXPECT_THAT(registry->text(), HasSubstr(R"(shop_carts{what="say \"no\"\n"} 1)"));
}

TEST(MetricsTest, AMetricOfAnotherKindIsADefect) {
  const auto registry = make_registry();
  EXPECT_THROW(registry->set(kCounter, {}, 1), std::logic_error);
  EXPECT_THROW(registry->add(kHistogram, {}, 1), std::logic_error);
  EXPECT_THROW(registry->observe(kGauge, {}, 1), std::logic_error);
}

TEST(MetricsTest, ManyThreadsCountTogether) {
  const auto registry = make_registry();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < 500; ++n) {
        registry->add(kCounter, {}, 1);
        registry->set(kGauge, {{"thread", std::to_string(i)}}, n);
        if (n % 50 == 0) (void)registry->text();
        if (n % 70 == 0) registry->remove(kGauge, {{"thread", std::to_string(i)}});
      }
    });
  threads.clear();
  EXPECT_THAT(registry->text(), HasSubstr("shop_orders_total 2000\n"));
}

}  // namespace
}  // namespace pgrightsizer::telemetry
