// rapidcheck inside GoogleTest. RC_PARAMS in the environment gives seeds and numbers of cases.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <utility>

namespace pgrightsizer::property {

template <typename Property>
void holds(const char* sentence, Property&& property) {
  EXPECT_TRUE(rc::check(sentence, std::forward<Property>(property)));
}

}  // namespace pgrightsizer::property
