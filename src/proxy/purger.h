// SPDX-License-Identifier: Apache-2.0
//
// Purger: how an exchange has something purged: the method PURGE of a sender that a rule allows,
// and the invalidation of keys that a route adds parts to. Server implements it; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "event/loop.h"

namespace weir::proxy {

struct PurgeRequest {
  std::string place; // the route's realm: no other is touched
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;
  std::string target;
  std::vector<std::string> tags; // instead of the URL
  bool hard = false;
};

/// What came of it; `number` is set before `done`.
struct PurgeReply {
  std::atomic<std::uint64_t> number{0};
  std::atomic<std::uint64_t> matched{0};
  std::atomic<bool> recorded{true};
  std::atomic<bool> done{false};
};

class Purger {
public:
  virtual ~Purger() = default;
  /// Sets `reply` when it is durable, then wakes `who`.
  virtual void purge(PurgeRequest request, event::Ticket who,
                     std::shared_ptr<PurgeReply> reply) = 0;
};

} // namespace weir::proxy
