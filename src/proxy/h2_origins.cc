// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_origins.h"

#include <algorithm>

#include "proxy/h2_origin.h"

namespace weir::proxy {

H2Origins::H2Origins(event::Loop& loop) : loop_(loop) {}

H2Origins::~H2Origins() = default;

H2Origin* H2Origins::with_room(const std::string& key, std::span<const Address> to) {
  auto at = servers_.find(key);
  if (at == servers_.end()) {
    return nullptr;
  }
  for (auto& each : at->second.connections) {
    if (each->has_room() && std::find(to.begin(), to.end(), each->address()) != to.end()) {
      return each.get();
    }
  }
  return nullptr;
}

bool H2Origins::is_opening(const std::string& key) const {
  auto at = servers_.find(key);
  if (at == servers_.end()) {
    return false;
  }
  const auto& all = at->second.connections;
  return at->second.opening ||
         std::any_of(all.begin(), all.end(), [](const auto& each) { return !each->is_settled(); });
}

void H2Origins::wait(const std::string& key, H2Waiter& waiter) {
  if (!waiter.linked()) {
    servers_[key].waiting.push_back(waiter);
  }
}

void H2Origins::begin_opening(const std::string& key) { servers_[key].opening = true; }

void H2Origins::end_opening(const std::string& key, const Error& error) {
  Server& server = servers_[key];
  server.opening = false;
  wake(server, SIZE_MAX, error);
  forget_if_unused(key);
}

H2Origin& H2Origins::add(const std::string& key, H2Opened opened) {
  Server& server = servers_[key];
  server.opening = false;
  server.connections.push_back(std::make_unique<H2Origin>(*this, loop_, key, std::move(opened)));
  return *server.connections.back();
}

void H2Origins::note_room(const std::string& key, std::size_t room) {
  if (auto at = servers_.find(key); at != servers_.end()) {
    wake(at->second, room, {});
    forget_if_unused(key);
  }
}

void H2Origins::note_settled(const std::string& key) { note_room(key, SIZE_MAX); }

void H2Origins::note_end(const std::string& key, H2Origin& connection, const Error& why) {
  auto at = servers_.find(key);
  if (at == servers_.end()) {
    return;
  }
  auto& all = at->second.connections;
  auto gone = std::find_if(all.begin(), all.end(),
                           [&](const auto& each) { return each.get() == &connection; });
  if (gone != all.end()) {
    loop_.retire(std::move(*gone)); // it may be running
    all.erase(gone);
  }
  // Who waited to hear what it takes fails with it; who waited for room may open another.
  wake(at->second, SIZE_MAX, connection.is_settled() ? Error{} : why);
  forget_if_unused(key);
}

void H2Origins::wake(Server& server, std::size_t most, const Error& error) {
  while (most > 0 && !server.waiting.empty()) {
    H2Waiter& waiter = *server.waiting.pop_front();
    waiter.error = error;
    loop_.wake(waiter.task);
    --most;
  }
}

void H2Origins::forget_if_unused(const std::string& key) {
  auto at = servers_.find(key);
  if (at != servers_.end() && !at->second.opening && at->second.connections.empty() &&
      at->second.waiting.empty()) {
    servers_.erase(at);
  }
}

} // namespace weir::proxy
