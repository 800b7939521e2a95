// A pooler as the controller would describe it.
#pragma once

#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::pgbouncer {

inline Spec example_spec() {
  Spec spec;
  spec.policy = "shop-db";
  spec.name_space = "shop";
  spec.labels = {{"team", "checkout"}};
  spec.pool_size = 150;
  spec.boot_cap = 18;
  spec.max_clients = 10'000;
  spec.image = "example.org/pgbouncer:1.24.1";
  spec.server_host = "shop-db-direct.shop.svc";
  spec.logins = {{"shop", "s3cret", "shop"}};
  spec.console_password = "c0nsole";
  return spec;
}

}  // namespace pgrightsizer::pgbouncer
