// SPDX-License-Identifier: Apache-2.0
#include "origin/pool.h"

#include <algorithm>
#include <numeric>

namespace weir::origin {

Pool::Pool(const config::PoolDecl& decl, ServerStates& states)
    : name_(decl.name), checked_(decl.check.kind != config::CheckDecl::Kind::none),
      schedule_(make_schedule(decl.servers)), state_(&states.pool(decl.name)) {
  for (const auto& server : decl.servers) {
    Server& made = servers_.emplace_back();
    made.host = server.host;
    made.port = server.port;
    made.tls = server.tls;
    made.name = server.sni.empty() ? server.host : server.sni;
    made.literal = Address::parse(server.host, server.port);
    made.label =
        made.literal ? made.literal->to_string() : server.host + ":" + std::to_string(server.port);
    made.state = &states.server(decl.name, made.label);
  }
}

/// Spreads the turns of a heavy server evenly over the period, as nginx does: each turn every
/// server gains its weight, the richest one is chosen and pays the sum.
std::vector<std::uint16_t> Pool::make_schedule(const std::vector<config::ServerDecl>& servers) {
  std::vector<std::uint16_t> schedule;
  std::int64_t divisor = 0;
  for (const auto& server : servers) {
    divisor = std::gcd(divisor, std::int64_t{server.weight});
  }
  std::int64_t sum = 0;
  for (const auto& server : servers) {
    sum += server.weight / std::max<std::int64_t>(divisor, 1);
  }
  std::vector<std::int64_t> credit(servers.size(), 0);
  for (std::int64_t turn = 0; turn < sum; ++turn) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      credit[i] += servers[i].weight / divisor;
      best = credit[i] > credit[best] ? i : best;
    }
    credit[best] -= sum;
    schedule.push_back(static_cast<std::uint16_t>(best));
  }
  return schedule;
}

const Pool::Server* Pool::choose(Tried& tried, const Server* first) const noexcept {
  if (first != nullptr) {
    tried |= bit(static_cast<std::size_t>(first - servers_.data()));
    return first;
  }
  if (schedule_.empty()) {
    return nullptr;
  }
  std::uint32_t start = state_->cursor.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < schedule_.size(); ++i) {
    std::size_t at = schedule_[(start + i) % schedule_.size()];
    bool down = checked_ && servers_[at].state->health().is_down();
    if ((tried & bit(at)) == 0 && !down) {
      tried |= bit(at);
      return &servers_[at];
    }
  }
  return nullptr;
}

} // namespace weir::origin
