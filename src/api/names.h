// How the schema spells the values of an enum, in both directions, from one table.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "pgrightsizer/api/connection_policy.h"

namespace pgrightsizer::api {

template <class Enum, std::size_t N>
using NameTable = std::array<std::pair<const char*, Enum>, N>;

inline constexpr NameTable<Mode, 2> kModes{
    {{"Apply", Mode::Apply}, {"Recommend", Mode::Recommend}}};
inline constexpr NameTable<ProviderKind, 2> kProviders{
    {{"StatefulSet", ProviderKind::StatefulSet}, {"External", ProviderKind::External}}};
inline constexpr NameTable<RoutingMode, 2> kRoutingModes{
    {{"Service", RoutingMode::Service}, {"None", RoutingMode::None}}};
inline constexpr NameTable<DrainMode, 3> kDrainModes{
    {{"Wait", DrainMode::Wait},
     {"TerminateIdle", DrainMode::TerminateIdle},
     {"RolloutRestart", DrainMode::RolloutRestart}}};
inline constexpr NameTable<OnIncompatible, 2> kOnIncompatible{
    {{"Hold", OnIncompatible::Hold}, {"Move", OnIncompatible::Move}}};
inline constexpr NameTable<RestartPolicy, 4> kRestartPolicies{
    {{"Auto", RestartPolicy::Auto},
     {"Immediate", RestartPolicy::Immediate},
     {"InWindow", RestartPolicy::InWindow},
     {"Manual", RestartPolicy::Manual}}};
inline constexpr NameTable<LongTransactions, 2> kLongTransactions{
    {{"Wait", LongTransactions::Wait}, {"Terminate", LongTransactions::Terminate}}};
inline constexpr NameTable<Emergency, 2> kEmergencies{
    {{"Wait", Emergency::Wait}, {"Override", Emergency::Override}}};
inline constexpr NameTable<DeletionPolicy, 2> kDeletionPolicies{
    {{"Orphan", DeletionPolicy::Orphan}, {"Unwind", DeletionPolicy::Unwind}}};
inline constexpr NameTable<sizing::CountInstances, 3> kCountInstances{
    {{"Current", sizing::CountInstances::Current},
     {"CurrentPlusSurge", sizing::CountInstances::CurrentPlusSurge},
     {"AutoscalerMax", sizing::CountInstances::AutoscalerMax}}};
inline constexpr NameTable<sizing::Enforce, 2> kEnforces{
    {{"MaxConnections", sizing::Enforce::MaxConnections},
     {"RoleConnectionLimit", sizing::Enforce::RoleConnectionLimit}}};
inline constexpr NameTable<sizing::Environment, 3> kEnvironments{
    {{"Development", sizing::Environment::Development},
     {"Staging", sizing::Environment::Staging},
     {"Production", sizing::Environment::Production}}};
inline constexpr NameTable<sizing::Provision, 3> kProvisions{{{"Auto", sizing::Provision::Auto},
                                                              {"Always", sizing::Provision::Always},
                                                              {"Never", sizing::Provision::Never}}};
inline constexpr NameTable<sizing::Route, 2> kRoutes{
    {{"Direct", sizing::Route::Direct}, {"Pooler", sizing::Route::Pooler}}};

template <class Enum, std::size_t N>
[[nodiscard]] constexpr const char* name_of(const NameTable<Enum, N>& table, Enum value) {
  for (const auto& [name, candidate] : table) {
    if (candidate == value) return name;
  }
  return "";
}

template <class Enum, std::size_t N>
[[nodiscard]] constexpr const Enum* value_of(const NameTable<Enum, N>& table,
                                             std::string_view wanted) {
  for (const auto& [name, candidate] : table) {
    if (wanted == name) return &candidate;
  }
  return nullptr;
}

// "Wait, TerminateIdle, RolloutRestart"
template <class Enum, std::size_t N>
[[nodiscard]] std::string list_of(const NameTable<Enum, N>& table) {
  std::string text;
  for (const auto& [name, value] : table) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

}  // namespace pgrightsizer::api
