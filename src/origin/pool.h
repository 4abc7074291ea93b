// SPDX-License-Identifier: Apache-2.0
//
// Pool: the servers that answer for a route, and the order in which they are asked.
// Owner: Generation, const; any thread. What changes is in ServerState and PoolState, which outlive
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "origin/server_state.h"

namespace weir::origin {

class Pool {
public:
  struct Server {
    std::string host;
    std::uint16_t port = 0;
    std::optional<Address> literal; // host is an address
    std::string label;              // "host:port", for the log
    bool tls = false;
    std::string name; // asked for in TLS, and checked: the SNI, or the host
    ServerState* state = nullptr;
  };
  /// Servers already tried for a request: bit i for server i; servers from 64 on are tried once.
  using Tried = std::uint64_t;

  Pool(const config::PoolDecl& decl, ServerStates& states);

  const std::string& name() const noexcept { return name_; }
  const std::vector<Server>& servers() const noexcept { return servers_; }
  bool is_checked() const noexcept { return checked_; }

  /// The next one by weighted round robin that was not tried and is not down, or `first`; marks it.
  /// Null: there is none.
  const Server* choose(Tried& tried, const Server* first = nullptr) const noexcept;

private:
  static Tried bit(std::size_t at) noexcept { return Tried{1} << (at < 63 ? at : 63); }
  static std::vector<std::uint16_t> make_schedule(const std::vector<config::ServerDecl>& servers);

  std::string name_;
  std::vector<Server> servers_;
  bool checked_;                        // they may be down
  std::vector<std::uint16_t> schedule_; // smooth weighted round robin, one period
  PoolState* state_;
};

} // namespace weir::origin
