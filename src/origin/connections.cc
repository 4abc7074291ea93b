// SPDX-License-Identifier: Apache-2.0
#include "origin/connections.h"

namespace weir::origin {

bool OriginConn::open(event::Loop& loop, net::Fd fd, event::Task& user) {
  auto plain = std::make_unique<net::PlainTransport>();
  bool watched = plain->open(loop, std::move(fd), user);
  transport_ = std::move(plain);
  return watched;
}

bool OriginConn::secure(event::Loop& loop, net::Fd fd, event::Task& user,
                        const net::TlsClient& client, const std::string& name) {
  std::string sni = Address::parse(name) ? std::string() : name;
  auto made = net::TlsTransport::connect(loop, std::move(fd), user, client, name, sni);
  tls_ = made.get();
  transport_ = std::move(made);
  return tls_ != nullptr;
}

bool OriginConn::is_disturbed() {
  if (transport_->end_seen() || !transport_->readable()) {
    return transport_->end_seen();
  }
  char byte = 0;
  return tls_ == nullptr || tls_->read(&byte, 1).state != net::IoResult::would_block;
}

void OriginConn::run() {
  if (static_cast<ListNode<IdleTag>&>(*this).linked() &&
      (is_disturbed() || idle_.passed() || (slot_ != nullptr && !slot_->is_parked(ticket_)))) {
    home_.drop(*this);
  }
}

void OriginConn::let_go(bool release_slot) {
  if (slot_ == nullptr) {
    return;
  }
  slot_->unpark(ticket_);
  home_.loop_.revoke(ticket_);
  if (release_slot) {
    slot_->release_slot();
  }
  slot_ = nullptr;
}

OriginConnections::~OriginConnections() {
  for (auto& [address, list] : by_address_) {
    while (OriginConn* connection = list.pop_front()) {
      count_idle(false);
      std::unique_ptr<OriginConn> gone(connection);
    }
  }
}

std::unique_ptr<OriginConn> OriginConnections::take(const Address& address, event::Task& user,
                                                    const std::string& identity) {
  return take(address, identity, user, nullptr);
}

std::unique_ptr<OriginConn> OriginConnections::take_with_slot(const Address& address,
                                                              event::Task& user, ServerState& slot,
                                                              const std::string& identity) {
  return take(address, identity, user, &slot);
}

std::unique_ptr<OriginConn> OriginConnections::take(const Address& address,
                                                    const std::string& identity, event::Task& user,
                                                    ServerState* slot) {
  auto at = by_address_.find({address, identity});
  if (at == by_address_.end()) {
    return nullptr;
  }
  while (OriginConn* connection = at->second.front()) {
    if (slot != nullptr && connection->slot_ != slot) {
      return nullptr; // another pool's, or a forward's: it does not count for this server
    }
    static_cast<ListNode<IdleTag>&>(*connection).unlink();
    count_idle(false);
    std::unique_ptr<OriginConn> taken(connection);
    connection->idle_.disarm();
    static_cast<ListNode<event::RunTag>&>(*connection).unlink();
    if (connection->is_disturbed()) {
      continue; // told in this very turn
    }
    connection->let_go(slot == nullptr);
    ++connection->uses_;
    connection->transport_->set_task(user);
    return taken;
  }
  by_address_.erase(at);
  return nullptr;
}

void OriginConnections::give(std::unique_ptr<OriginConn> connection, Duration idle_time,
                             ServerState* slot) {
  connection->slot_ = slot;
  if (slot != nullptr) {
    connection->ticket_ = loop_.issue(*connection);
  }
  if (idle_ >= most_idle_ || connection->transport_->end_seen() ||
      (slot != nullptr && !slot->park(connection->ticket_))) {
    return; // its end gives the slot back
  }
  connection->transport_->set_task(*connection);
  connection->idle_.arm(loop_, idle_time, *connection);
  OriginConn& kept = *connection.release();
  by_address_[{kept.address(), kept.identity_}].push_front(kept);
  count_idle(true);
  if (kept.transport_->readable()) {
    loop_.wake(kept); // no edge will tell it again
  }
}

void OriginConnections::count_idle(bool one_more) noexcept {
  if (one_more) {
    ++idle_;
    metrics::add(metrics::Metric::origin_connections_idle);
  } else {
    --idle_;
    metrics::sub(metrics::Metric::origin_connections_idle);
  }
}

void OriginConnections::drop(OriginConn& connection) {
  static_cast<ListNode<IdleTag>&>(connection).unlink();
  count_idle(false);
  // It may be running: it dies at the end of the turn.
  loop_.retire(std::unique_ptr<OriginConn>(&connection));
}

} // namespace weir::origin
