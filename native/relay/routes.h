// Listeners that serve several pools: the rules, and the pools that they lead to.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "../protocol/route_rules.h"

namespace limpet {

struct RelayPool;

struct RelayRoutes {
  std::shared_ptr<const RouteRules> rules;
  std::vector<RelayPool*> pools;  // by the places that the rules give

  bool lead_to(const RelayPool& pool) const { return std::find(pools.begin(), pools.end(), &pool) != pools.end(); }
};

}  // namespace limpet
